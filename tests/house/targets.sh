#!/bin/sh
# SPDX-License-Identifier: MIT
# The page core elsewhere: its suites as static programs, by every compiler and in
# every emulator that this machine has.  What is missing is said, not failed.
#
#   tests/house/targets.sh [PATTERN...]	only tests whose name, suite::test, matches
[ -z "$SANITIZED" ] || exit 77	# not for static programs
cd "${srcdir:-$(dirname "$0")/../..}" || exit 99
core="src/os/*.c src/core/*.c src/vec/*.c"
suites="tests/api/pages*.c"
cc=${CC:-cc}
machine=$(uname -m)
# musl brings none, and -m32 does not look for the machine's.
kernel_headers="-idirafter /usr/include -idirafter /usr/include/$machine-linux-gnu"
static="-static -Wl,-z,max-page-size=65536"	# a program that can have larger pages
patterns=$*

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0 ran=0
fail() { echo "FAIL: $*"; bad=1; }

cat >"$tmp/facts.c" <<'END'
#include <stdio.h>
#include <unistd.h>
int main(void)
{
	printf("%d-bit, pages of %ld", (int)sizeof(void *) * 8, sysconf(_SC_PAGESIZE));
}
END

# compile SOURCE OBJECT COMPILER...
compile() {
	source=$1 object=$2
	shift 2
	"$@" -std=gnu17 -O2 -g -D_GNU_SOURCE -DALLOW_WX=0 -DPACKAGE_VERSION='"0"' \
		-Wall -Wextra -Werror -I tests/house/plain -I include -I src -I tests \
		-c "$source" -o "$object"
}

# build NAME SOURCES SUITES COMPILER...: a program in $tmp/NAME for each suite
build() {
	dir=$tmp/$1 sources=$2 programs=$3
	shift 3
	mkdir -p "$dir/objects"
	"$@" $static "$tmp/facts.c" -o "$dir/facts" 2>/dev/null || {
		echo "no compiler for: $*"
		return
	}
	for file in $sources; do	# a pattern that nothing matches stays as it is
		[ ! -f "$file" ] || compile "$file" "$dir/objects/$(echo "$file" | tr / -).o" "$@" ||
			{ fail "$file does not compile with $*"; return; }
	done
	for file in $programs; do
		[ -f "$file" ] || continue
		compile "$file" "$dir/objects/suite.o" "$@" &&
			"$@" $static -pthread "$dir"/objects/*.o -o "$dir/suite-$(basename "$file" .c)" ||
			{ fail "$file does not compile with $*"; return; }
	done
}

# run NAME FACTS COMMAND...: what was built, where FACTS must be what the programs see
run() {
	dir=$tmp/$1 want=$2
	shift 2
	[ $# = 0 ] || command -v "$1" >/dev/null || { echo "no $1"; return; }
	ls "$dir"/suite-* >/dev/null 2>&1 || return
	facts=$("$@" "$dir/facts" 2>/dev/null)
	label="$(basename "$dir")${*:+, $*}: $facts"
	case $facts in
	*"$want"*) ;;
	*) fail "$label, and not $want"; return ;;
	esac
	ran=1
	for suite in "$dir"/suite-*; do
		# shellcheck disable=SC2086
		timeout 600 "$@" "$suite" $patterns >"$tmp/log" 2>&1
		echo "exit $?" >>"$tmp/log"
		cat "$tmp/log"
	done >"$tmp/logs"
	grep -E '^(not ok|# .*:[0-9]+:)' "$tmp/logs"
	awk -v label="$label" '
		/^# [0-9]+ passed/ { passed += $2; failed += $4; skipped += $6 }
		/^exit/ && $2 != 0 && $2 != 77 { broken++ }
		END { printf "%s: %d passed, %d failed, %d skipped\n", label, passed, failed, skipped
		      exit broken > 0 || failed > 0 || passed == 0 }' "$tmp/logs" || fail "$label"
}

# The stand-in for Criterion has to find the faults that it is there to find.
build honest "" tests/house/plain/honest.c "$cc"
if [ -x "$tmp/honest/suite-honest" ]; then
	"$tmp/honest/suite-honest" 2>/dev/null | awk '
		/^(not )?ok/ { n++; verdict = /# SKIP/ ? "skip" : /^ok/ ? "pass" : "fail"
			name = /::pass_/ ? "pass" : /::skip_/ ? "skip" : "fail"
			if (verdict != name) { print; wrong++ } }
		END { exit n == 0 || wrong > 0 }' || fail "the plain criterion.h is not honest"
fi

build native "$core" "$suites" "$cc"
run native 64-bit
run native "pages of 16384" "qemu-$machine" -p 16384
run native "pages of 65536" "qemu-$machine" -p 65536

# shellcheck disable=SC2086
build musl "$core" "$suites" musl-gcc $kernel_headers
run musl 64-bit

build aarch64 "$core" "$suites" aarch64-linux-gnu-gcc
run aarch64 64-bit qemu-aarch64

# shellcheck disable=SC2086
build 32-bit "$core" "$suites" "$cc" -m32 $kernel_headers
if [ -z "$("$tmp/32-bit/facts" 2>/dev/null)" ]; then
	run 32-bit 32-bit qemu-i386	# a kernel without 32-bit programs
else
	run 32-bit 32-bit
fi

# The whole of it, with the arena, is for 64-bit: that is said before anything is built.
if [ -x "$tmp/32-bit/facts" ] && [ -x configure ] && [ ! -f config.status ]; then
	top=$PWD
	(cd "$tmp" && ! "$top/configure" -q --host=i686-pc-linux-gnu CC="$cc -m32" \
		>log 2>&1) || fail "configure accepts a 32-bit target"
	grep -q 'error: a 64-bit target is required' "$tmp/log" ||
		{ fail "configure does not say what is wrong with a 32-bit target"; cat "$tmp/log"; }
fi

# With other pages than the arena knows, everything is the next allocator's.
build library "src/*/*.c" tests/api/malloc.c "$cc"
patterns='without_an_arena::*'
run library "pages of 65536" "qemu-$machine" -p 65536

[ $ran = 1 ] || exit 77
exit $bad
