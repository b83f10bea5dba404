#!/bin/sh
# SPDX-License-Identifier: MIT
# The benchmark measures what it says: every pattern gives a line with counters that
# can be, the tables have a row for each, and wrong memory is noticed.
[ -z "${SANITIZED-}" ] || exit 77	# its processes are not the ones to measure
command -v python3 >/dev/null || { echo "python3 is not installed"; exit 77; }
srcdir=${srcdir:-.}
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
bad=0

wrong() {
	echo "$*"
	bad=1
}

# Small sizes and few rounds; the shim serves what is still large.
python3 "$srcdir/bench/bench.py" --build . --out "$dir" --quick --sweeps 1 --minutes 0 --warm 1 --no-programs \
	--allocators glibc pages --options '-d 32 -n 50 -i 10' || wrong "bench.py: status $?"

bench/patterns -L | cut -f1 >"$dir/names"
[ "$(wc -l <"$dir/names")" -ge 15 ] || wrong "patterns -L lists too few"

# Columns by name; the last line says how often each allocator was seen.  The kernel
# keeps part of the resident size per processor: so much its peak may be short of.
cores=$(getconf _NPROCESSORS_CONF)
batch=$((cores > 16 ? 2 * cores : 32))
short=$((cores * batch * $(getconf PAGESIZE) + 65536))
grep -v '^#' "$dir/results.tsv" | awk -F '\t' -v short="$short" '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; columns = NF; next }
	function of(name) { return $at[name] }
	function need(ok, what) { if (!ok) { print of("allocator") " " of("pattern") ": " what; bad = 1 } }
	{
		real = of("allocator") != "limit"
		grown = of("rss_peak") - of("rss_start")
		need(NF == columns, "number of columns")
		need(of("value") > 0 || of("unit") == "MiB", "value")
		need(of("seconds") > 0 && of("cpu") > 0, "no time")
		need(of("ops") > 0 && of("rounds") > 0, "nothing done")
		need(of("mappings") > 5, "mappings")
		need(of("written") + 0 >= of("bytes") + 0, "written less than on the clock")
		need(!real || grown + short >= of("live_peak"), "peak below what was live")
		need(!real || of("faults") * 2097152 >= of("live_peak"), "resident without faults")
		need(!real || of("zeroed") > 0.9 * of("live_peak"), "resident without zeroing")
		need(of("rss_end") <= of("rss_peak"), "end above peak")
		need(of("allocator") != "pages" || of("copied") != "", "no report")
		need(of("allocator") != "pages" || of("provider") ~ /libpages_malloc/, "provider")
		seen[of("allocator")]++
	}
	END { print seen["glibc"], seen["pages"], seen["limit"]; exit bad }' >"$dir/checked" ||
	wrong "counters: $(cat "$dir/checked")"
patterns=$(wc -l <"$dir/names")
# What idles, is sparse, or is compared by where blocks begin has no limit.
[ "$(tail -n 1 "$dir/checked")" = "$patterns $patterns $((patterns - 3))" ] ||
	wrong "glibc, pages, limit: $(tail -n 1 "$dir/checked") lines for $patterns patterns"

# A row with a figure for both in the short table; plots where gnuplot is.
while read -r name; do
	grep -Eq "^\| $name \| [^|]+ \| <?[0-9.]+ \| <?[0-9.]+ \| glibc \| <?[0-9.]+ \|" "$dir/README.md" ||
		wrong "no row for $name"
done <"$dir/names"
if command -v gnuplot >/dev/null; then
	for plot in speed peak zeroed; do
		grep -q '</svg>' "$dir/$plot.svg" || wrong "no plot $plot.svg"
	done
fi

# Allocators with one fault each.
cat >"$dir/faulty.c" <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
static int is(const char *fault) { return strcmp(getenv("FAULT"), fault) == 0; }
void *malloc(size_t n)
{
	static char block[64 << 20];
	static void *(*real)(size_t);
	if (n >= 262144 && is("same"))
		return block;
	if (real == NULL)
		real = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	return real(n);
}
void free(void *p) { (void)p; }
void *calloc(size_t n, size_t size)
{
	char *p = malloc(n * size);
	memset(p, 0, n * size);
	if (n * size >= 262144 && is("dirty"))
		p[n * size / 2 + 1] = p[0] = 1;
	return p;
}
void *realloc(void *p, size_t n)
{
	static void *(*real)(void *, size_t);
	if (real == NULL)
		real = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	p = real(p, n);
	if (p != NULL && n >= 262144 && is("lost"))
		memset((char *)p + 4096, 0, 4096);
	return p;
}
END
${CC:-cc} -shared -fPIC -O1 -fno-builtin -o "$dir/faulty.so" "$dir/faulty.c" || exit 99
for case in none:lifetimes:0 same:lifetimes:3 same:odd-sizes:3 dirty:calloc-full:3 \
	dirty:calloc-sparse:3 none:grow-two:0 lost:grow-two:3 lost:grow-steps:3; do
	fault=${case%%:*} status=${case##*:} name=${case#*:}
	name=${name%:*}
	FAULT=$fault LD_PRELOAD=$dir/faulty.so bench/patterns -d 16 -n 20 "$name" \
		>"$dir/out" 2>"$dir/err"
	got=$?
	[ $got = "$status" ] || wrong "fault $fault in $name: status $got: $(cat "$dir/err")"
done
exit $bad
