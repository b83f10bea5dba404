# SPDX-License-Identifier: MIT
# For scripts that look at installed files: sets root, where they are, and the directories of
# this build; INSTALLED=/ is what make install has installed.  tmp is theirs.
# shellcheck shell=sh disable=SC2034
[ -f Makefile ] && [ -f .libs/libpages.so ] || { echo "not built"; exit 99; }
[ -z "$SANITIZED" ] || { echo "programs would need the sanitizers, too"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM

root=${INSTALLED-$tmp/root}
if [ -z "${INSTALLED-}" ]; then
	(unset MAKEFLAGS MFLAGS && ${MAKE:-make} -s install DESTDIR="$root") >"$tmp/log" 2>&1 || {
		cat "$tmp/log"
		exit 99
	}
fi
root=${root%/}

# value VARIABLE: of this build's Makefile, expanded
value() {
	printf 'include Makefile\nvalue-of:\n\t@echo $(%s)\n' "$1" | (unset MAKEFLAGS MFLAGS && ${MAKE:-make} -s -f - value-of)
}
libdir=$root$(value libdir)
bad=0

# works WHAT COMMAND...
works() {
	what=$1
	shift
	if "$@" >"$tmp/log" 2>&1; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		head -n 20 "$tmp/log"
		bad=1
	fi
}

cat >"$tmp/program.c" <<'END'
#include <string.h>
#include <pages/malloc.h>
int
main(void)
{
	char *p = pages_malloc(1 << 20);

	if (p == NULL || !pages_owns(p))
		return 1;
	memset(p, 1, 1 << 20);
	p = pages_realloc(p, 64 << 20);
	if (p == NULL || p[(1 << 20) - 1] != 1)
		return 2;
	pages_free(p);
	return 0;
}
END

# Nothing here calls malloc by name; with the shim, the block is among its own.
cat >"$tmp/shim.cc" <<'END'
int
main()
{
	char *volatile p = new char[1 << 20];

	p[0] = 1;
	delete[] p;
}
END
