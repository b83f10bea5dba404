#!/bin/sh
# SPDX-License-Identifier: MIT
# The shim for musl: built by musl-gcc, under musl's loader it keeps what malloc promises there.
# The page core with musl is in targets.sh.
command -v musl-gcc >/dev/null || { echo "no musl-gcc (Debian: musl-tools)"; exit 77; }
# shellcheck source=tests/support/shim_for.sh
. "${srcdir:-.}/tests/support/shim_for.sh"
loader=/lib/ld-musl-$machine.so.1
[ -x "$loader" ] || { echo "no $loader"; exit 77; }
build_shim "shim/victim shim/tamper shim/tamper_raw shim/inflight shim/hooked shim/pinned stress/stress" \
	CC="musl-gcc -idirafter /usr/include -idirafter /usr/include/$machine-linux-gnu"
run=./preload/pages-run

needed=$(readelf -d "$shim" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
[ "$needed" = libc.so ] || fail "it needs $needed"

program shim/victim $run --report="$tmp/r.json"
[ "$(field active)" = true ] || fail "not active: $(cat "$tmp/r.json")"
[ "$(field requests)" -gt 1000 ] || fail "$(field requests) requests were routed"
case $(field provider) in *ld-musl*) ;; *) fail "behind it is $(field provider)" ;; esac
for name in tamper tamper_raw inflight pinned; do
	program shim/$name $run
done
program shim/hooked $run -c moves:on
for check in calloc realloc errno share; do
	program shim/victim $run -t 64K
	program shim/victim env PAGES_DISABLE=all $run
	program shim/victim "$loader" --preload "$shim"	# which is not the way of the kernel
done
check="4 300"
program stress/stress env LD_LIBRARY_PATH="$PWD/.libs"

# Another allocator behind it, which ends the process over a block that is not its own.
cat >"$tmp/other.c" <<'END_OF_C'
#include <stddef.h>
#include <string.h>

static _Alignas(16) char memory[512 << 20];
static size_t used;

void *
malloc(size_t n)
{
	size_t at = __atomic_fetch_add(&used, (n + 31) & ~(size_t)15, __ATOMIC_RELAXED);
	size_t *p = (void *)(memory + at);

	if (n > sizeof(memory) || at + n > sizeof(memory) - 32)
		return NULL;
	p[0] = n;
	return p + 2;
}

void
free(void *p)
{
	if (p != NULL && (size_t)((char *)p - memory) >= sizeof(memory))
		__builtin_trap();
}

size_t
malloc_usable_size(void *p)
{
	free(p);
	return p != NULL ? ((size_t *)p)[-2] : 0;
}

void *
calloc(size_t n, size_t m)
{
	return malloc(n * m);	/* nothing is used twice */
}

void *
realloc(void *p, size_t n)
{
	size_t old = malloc_usable_size(p);
	void *q;

	if (p != NULL && n <= old)
		return p;
	q = malloc(n);
	return p != NULL && q != NULL ? memcpy(q, p, old < n ? old : n) : q;
}
END_OF_C
musl-gcc -w -O1 -fno-builtin -shared -fPIC "$tmp/other.c" -o "$tmp/other.so" || exit 99
for check in separate calloc_is realloc_keeps errno; do
	program shim/victim "$loader" --preload "$shim $tmp/other.so"
done
PAGES_CONF=report:$tmp/r.json
export PAGES_CONF
rm "$tmp/r.json"
check=errno
program shim/victim "$loader" --preload "$shim $tmp/other.so"
[ "$(field provider)" = "\"$tmp/other.so\"" ] || fail "behind it is $(field provider), not other.so"
unset PAGES_CONF

# Linked instead of preloaded.
echo 'int main(void) { void *p = malloc(1 << 20); free(p); return p == 0; }' |
	musl-gcc -include stdlib.h -x c - -o "$tmp/linked" -L"${shim%/*}" -lpages_malloc \
		-Wl,-rpath,"${shim%/*}" || fail "cannot link"
PAGES_CONF=report:$tmp/l.json "$tmp/linked" || fail "linked program"
grep -q '"requests":1,' "$tmp/l.json" || fail "linked: nothing was routed"

# glibc's loader ends a process over a library that needs musl.
out=$($run sh -c 'echo fine' 2>&1)
[ "$out" = "pages-run: the shim is not put in front of sh: it runs on glibc, the shim on musl
fine" ] || fail "a program of glibc: $out"

export srcdir
sh "$srcdir/tests/house/symbols.sh" || fail "its symbols"
exit $bad
