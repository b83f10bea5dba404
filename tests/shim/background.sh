#!/bin/sh
# SPDX-License-Identifier: MIT
# background:on: a program that does nothing any more gives back what it kept, and
# does not notice the thread that does it.
timeout 300 tests/stress/background || { echo "FAIL: stress_background"; exit 1; }
[ -z "$SANITIZED" ] || exit 0	# a sanitizer has to come first, so the shim cannot
run=./preload/pages-run
[ -x "$run" ] && [ -f preload/.libs/libpages_malloc.so ] || { echo "not built"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() { echo "FAIL: $*"; bad=1; }
field() { sed 's/.*"'"$1"'":\([0-9a-z]*\).*/\1/' "$tmp/r.json" | head -n 1; }

# check WHAT THREADS [RETAIN]: runs it; a thread was started at least so many times.
check() {
	timeout 120 $run -c background:on,retain:${3:-1000} --report="$tmp/r.json" tests/shim/background $1
	status=$?
	case $status in
	0) [ "$(field background_threads)" -ge $2 ] || fail "$1: no thread" ;;
	77) echo "# $1 cannot be tried here" ;;
	*) fail "$1 (exit $status)" ;;
	esac
}
check idle 2
check forks 1
check fork_storm 1 90	# while threads come and go
check leaves 1
check executes 1
check main_exits 1
check refused 0
[ "$(field background_threads)" = 0 ] || fail "a thread in the sandbox"
[ "$(field background_refused)" = 1 ] || fail "the report does not say that it was refused"
check confined 0
[ "$(field background_threads)$(field background_refused)" = 00 ] || fail "asked for in a sandbox"

# Not asked for: none, and small requests do it.
$run -c retain:1000 --report="$tmp/r.json" tests/shim/background small_requests || fail "small requests"
$run -c retain:300 tests/shim/background strict
case $? in 0 | 77) ;; *) fail "small requests in a sandbox" ;; esac
$run -c retain:300 --report="$tmp/r.json" tests/shim/background leaves || fail "without it"
[ "$(field background_threads)$(field background_refused)" = 00 ] || fail "a thread by default"
exit $bad
