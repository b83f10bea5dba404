#!/bin/sh
# SPDX-License-Identifier: MIT
# bench/vec under each allocator that is installed, in turn, each one's best of several
# runs.  Nanoseconds per element, as TSV: pattern, element size, allocator, container.
# Run it in a build directory: sh ../bench/vec.sh [runs]
runs=${1:-3}
program=./bench/vec
[ -x $program ] || { echo "not here: run make bench/vec" >&2; exit 2; }
lib=/usr/lib/$(uname -m)-linux-gnu

for _ in $(seq "$runs"); do
	for allocator in glibc:LC_ALL=C \
			jemalloc:LD_PRELOAD="$lib/libjemalloc.so.2" \
			mimalloc:LD_PRELOAD="$lib/libmimalloc.so.2" \
			tcmalloc:LD_PRELOAD="$lib/libtcmalloc_minimal.so.4" \
			pages:LD_PRELOAD="$PWD/preload/.libs/libpages_malloc.so"; do
		setting=${allocator#*:}
		case $setting in
		LD_PRELOAD=*) [ -f "${setting#*=}" ] || continue ;;
		esac
		env "$setting" $program 1 | sed "s/^/${allocator%%:*}	/"
	done
done | awk -F '\t' -v OFS='\t' '
	{ key = $2 OFS $3 OFS $1 OFS $4 }
	!(key in best) { order[++n] = key; best[key] = $5 }
	$5 < best[key] { best[key] = $5 }
	END { for (i = 1; i <= n; i++) print order[i], best[order[i]] }' | sort -t '	' -s -k1,1 -k2,2n
