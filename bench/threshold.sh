#!/bin/sh
# SPDX-License-Identifier: MIT
# From which size on is it worth it?  bench/threshold.c at many sizes, the allocators in
# turn, each one's best of three.  Run it in a build directory: sh ../bench/threshold.sh
cd "${1:-.}" || exit 2
program=./bench/threshold
shim=$PWD/preload/.libs/libpages_malloc.so
jemalloc=/usr/lib/$(uname -m)-linux-gnu/libjemalloc.so.2
{ [ -x $program ] && [ -f "$shim" ]; } || { echo "not here: run make bench/threshold" >&2; exit 2; }

# figures NAME SIZE ENVIRONMENT...: appends "NAME ns MiB"
figures() {
	name=$1 bytes=$2
	shift 2
	echo "$name $(env "$@" $program "$bytes")"
}

printf '%8s %27s %27s %27s\n' KiB 'glibc us, peak MiB' 'jemalloc us, peak MiB' 'pages us, peak MiB'
for kib in 64 96 128 192 256 512 1024 4096; do
	for _ in 1 2 3; do
		figures glibc $((kib * 1024)) LC_ALL=C
		[ ! -f "$jemalloc" ] || figures jemalloc $((kib * 1024)) LD_PRELOAD="$jemalloc"
		figures pages $((kib * 1024)) LD_PRELOAD="$shim" PAGES_CONF=threshold:64K
	done | awk -v kib=$kib '
		!($1 in best) || $2 < best[$1] { best[$1] = $2; peak[$1] = $3 }
		function show(name) {
			return name in best ? sprintf("%.1f, %d", best[name] / 1000, peak[name]) : "-"
		}
		END { printf "%8d %27s %27s %27s\n", kib, show("glibc"), show("jemalloc"), show("pages") }'
done
