#!/bin/sh
# SPDX-License-Identifier: MIT
# Permission mistakes do not compile.  Each file in misuse/ breaks one rule where
# MISUSE is defined, and then must be refused with the diagnostic its first line
# asks for (.cc files: in C++ only); without MISUSE it must compile without a warning, so that nothing
# else can be the reason.  The second line says whether the file is "c++" as well,
# and "strict" if the mistake is a warning only, which has to be made an error; "gcc" if
# clang does not see it.
# Files in correct/ have no mistake and must compile, optimised and not.
srcdir=${srcdir:-.}
[ -d "$srcdir/tests/misuse" ] || { echo "no $srcdir/tests/misuse"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
LC_ALL=C
export LC_ALL
strict="-Wall -Wextra -Wshadow -Wpedantic -Wconversion -Wcast-qual -Werror"
compilers="gcc -std=c11:clang -std=c11:g++ -x c++ -std=c++17:clang++ -x c++ -std=c++17"

# usable COMPILER FLAGS...: is it there, and can it do the language?
usable() {
	echo 'int x;' >"$tmp/probe.c"
	"$@" -c "$tmp/probe.c" -o "$out.o" >/dev/null 2>&1
}

# compile FLAGS...: to an object, because some mistakes show in generated code only
compile() {
	$compiler -I"$srcdir/include" "$@" -c "$file" -o "$out.o" >"$out.log" 2>&1
}

fail() {
	echo "FAIL $compiler: $name: $1"
	head -n 8 "$out.log" | sed 's/^/    /'
	failed=$((failed + 1))
}

check_file() {
	name=${file##*/}
	regex=$(sed -n '1s|^/\* misuse: \(.*\) \*/$|\1|p' "$file")
	[ -n "$regex" ] || { echo "$name: no regex on the first line"; exit 99; }
	case $kind in *strict*) mistake="-DMISUSE $strict" ;; *) mistake=-DMISUSE ;; esac
	checked=$((checked + 1))
	if ! compile -O2 $strict; then
		fail "does not compile without the mistake"
	elif compile $least $mistake; then
		fail "the mistake compiles"
	elif ! grep -Eq "$regex" "$out.log"; then
		fail "the diagnostic does not match $regex"
	fi
}

check_correct() {
	name=${file##*/}
	checked=$((checked + 1))
	compile -O0 $strict && compile -Og $strict && compile -O2 $strict || fail "does not compile"
}

# check_all COMPILER: the mistakes at the lowest optimisation that pages.h names
check_all() {
	compiler=$1
	out=$tmp/${compiler%% *}
	checked=0
	failed=0
	usable $compiler || return 0
	case $compiler in clang*) least=-O2 ;; *) least=-Og ;; esac
	for file in "$srcdir"/tests/misuse/*.c "$srcdir"/tests/misuse/*.cc; do
		kind=$(sed -n 2p "$file")
		case $compiler:$file:$kind in
		clang*:*gcc*) ;;
		*++*:*c++*) check_file ;;
		*++*:* | *:*.cc:*) ;;
		*) check_file ;;
		esac
	done
	for file in "$srcdir"/tests/misuse/correct/*; do
		case $compiler:$file in *++*) check_correct ;; *.c) check_correct ;; esac
	done
	echo "$checked files with $compiler, $failed failed"
	touch "$out.used"
	[ "$failed" -eq 0 ]
}

# Two at a time, so that two processors have work.
bad=0
IFS=:
set -- $compilers
unset IFS
while [ $# -gt 0 ]; do
	check_all "$1" &
	(check_all "$2") || bad=1
	wait $! || bad=1
	shift 2
done
ls "$tmp"/*.used >/dev/null 2>&1 || exit 77
exit $bad
