#!/bin/sh
# SPDX-License-Identifier: MIT
# What no test runs: a build that counts, make check in it, and a table, most misses first.
# A child that ends by _exit() counts too; one that a signal ends, on purpose, does not.
#
#   make coverage [COVERAGE_TESTS='tests/api/api ...']	in a build directory
srcdir=$(cd "${srcdir:-$(dirname "$0")/../..}" && pwd) || exit 99
command -v gcovr >/dev/null || { echo "gcovr is not installed"; exit 77; }
make=${MAKE:-make}
mkdir -p coverage && cd coverage || exit 99

# Static, too, for programs that end in a hurry (see Makefile.am).  Optimised code has other
# branches than the source.
[ -f config.status ] || "$srcdir/configure" -q --enable-coverage --enable-static --with-pic \
	CC=gcc CFLAGS='-g -O0' || exit 99
find . -name '*.gcda' -delete
$make -s >make.log 2>&1 || { tail make.log; exit 99; }
$make -s -k check ${COVERAGE_TESTS:+TESTS="$COVERAGE_TESTS"} >check.log 2>&1 ||
	echo "tests failed: the figures are of what ran"
grep -E '^(FAIL|ERROR|# (TOTAL|PASS|SKIP|FAIL|ERROR):)' check.log | sort -u

# Branches that no source line has a part in are the compiler's own.
gcovr --root "$srcdir" --object-directory . --filter "$srcdir/src/" --filter "$srcdir/preload/" \
	--exclude-unreachable-branches --csv coverage.csv --json-summary coverage.json . || exit 99
awk -F, '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	{
		lines += l = $at["line_total"]; ran += r = $at["line_covered"]
		branches += b = $at["branch_total"]; taken += t = $at["branch_covered"]
		wing = $1; sub("/[^/]*$", "", wing)
		wl[wing] += l; wr[wing] += r; wb[wing] += b; wt[wing] += t
		row(l - r + b - t, $1, l, r, b, t)
	}
	function part(n, of) { return of > 0 ? 100 * n / of : 100 }
	function row(key, name, l, r, b, t) {
		printf "%d\t%-28s %5d of %5d lines %5.1f %%   %5d of %5d branches %5.1f %%\n", key, name,
			r, l, part(r, l), t, b, part(t, b)
	}
	END {
		for (wing in wl)
			row(-1, wing "/", wl[wing], wr[wing], wb[wing], wt[wing])
		row(-2, "all", lines, ran, branches, taken)
	}' coverage.csv | sort -t '	' -k1,1rn -k2 | cut -f2-
