#!/bin/sh
# SPDX-License-Identifier: MIT
# The suites once more on a kernel that can do nothing special, and the examples.
bad=0
suites=${SUITES:?run by make check}
unset CRITERION_OUTPUTS

# check SUITE DISABLED: every test of it passes or is skipped, and there are some.
check() {
	PAGES_DISABLE=$2 timeout 300 "$1" --tap >tests/house/fallbacks.out 2>&1
	status=$?
	if [ $status -ne 0 ] || ! grep -q '^ok ' tests/house/fallbacks.out; then
		echo "FAIL: $1 with PAGES_DISABLE=$2 (exit $status)"
		grep -v '^ok ' tests/house/fallbacks.out
		bad=1
	fi
}

for suite in $suites; do
	[ -x "$suite" ] || { echo "not built: $suite"; exit 99; }
	for off in all move discard guard; do
		check "$suite" $off
	done
done
rm -f tests/house/fallbacks.out
for example in $EXAMPLES; do
	"$example" >/dev/null
	case $? in 0 | 77) ;; *) echo "FAIL: $example"; bad=1 ;; esac
	PAGES_DISABLE=all "$example" >/dev/null
	case $? in 0 | 77) ;; *) echo "FAIL: $example without kernel features"; bad=1 ;; esac
done
exit $bad
