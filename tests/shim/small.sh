#!/bin/sh
# SPDX-License-Identifier: MIT
# pages-run --small: another allocator serves the small requests and the shim the large ones, or
# nothing runs at all.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
run=$PWD/preload/pages-run
shim=$PWD/preload/.libs/libpages_malloc.so
cc=${CC:-cc}
if ! [ -x "$run" ] || ! [ -f "$shim" ]; then echo "not built"; exit 99; fi
$cc --version >/dev/null 2>&1 || { echo "no compiler"; exit 77; }
# shellcheck source=tests/support/checks.sh
. "${srcdir:-.}/tests/support/checks.sh"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
unset LD_PRELOAD LD_LIBRARY_PATH PAGES_CONF PAGES_SHIM

# refused WHAT PATTERN ARGUMENT...: in one line, before anything is run
refused() {
	what=$1 pattern=$2
	shift 2
	"$run" "$@" touch touched >out 2>err
	same "$what is refused" $? 125
	has "$what: why" err "^pages-run: .*$pattern"
	same "$what: in one line, and nothing is run" "$(grep -c . err) $(ls touched 2>/dev/null)" "1 "
}

# Counts what it serves, and says so at exit: a block of which size, if it is large.
cat >mark.c <<'END'
#define _GNU_SOURCE
#include <malloc.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>
#ifdef NEEDY
extern int other(void);
int (*needy)(void) = other;
#endif
extern void *__libc_malloc(size_t);
static size_t small, large;
void *malloc(size_t n) { ++*(n < 262144 ? &small : &large); return __libc_malloc(n); }
void free(void *p) { extern void __libc_free(void *); __libc_free(p); }
void *calloc(size_t n, size_t m) { extern void *__libc_calloc(size_t, size_t); return __libc_calloc(n, m); }
void *realloc(void *p, size_t n) { extern void *__libc_realloc(void *, size_t); return __libc_realloc(p, n); }
__attribute__((destructor)) static void
say(void)
{
	const char *s = small == 0 ? "none\n" : large == 0 ? "small\n" : "both\n";

	(void)!write(1, s, s[0] == 's' ? 6 : 5);
}
END
cat >probe.c <<'END'
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
/* Sizes of blocks: glibc's malloc gives 104 bytes where 100 are asked for, all others more. */
int
main(int argc, char **argv)
{
	char *small = malloc(100), *large = malloc(5 << 20);

	memset(large, 1, 5 << 20);
	printf("%s\n", malloc_usable_size(small) == 104 ? "glibc" : "another");
	fflush(stdout);
	if (argc > 1 && fork() == 0)
		execv(argv[0], (char *[]){ argv[0], NULL });
	if (argc > 1)
		wait(NULL);
	free(large);
	free(small);
	return 0;
}
END
$cc -fno-builtin -o probe probe.c || exit 99
echo 'int nothing;' >none.c
echo 'int other(void) { return 0; }' >other.c
if ! $cc -fno-builtin -shared -fPIC -o mark.so mark.c 2>/dev/null || ! $cc -shared -fPIC -o none.so none.c ||
	! $cc -shared -fPIC -o libother.so other.c ||
	! $cc -fno-builtin -DNEEDY -shared -fPIC -o needy.so mark.c -L. -lother 2>/dev/null; then
	echo "libraries cannot be linked"
	exit 77
fi
LD_PRELOAD=$tmp/mark.so ./probe >out 2>err
same "without the shim the library serves all" "$(tail -n 1 out)" both

## The packaged ones, found by the loader
for allocator in jemalloc mimalloc tcmalloc tbbmalloc; do
	if ! "$run" --small=$allocator -n >out 2>err && grep -q 'not found where' err; then
		skip "$allocator" "not installed"
		continue
	fi
	"$run" --small=$allocator --report=r.json ./probe child >out 2>err
	same "$allocator serves the small requests, of children, too" "$(tr '\n' ' ' <out)" "another another "
	has "$allocator is named in the report" r.json '"provider":"/[^"]*'$allocator'[^"]*"'
	has "and the large requests are the shim's" r.json '"requests":2,'
	"$run" --small=$allocator --report ./probe >out 2>err
	has "$allocator is named in the text" err "$allocator"
	same "$allocator needs no report" "$("$run" --small=$allocator ./probe)" another
	path=$(sed -n 's/.*"provider":"\([^"]*\)".*/\1/p' r.json | head -n 1)
	same "$allocator is not listed twice" "$(LD_PRELOAD=$path "$run" --small=$allocator -n 2>err |
		tr ':' '\n' | grep -c "$path")" 1
	LD_PRELOAD=$path refused "$allocator behind another" 'has an allocator already' --small=./mark.so
	"$run" --small=$allocator --compare=1 ./probe >out 2>err
	same "$allocator is compared with what there is without it" "$(tr '\n' ' ' <out)" "glibc another "
done

## A file
same "a file serves the small requests" "$("$run" --small=./mark.so ./probe | tail -n 1)" small
"$run" -n --small=./mark.so | tr -d "'" >out
has "its path becomes absolute, behind the shim" out "libpages_malloc.so:.*$tmp/mark.so$"
ln -s mark.so link.so
"$run" -n --small="$tmp/link.so" | tr -d "'" >out
has "a link stays a link" out ":.*$tmp/link.so$"
cp mark.so libmark.so
LD_LIBRARY_PATH=$tmp "$run" -n --small=libmark.so | tr -d "'" >out
has "a name is searched as the loader does" out "libpages_malloc.so:.*$tmp/libmark.so$"
LD_PRELOAD=$shim "$run" -n --small=./mark.so | tr -d "'" >out
has "the shim that is listed already stays first" out "^LD_PRELOAD=$shim:.*/mark.so$"

## What cannot be had
refused "an allocator that is not known" 'jemaloc: not jemalloc, ' --small=jemaloc
refused "an allocator that is not there" 'libnonesuch.so: not found' --small=libnonesuch.so
refused "a file that is not there" './nonesuch.so: No such file' --small=./nonesuch.so
refused "an empty name" 'empty' --small=
refused "a text" 'probe.c: it is not a library' --small=./probe.c
refused "a library without malloc" 'none.so: it has no malloc' --small=./none.so
refused "the shim" 'it is the shim' --small="$shim"
refused "what needs something else" 'needy.so: libother.so: cannot open' --small=./needy.so
head -c 18 mark.so >other.so	# e_machine is next
{ cat other.so; printf '\377\377'; tail -c +21 mark.so; } >machine.so
refused "another machine's" 'another machine' --small=./machine.so
mkdir "sp ace" && cp mark.so "sp ace"
refused "a path that LD_PRELOAD cannot name" 'a space or a colon' --small="sp ace/mark.so"
if $cc -fno-builtin -fsanitize=address -o san probe.c 2>/dev/null; then
	"$run" --small=./mark.so ./san >out 2>err
	same "a program with a sanitizer is refused" "$? $(cat out)" "125 "
	has "and why is said" err 'sanitizer'
else
	skip "a program with a sanitizer" "cannot be linked"
fi
LD_PRELOAD=/nonexistent/libasan.so.8 "$run" --small=./mark.so true >out 2>err
same "and so is it behind a sanitizer" $? 125
exit $bad
