#!/bin/sh
# SPDX-License-Identifier: MIT
# What compilers make of the vector's fast paths: a push is at most 10 instructions
# without a stack frame, which fetch the cache lines ahead, and a loop over spare capacity
# uses vector instructions.
srcdir=${srcdir:-.}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
checked=0
bad=0

cat >"$tmp/push.c" <<'END'
#include <pages/paged_vec.h>
PAGED_VEC(doubles, double);
PAGED_VEC(longs, long);
PAGED_VEC(bytes, unsigned char);
PAGED_VEC(pointers, void *);
int push_double(struct doubles *v, double x) { return doubles_push(v, x); }
int push_long(struct longs *v, long x) { return longs_push(v, x); }
int push_byte(struct bytes *v, unsigned char x) { return bytes_push(v, x); }
int push_pointer(struct pointers *v, void *x) { return pointers_push(v, x); }
int
batch(struct doubles *v, size_t n)
{
	double *x = doubles_spare(v).ptr;

	for (size_t i = 0; i < n; i++)
		x[i] = 1.5;
	return doubles_commit(v, n);
}
END

fail() {
	echo "FAIL $compiler: $*"
	cat "$tmp/code"
	bad=1
}

# code FUNCTION OBJECT: its instructions, one a line
code() {
	objdump -d --no-show-raw-insn "$2" | awk -v name="<$1>:" '
		$2 == name { on = 1; next }
		/^$/ { on = 0 }
		on { sub(/^[^\t]*\t/, ""); print }' >"$tmp/code"
}

# Up to the first return: what is behind is the slow path.
check_push() {
	code "$1" "$tmp/push.o"
	count=$(awk '{ n++ } /^ret/ { print n; exit }' "$tmp/code")
	[ "${count:-99}" -le 10 ] || fail "$1: ${count:-no} instructions to the return"
	awk '{ print } /^ret/ { exit }' "$tmp/code" | grep -qE '^(push|call|enter)|%[re]sp' &&
		fail "$1 has a stack frame"
	grep -q '^prefetch' "$tmp/code" || fail "$1 does not fetch the lines ahead"
	echo "$compiler: $1: $count instructions"
	checked=$((checked + 1))
}

case $(uname -m) in x86_64) ;; *) echo "knows x86-64 only"; exit 77 ;; esac
command -v objdump >/dev/null || exit 77
for compiler in gcc clang; do
	$compiler --version >/dev/null 2>&1 || continue
	$compiler -std=c11 -O2 -I"$srcdir/include" -c "$tmp/push.c" -o "$tmp/push.o" || exit 99
	for function in push_double push_long push_byte push_pointer; do
		check_push $function
	done
	$compiler -std=c11 -O3 -I"$srcdir/include" -c "$tmp/push.c" -o "$tmp/push.o" || exit 99
	code batch "$tmp/push.o"
	grep -qE '^v?mov[au]p[sd] +%xmm[0-9]+,' "$tmp/code" || fail "the batch loop is not vectorised"
done
[ $checked -gt 0 ] || exit 77
exit $bad
