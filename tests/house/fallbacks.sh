#!/bin/sh
# SPDX-License-Identifier: MIT
# The suites once more on a kernel that can do nothing special, and the examples.
bad=0
unset CRITERION_OUTPUTS
out=tests/house/fallbacks.out

# suite DISABLED PROGRAM [OPTIONS]: every test passes or is skipped, and there are some.
suite() {
	off=$1
	shift
	[ -x "$1" ] || { echo "not built: $1"; exit 99; }
	PAGES_DISABLE=$off timeout 300 "$@" --tap >$out 2>&1
	status=$?
	if [ $status -ne 0 ] || ! grep -q '^ok ' $out; then
		echo "FAIL: $* with PAGES_DISABLE=$off (exit $status)"
		grep -v '^ok ' $out
		bad=1
	fi
}

# Of each feature alone only what uses it: grep pages_can src
for off in all move hint discard; do
	suite $off tests/unit/unit
done
for off in all move hint; do
	suite $off tests/unit/failing --filter 'a_heap_with_failures/*'
done
for off in all discard; do
	suite $off tests/unit/vec_model
done
for off in all wipe lazy populate; do
	suite $off tests/unit/vec_cache
done
for off in all hint discard guard; do
	suite $off tests/api/api
done
rm -f $out
for example in ${EXAMPLES:?run by make check}; do
	for off in none all; do
		PAGES_DISABLE=$off "$example" >/dev/null
		case $? in 0 | 77) ;; *) echo "FAIL: $example with PAGES_DISABLE=$off"; bad=1 ;; esac
	done
done
exit $bad
