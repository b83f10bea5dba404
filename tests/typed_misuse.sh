#!/bin/sh
# SPDX-License-Identifier: MIT
# Permission mistakes do not compile.  Each file in misuse/ breaks one rule where
# MISUSE is defined, and then must be refused with the diagnostic its first line
# asks for; without MISUSE it must compile without a warning, so that nothing
# else can be the reason.  Files with "c++" on the second line are C++ as well.
srcdir=${srcdir:-.}
[ -d "$srcdir/tests/misuse" ] || { echo "no $srcdir/tests/misuse"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
trap 'exit 99' HUP INT TERM
LC_ALL=C
export LC_ALL
strict="-Wall -Wextra -Wpedantic -Wconversion -Wcast-qual -Werror"
checked=0
failed=0

# usable COMPILER FLAGS...: is it there, and can it do the language?
usable() {
	echo 'int x;' >"$tmp/probe.c"
	"$@" -c "$tmp/probe.c" -o "$tmp/out.o" >/dev/null 2>&1
}

# compile FLAGS...: -O2 and an object, because some mistakes show in generated code
compile() {
	$compiler -I"$srcdir/include" -O2 "$@" -c "$file" -o "$tmp/out.o" >"$tmp/log" 2>&1
}

fail() {
	echo "FAIL $compiler: $name: $1"
	sed 's/^/    /' "$tmp/log" | head -n "$2"
	failed=$((failed + 1))
}

check_file() {
	name=${file##*/}
	regex=$(sed -n '1s|^/\* misuse: \(.*\) \*/$|\1|p' "$file")
	[ -n "$regex" ] || { echo "$name: no regex on the first line"; exit 99; }
	checked=$((checked + 1))
	if ! compile $strict; then
		fail "does not compile without the mistake" 8
	elif compile -DMISUSE; then
		fail "the mistake compiles" 8
	elif ! grep -Eq "$regex" "$tmp/log"; then
		fail "the diagnostic does not match $regex" 8
	fi
}

seen=:
for compiler in "${CC:-cc} -std=c11" "gcc -std=c11" "clang -std=c11" \
		"g++ -x c++ -std=c++17" "clang++ -x c++ -std=c++17"; do
	case $seen in *":$compiler:"*) continue ;; esac
	seen=$seen$compiler:
	usable $compiler || continue
	for file in "$srcdir"/tests/misuse/*.c; do
		case $compiler in
		*++*) [ "$(sed -n 2p "$file")" = "/* c++ */" ] || continue ;;
		esac
		check_file
	done
done

echo "$checked combinations of file and compiler, $failed failed"
[ "$checked" -gt 0 ] || exit 77
[ "$failed" -eq 0 ]
