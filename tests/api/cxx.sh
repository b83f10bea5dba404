#!/bin/sh
# SPDX-License-Identifier: MIT
# <pages/pages.hpp>: its tests and the examples compile without a warning and run, with both
# compilers, in C++17 and C++20, and without exceptions and RTTI.
srcdir=${srcdir:-.}
lib=.libs/libpages.so
[ -f "$lib" ] || { echo "not built: $lib"; exit 99; }
[ -z "$SANITIZED" ] || { echo "the programs would need the sanitizers, too"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
strict="-Wall -Wextra -Wpedantic -Wconversion -Wcast-qual -Wshadow -Wundef -Wnon-virtual-dtor -Werror"
bad=0
ran=0

# works COMPILER FLAGS... FILE
works() {
	ran=$((ran + 1))
	# shellcheck disable=SC2086
	if ! "$@" $strict -I"$srcdir/include" "$lib" -Wl,-rpath,"$PWD/.libs" -o "$tmp/program" >"$tmp/log" 2>&1; then
		echo "FAIL: does not compile: $*"
	elif "$tmp/program" >"$tmp/log" 2>&1; then
		return 0
	else
		case $? in 77) return 0 ;; esac
		echo "FAIL: $*"
	fi
	head -n 20 "$tmp/log"
	bad=1
}

for cxx in g++ clang++; do
	command -v $cxx >/dev/null || { echo "no $cxx here"; continue; }
	for std in c++17 c++20; do
		echo 'int x;' >"$tmp/probe.cc"
		$cxx -std=$std -c "$tmp/probe.cc" -o "$tmp/probe.o" 2>/dev/null || { echo "$cxx has no $std"; continue; }
		for test in "$srcdir"/tests/api/*.cc; do
			works $cxx -std=$std -O2 "$test"
			works $cxx -std=$std -O0 -fno-exceptions -fno-rtti "$test"
		done
		for example in "$srcdir"/tests/examples/*.cc; do
			works $cxx -std=$std -Og "$example"
		done
	done
done
[ "$ran" -gt 0 ] || { echo "no C++ compiler"; exit 77; }
echo "$ran programs"
exit $bad
