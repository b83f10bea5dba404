#!/bin/sh
# SPDX-License-Identifier: MIT
# Resident memory stays close to what is in use, for sizes on both sides of a huge
# page; as the machine is set up, and with BLOAT_ALL_THP=1, for root, with each setting
# of transparent huge pages, which is put back.
[ -z "$SANITIZED" ] || { echo "sanitizers have memory of their own"; exit 77; }
thp=/sys/kernel/mm/transparent_hugepage/enabled
bad=0

bloat() {
	for sizes in "307200 307200" "1153434 1153434" "2202010 2202010" "4089446 4089446" \
		"262144 8388608"; do
		timeout 100 tests/shim/bloat $sizes
		case $? in
		0) ;;
		77) echo "no smaps_rollup here"; exit 77 ;;
		*) echo "FAIL: $sizes, huge pages: $(cat $thp 2>/dev/null)"; bad=1 ;;
		esac
	done
}

if [ -z "$BLOAT_ALL_THP" ]; then
	bloat
else
	was=$(sed 's/.*\[\(.*\)\].*/\1/' $thp) || exit 99
	trap 'echo $was >$thp' EXIT
	trap 'exit 99' INT TERM
	for setting in always madvise never; do
		echo $setting >$thp || exit 99
		echo "# $setting"
		bloat
	done
fi
exit $bad
