#!/bin/sh
# SPDX-License-Identifier: MIT
# The shim for 64-bit Arm, in qemu-user.  The page core there is in targets.sh.
for tool in aarch64-linux-gnu-gcc qemu-aarch64; do
	command -v $tool >/dev/null || { echo "no $tool"; exit 77; }
done
root=/usr/aarch64-linux-gnu
[ -d $root ] || { echo "no $root"; exit 77; }
# shellcheck source=tests/support/shim_for.sh
. "${srcdir:-.}/tests/support/shim_for.sh"
build_shim "shim/victim shim/inflight shim/hooked stress/stress" --host=aarch64-linux-gnu

# under NAME SETTINGS [OPTION...]: tests/NAME, with $check
under() {
	name=$1 settings=$2
	shift 2
	program "$name" qemu-aarch64 -L $root -E LD_PRELOAD="$shim" -E PAGES_CONF="$settings" "$@"
}

for check in separate calloc realloc impossible alignment errno perturbed libc share; do
	under shim/victim threshold:64K
done
# Addresses of 38 bits; qemu's own choice is 39 or 40.
check=realloc
under shim/victim "report:$tmp/r.json" -R 0x4000000000
[ "$(field active)" = true ] || fail "not active: $(cat "$tmp/r.json")"
[ "$(field requests)" -gt 20 ] || fail "$(field requests) requests were routed"
[ "$(field declined_no_arena)" = 0 ] || fail "no arena in 38 bits"
rm "$tmp/r.json"	# added to
under shim/victim "report:$tmp/r.json"
moved=$(field moved_bytes)

check=
under shim/inflight threshold:64K
under shim/hooked moves:on
# qemu-user 7.2 does not discard what is written where pages have been moved from.
if grep -q 'nothing is moved here' "$tmp/out"; then
	[ "$moved" = 0 ] || fail "$moved bytes were moved"
fi
check="2 100"
program stress/stress qemu-aarch64 -L $root -E LD_LIBRARY_PATH="$PWD/.libs"
exit $bad
