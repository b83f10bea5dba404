#!/bin/sh
# SPDX-License-Identifier: MIT
# A program with a leak checker that links libpages: what only a large block points to is not
# leaked, and what nothing points to is.
[ -z "$SANITIZED" ] || { echo "it brings a sanitizer of its own"; exit 77; }
srcdir=${srcdir:-.}
cc=${CC:-cc}
[ -f .libs/libpages.so ] || { echo "not built"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/leaks.c" <<'END'
#include <pages/malloc.h>
#include <stdlib.h>
#include <string.h>

/* Not in a register or on the stack, where the checker would find it, too. */
__attribute__((noinline)) static void
allocate(char ***ret, int point)
{
	*ret = pages_malloc(1 << 20);
	memset(*ret, 0, 1 << 20);
	for (int i = 0; i < 1000; i++) {
		char *p = malloc(64);

		p[0] = 1;
		if (point)
			(*ret)[i] = p;
	}
}

int
main(int argc, char **argv)
{
	static char **block;

	(void)argv;
	allocate(&block, argc < 2);
	return 0;
}
END
$cc -fsanitize=address -x c - -o "$tmp/probe" 2>/dev/null <<'END' && "$tmp/probe" || { echo "no sanitizer here"; exit 77; }
int main(void) { return 0; }
END
$cc -g -O0 -fsanitize=address -I"$srcdir/include" "$tmp/leaks.c" -o "$tmp/leaks" -L.libs -lpages || exit 99
LD_LIBRARY_PATH=$PWD/.libs
export LD_LIBRARY_PATH
"$tmp/leaks" nothing >"$tmp/out" 2>&1 && { echo "# no leak checker here"; exit 77; }
grep -q 'leaked in [0-9]* allocation' "$tmp/out" ||
	{ echo "FAIL: what nothing points to"; cat "$tmp/out"; exit 1; }
"$tmp/leaks" >"$tmp/out" 2>&1 || { echo "FAIL: live blocks are no roots"; tail -n 3 "$tmp/out"; exit 1; }
