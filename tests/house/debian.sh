#!/bin/sh
# SPDX-License-Identifier: MIT
# The packages are built from what git has, and lintian has nothing to say.  In debian/rules
# are the tests of a build; here they are left out.
#
#	make check-debian		in a build directory; packages stay in debian-packages
#
# The tests of installed packages, as root on a machine that may be spoiled:
#
#	autopkgtest debian-packages/*.deb ../debian -- null
srcdir=${srcdir:-$(dirname "$0")/../..}
out=$PWD/debian-packages
for tool in dpkg-buildpackage dh lintian git; do
	command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done
git -C "$srcdir" rev-parse >/dev/null 2>&1 || { echo "no clone: $srcdir"; exit 77; }
(cd "$srcdir" && dpkg-checkbuilddeps -Pnocheck) || exit 77

rm -rf "$out"
mkdir -p "$out/pages" || exit 99
(cd "$srcdir" && git ls-files -z | tar --null -T - -cf -) | tar -xf - -C "$out/pages" || exit 99
(cd "$out/pages" && DEB_BUILD_OPTIONS="nocheck parallel=$(getconf _NPROCESSORS_ONLN)" \
	dpkg-buildpackage -us -uc -Pnocheck) >"$out/log" 2>&1 || {
	tail -n 30 "$out/log"
	echo "FAIL: dpkg-buildpackage; the whole of it is in $out/log"
	exit 1
}
rm -rf "$out/pages"

bad=0
as_root=
[ "$(id -u)" != 0 ] || as_root=--allow-root
lintian $as_root --display-info --fail-on error,warning,info "$out"/*.changes || { echo "FAIL: lintian"; bad=1; }

# has PACKAGE FILE: a pattern of its whole name
has() {
	dpkg-deb -c "$out/$1"_*.deb | awk '{ print $6 }' | grep -qx "\./$2" || { echo "FAIL: $1 has no $2"; bad=1; }
}
has libpages0 'usr/lib/.*/libpages_malloc\.so\.0'
has libpages-dev 'usr/lib/.*/libpages\.a'
has libpages-dev 'usr/share/man/man3/pages_open\.3\.gz'
has pages-tools 'usr/lib/pages/libpages_malloc\.so'
has pages-tools 'usr/bin/pages-run'
has pages-tools 'usr/bin/pages-stat'
has pages-tools 'usr/share/man/man7/pages-probes\.7\.gz'
has pages-tools 'usr/share/bash-completion/completions/pages-stat'
has pages-tools 'usr/share/man/man7/pages\.7\.gz'
has pages-tools 'usr/share/man/man7/pages-howto\.7\.gz'
has python3-pages 'usr/lib/python3/dist-packages/_pages_numpy\..*\.so'
exit $bad
