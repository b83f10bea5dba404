#!/bin/sh
# SPDX-License-Identifier: MIT
# Children of a program under the shim inherit LD_PRELOAD, whatever they are: with another C
# library, static, with a sanitizer.  They do what they do without it.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
run=./preload/pages-run
[ -x "$run" ] && [ -f preload/.libs/libpages_malloc.so ] || { echo "not built"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0

cat >"$tmp/child.c" <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
use(void *arg)
{
	char *p = malloc(5 << 20);

	memset(p, 1, 5 << 20);
	p = realloc(p, 9 << 20);
	p[9 << 19] = 2;
	free(p);
	return arg;
}

int
main(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, use, NULL);
	use(NULL);
	pthread_join(thread, NULL);
	puts("done");
	return 7;
}
END

# child LABEL COMPILER FLAGS...
child() {
	label=$1
	shift
	"$@" "$tmp/child.c" -o "$tmp/child" -pthread 2>/dev/null &&
		[ "$("$tmp/child" 2>&1)" = "done" ] || { echo "# cannot be had here: $label"; return; }
	out=$($run sh -c "$tmp/child" 2>&1)
	status=$?
	[ "$out" = "done" ] && [ $status = 7 ] || { echo "FAIL: $label: exit $status, $out"; bad=1; }
}
child "plain" "${CC:-cc}"
child "static" "${CC:-cc}" -static
child "musl" musl-gcc
child "musl, static" musl-gcc -static
child "thread sanitizer, gcc" gcc -fsanitize=thread
child "thread sanitizer, clang" clang -fsanitize=thread
child "address sanitizer, clang" clang -fsanitize=address
exit $bad
