#!/bin/sh
# SPDX-License-Identifier: MIT
# The suites once more on a kernel that can do nothing special, and the examples.
unset CRITERION_OUTPUTS		# empty, it makes a suite print its usage and exit with 0
bad=0
for suite in tests/test_heap tests/test_malloc tests/test_pages; do
	[ -x $suite ] || { echo "not built: $suite"; exit 99; }
	for off in all move discard; do
		PAGES_DISABLE=$off timeout 300 $suite >/dev/null 2>tests/fallbacks.err || {
			echo "FAIL: $suite with PAGES_DISABLE=$off"
			cat tests/fallbacks.err
			bad=1
		}
	done
done
rm -f tests/fallbacks.err
for example in $EXAMPLES; do
	"$example" >/dev/null
	case $? in 0 | 77) ;; *) echo "FAIL: $example"; bad=1 ;; esac
done
exit $bad
