#!/bin/sh
# SPDX-License-Identifier: MIT
# What is installed is found: by pkg-config the library, shared and static, and the shim; by the
# dynamic linker and pages-run the shim.  A static program is refused the shim, in words.
srcdir=$(cd "${srcdir:-.}" && pwd)
. "$srcdir/tests/support/installed.sh"
cc=${CC:-cc} cxx=${CXX:-c++}
command -v pkg-config >/dev/null || { echo "no pkg-config"; exit 77; }
run=$root$(value bindir)/pages-run stat=$root$(value bindir)/pages-stat
export PKG_CONFIG_LIBDIR="$libdir/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
export LD_LIBRARY_PATH="$libdir${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
cd "$tmp" || exit 99

# shellcheck disable=SC2046	# flags are words
works "pkg-config links a program" $cc program.c $(pkg-config --cflags --libs libpages) -o linked
works "it runs" ./linked
if [ -f "$libdir/libpages.a" ]; then
	# shellcheck disable=SC2046
	works "pkg-config links a static program" \
		$cc -static program.c $(pkg-config --static --cflags --libs libpages) -o static
	works "it runs" ./static
fi

# active COMMAND...: the shim is there, and large blocks come from it
active() {
	rm -f report.json
	PAGES_CONF=report:report.json "$@" && grep -q '"requests":[1-9]' report.json
}
if $cxx --version >/dev/null 2>&1; then
	# shellcheck disable=SC2046
	works "operator new alone links the shim" \
		$cxx shim.cc -Wl,--as-needed $(pkg-config --libs libpages_malloc) -o shim
	works "and is served by it" active ./shim
	works "a program without it" $cxx shim.cc -o plain
	works "is served by it under its SONAME" active env LD_PRELOAD=libpages_malloc.so.0 ./plain
	works "and by pages-run" active env PAGES_SHIM="$libdir/libpages_malloc.so" "$run" ./plain
fi

# From outside: as soon as the program has been loaded.
seen() {
	LD_PRELOAD=libpages_malloc.so.0 sleep 60 &
	for _ in 1 2 3 4 5 6 7 8 9; do
		"$stat" $! >shown 2>&1
		status=$?
		[ $status = 1 ] && sleep 0.1 || break
	done
	kill $!
	[ $status = 0 ] && grep 'libpages_malloc: active' shown
}
works "pages-stat shows it" seen

refused() {
	! $cc -static empty.c -L"$libdir" -lpages_malloc -o empty >refusal 2>&1 &&
		grep 'cannot be linked into a static program' refusal
}
echo 'int main(void) { return 0; }' >empty.c
works "a static program is refused the shim" refused
exit $bad
