#!/bin/sh
# SPDX-License-Identifier: MIT
# The tarball: the same bytes whoever makes it, and everything in it that README names.
#
#   make dist-test	in a build directory
srcdir=${srcdir:-$(dirname "$0")/../..}
[ -f Makefile ] || { echo "no Makefile here"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0
fail() { echo "FAIL: $*"; bad=1; }

# pack NAME UMASK TZ: one dist, as somebody else would make it
pack() {
	(umask "$2" && TZ=$3 && export TZ && ${MAKE:-make} -s dist >"$tmp/log" 2>&1) || {
		cat "$tmp/log"
		exit 99
	}
	mv pages-*.tar.xz "$tmp/$1.tar.xz"
}
pack one 022 UTC
pack two 077 Asia/Kolkata
cmp "$tmp/one.tar.xz" "$tmp/two.tar.xz" || fail "two tarballs differ"

mkdir "$tmp/tree"
tar -xJf "$tmp/one.tar.xz" -C "$tmp/tree" --strip-components=1 || exit 99

# What is not generated is in git: all of it is in the tarball, but for what git needs.
if git -C "$srcdir" rev-parse >/dev/null 2>&1; then
	git -C "$srcdir" ls-files | grep -v '^\.gitignore$' | while read -r file; do
		[ -e "$tmp/tree/$file" ] || echo "$file"
	done >"$tmp/missing"
	[ ! -s "$tmp/missing" ] || fail "in git but not in the tarball: $(tr '\n' ' ' <"$tmp/missing")"
fi

# Paths that README and CONTRIBUTING name, patterns among them.  Programs have a source.
cat "$srcdir/README" "$srcdir/CONTRIBUTING" |
	grep -oE '(^|[^A-Za-z0-9_./-])(\./)?(src|tests|bench|include|preload|m4|\.ci)/[A-Za-z0-9_.*/-]*' |
	sed 's/^[^A-Za-z0-9_.]//; s/[.]*$//' | sort -u >"$tmp/named"
[ "$(wc -l <"$tmp/named")" -gt 10 ] || fail "README names no paths: $(cat "$tmp/named")"
while read -r path; do
	# shellcheck disable=SC2086	# patterns
	(cd "$tmp/tree" && ls -d $path >/dev/null 2>&1 || ls -d ${path}.c >/dev/null 2>&1 ||
		ls -d "$path"/*.c >/dev/null 2>&1) || echo "$path"
done <"$tmp/named" | grep -vE '^tests/\*/NAME\.log|^(preload/pages-(run|stat)|tests/api/api|tests/unit/unit)$' >"$tmp/missing"
[ ! -s "$tmp/missing" ] || fail "named but not in the tarball: $(tr '\n' ' ' <"$tmp/missing")"
exit $bad
