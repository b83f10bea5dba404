#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs tests/stress/stress with one thread and several, and without optional kernel features.
for args in "1 3000" "2 3000" "8 1500"; do
	timeout 300 tests/stress/stress $args || { echo "FAIL: stress $args"; exit 1; }
done
PAGES_DISABLE=all timeout 300 tests/stress/stress 4 1500 ||
	{ echo "FAIL: without kernel features"; exit 1; }
