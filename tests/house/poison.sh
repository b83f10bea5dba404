#!/bin/sh
# SPDX-License-Identifier: MIT
# A program with AddressSanitizer that links libpages: it reports each use of a large block that was
# freed, moved or shortened, and nothing else.
[ -z "$SANITIZED" ] || { echo "it brings a sanitizer of its own"; exit 77; }
srcdir=${srcdir:-.}
cc=${CC:-cc}
[ -f .libs/libpages.so ] || { echo "not built"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

cat >"$tmp/uses.c" <<'END'
#include <pages/malloc.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1 << 20 };

static volatile char *p, *q;

/* Blocks of all kinds come and go; all of each is written to. */
static int
proper_use(void)
{
	static char *slots[32];
	unsigned r = 1;

	for (int i = 0; i < 3000; i++) {
		unsigned k = (r = r * 1103515245 + 12345) >> 16 & 31;
		size_t len = 300000 + (r >> 8) % (5 * MIB);
		char *b = slots[k];

		switch (r >> 21 & 7) {
		case 0:
			pages_free(b);
			slots[k] = b = pages_calloc(1, len);
			if (b[len - 1] != 0)
				return 2;
			break;
		case 1:
			pages_free(b);
			slots[k] = b = pages_malloc_with(len, 0, PAGES_MALLOC_DEDICATED);
			break;
		case 2:
			slots[k] = b = pages_resize_discard(b, len);
			break;
		case 3:
		case 4:
			slots[k] = b = pages_realloc(b, len);
			break;
		default:
			pages_free(b);
			slots[k] = b = pages_malloc(len);
		}
		memset(b, i, pages_usable_size(b));
	}
	for (int i = 0; i < 32; i++)
		pages_free(slots[i]);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	p = pages_malloc(8 * MIB);
	q = pages_malloc(MIB);	/* in the way of p */
	memset((char *)p, 1, 8 * MIB);
	if (strcmp(what, "freed") == 0) {
		pages_free((void *)p);
		return p[4 * MIB];
	}
	if (strcmp(what, "moved") == 0) {
		volatile char *old = p;

		for (size_t len = 16 * MIB; p == old; len *= 2)
			p = pages_realloc((void *)p, len);
		return p[8 * MIB - 1] == 1 ? old[100] : 3;
	}
	if (strcmp(what, "shortened") == 0) {
		p = pages_realloc((void *)p, 2 * MIB);
		return p[2 * MIB];
	}
	if (strcmp(what, "dedicated") == 0) {
		p = pages_malloc_with(4 * MIB, 0, PAGES_MALLOC_DEDICATED);
		p[0] = 1;
		pages_free((void *)p);
		return p[0];
	}
	pages_free((void *)p);
	pages_free((void *)q);
	return proper_use();
}
END
$cc -fsanitize=address -x c - -o "$tmp/probe" 2>/dev/null <<'END' && "$tmp/probe" || { echo "no sanitizer here"; exit 77; }
int main(void) { return 0; }
END
$cc -g -O1 -fsanitize=address -I"$srcdir/include" "$tmp/uses.c" -o "$tmp/uses" -L.libs -lpages || exit 99
LD_LIBRARY_PATH=$PWD/.libs
export LD_LIBRARY_PATH
bad=0
for what in freed moved shortened dedicated; do
	"$tmp/uses" $what >"$tmp/out" 2>&1
	grep -q 'AddressSanitizer: use-after-poison' "$tmp/out" ||
		{ echo "FAIL: $what: not reported"; head -n 3 "$tmp/out"; bad=1; }
done
"$tmp/uses" >"$tmp/out" 2>&1 || { echo "FAIL: proper use: status $?"; head -n 20 "$tmp/out"; bad=1; }
exit $bad
