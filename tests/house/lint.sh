#!/bin/sh
# SPDX-License-Identifier: MIT
# What tools find by reading: clang-tidy in what is shipped (.clang-tidy says what it is
# asked), cppcheck there and in the benchmark, shellcheck in all scripts.  Tests are left
# out of the first two: half of them make the mistakes that these tools look for, and
# Criterion's macros take the analyzer minutes.
#
#   make lint		in a build directory; LINT_FLAGS are the compiler's
srcdir=${srcdir:-$(dirname "$0")/../..}
flags=${LINT_FLAGS:?run by make lint}
jobs=$(getconf _NPROCESSORS_ONLN)
[ -f config.h ] || { echo "no config.h here"; exit 99; }
ran=0 bad=0

have() {
	command -v "$1" >/dev/null || { echo "$1 is not installed"; return 1; }
	ran=1
}

fail() {
	echo "FAIL: $1"
	bad=1
}

# A process for each few files.  How many warnings it kept to itself is of no interest.
if have clang-tidy; then
	find "$srcdir/src" "$srcdir/preload" -name '*.c' | sort |
		FLAGS=$flags xargs -P "$jobs" -n 4 sh -c 'clang-tidy --quiet "$@" -- $FLAGS 2>&1' tidy >lint.out ||
		fail clang-tidy
	grep -v '^[0-9]* warnings\{0,1\} generated\.$' lint.out
	rm -f lint.out
fi

# internalAstError: it gives up a file where _Generic chooses a function's argument, which
# is most of src/vec.
if have cppcheck; then
	cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
		--suppress=internalAstError --std=c11 --library=posix --library=gnu -j "$jobs" \
		--include=config.h -I. -I"$srcdir/include" -I"$srcdir/src" -I"$srcdir" \
		-DPAGES_SHIM_PATH='""' "$srcdir/src" "$srcdir/preload" "$srcdir/bench" || fail cppcheck
fi

# Its notes are left to taste: words that are meant to be split, A && B || C.
if have shellcheck; then
	(cd "$srcdir" && find bootstrap .ci/run bench tests \( -name '*.sh' -o -name bootstrap -o -name run \) \
		-type f -exec shellcheck -S warning {} +) || fail shellcheck
fi

[ $ran = 1 ] || exit 77
exit $bad
