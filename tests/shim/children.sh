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

/* Is the shim in this process? */
static int
has_shim(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	char line[4096];
	int found = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found |= strstr(line, "/libpages_malloc.so") != NULL;
	return found;
}

int
main(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, use, NULL);
	use(NULL);
	pthread_join(thread, NULL);
	puts("done");
	return has_shim() ? 8 : 7;
}
END

# child LABEL STATUS COMPILER FLAGS...: STATUS is 8 with the shim, 7 without
child() {
	label=$1 want=$2
	shift 2
	"$@" "$tmp/child.c" -o "$tmp/child" -pthread 2>/dev/null &&
		[ "$("$tmp/child" 2>&1)" = "done" ] || { echo "# cannot be had here: $label"; return; }
	out=$($run sh -c "$tmp/child" 2>&1)
	status=$?
	[ "$out" = "done" ] && [ $status = "$want" ] || { echo "FAIL: $label: exit $status, $out"; bad=1; }
}
child "plain" 8 "${CC:-cc}"
child "static" 7 "${CC:-cc}" -static
# musl's loader does not look at it: one that was built with -D_FORTIFY_SOURCE ends the process.
child "musl" 7 musl-gcc
child "musl, static" 7 musl-gcc -static
child "thread sanitizer, gcc" 8 gcc -fsanitize=thread
child "thread sanitizer, clang" 8 clang -fsanitize=thread
child "address sanitizer, clang" 8 clang -fsanitize=address
exit $bad
