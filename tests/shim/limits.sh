#!/bin/sh
# SPDX-License-Identifier: MIT
# A program under the memory limit of a control group: what is kept stays clear of
# it.  In files that only look like one, and in a real one where that can be made.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
run=$PWD/preload/pages-run
[ -x "$run" ] && [ -f preload/.libs/libpages_malloc.so ] || { echo "not built"; exit 99; }
tmp=$(mktemp -d) || exit 99
group=
trap 'rm -rf "$tmp"; [ -z "$group" ] || rmdir "$group"' EXIT
bad=0

fail() { echo "FAIL: $*"; bad=1; }
field() { sed 's/.*"'"$1"'":\([0-9a-z]*\).*/\1/' "$tmp/r.json" | head -n 1; }

# eater LARGE SMALL ONCE: uses so many MiB in blocks of 10, frees them, uses so many
# in small blocks, and asks once for so many that it does not use.
cat >"$tmp/eater.c" <<'END_OF_C'
#include <stdlib.h>
#include <string.h>
int
main(int argc, char **argv)
{
	int large = atoi(argv[1]) / 10, small = atoi(argv[2]) * 16;
	char *p[1000], *volatile once;

	for (int i = 0; i < large; i++)
		memset(p[i] = malloc(10 << 20), 1, 10 << 20);
	for (int i = 0; i < large; i++)
		free(p[i]);
	for (int i = 0; i < small; i++)
		memset(malloc(65536 - 64), 1, 65536 - 64);
	once = malloc((size_t)atoi(argv[3]) << 20);
	return once == NULL || argc != 4;
}
END_OF_C
${CC:-cc} -w -O1 -o "$tmp/eater" "$tmp/eater.c" || exit 99

# What applies to the machine as it is?
"$run" --report="$tmp/r.json" "$tmp/eater" 100 0 1 || fail "without a limit"
[ "$(field kept_bytes)" -ge 90000000 ] || { echo "this machine's own limit is too low"; exit 77; }

# A container of 104 MiB: 91 may be kept, 120 are not asked for.
cg=$tmp/a\ b
mkdir -p "$cg/web"
echo 109051904 >"$cg/web/memory.max"
echo 0 >"$cg/web/memory.swap.max"
echo max >"$cg/memory.max"
echo 0::/web >"$tmp/cgroup"
printf '%s\n' "30 22 0:27 / $tmp/a\\040b rw - cgroup2 cgroup2 rw" >"$tmp/mountinfo"
# pretend COMMAND...: with these files in the place of the process's own.
pretend() {
	unshare -m sh -c 'cd "$0" && mount --bind cgroup /proc/$$/cgroup &&
		mount --bind mountinfo /proc/$$/mountinfo && exec "$@"' "$tmp" "$@"
}
if pretend true 2>/dev/null; then
	rm "$tmp/r.json"	# added to by a program whose pid must stay
	pretend "$run" -c report:"$tmp/r.json" "$tmp/eater" 100 0 120 || fail "with a limit"
	[ "$(field kept_bytes)" -le 95420416 ] || fail "kept beyond the limit: $(field kept_bytes)"
	[ "$(field kept_bytes)" -ge 80000000 ] || fail "nothing kept: $(field kept_bytes)"
	[ "$(field declined_no_space)" = 1 ] || fail "more than the limit was granted"
else
	echo "# no mount namespace can be made here"
fi

# A real one of 256 MiB.  240 used once and kept, and 24 more, are beyond it.
for dir in /sys/fs/cgroup /sys/fs/cgroup/memory; do
	try=$dir/pages-test.$$
	mkdir "$try" 2>/dev/null || continue
	group=$try
	for limit in memory.max memory.limit_in_bytes; do
		[ -f "$group/$limit" ] && echo 268435456 >"$group/$limit" && break 2
	done
	rmdir "$group"
	group=
done
if [ -n "$group" ]; then
	sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
		"$run" --report="$tmp/r.json" "$tmp/eater" 240 24 1 || fail "in a real group: exit $?"
	[ "$(field requests)" = 25 ] || fail "in a real group: $(field requests) requests"
	[ "$(field kept_bytes)" -ge 200000000 ] || fail "in a real group: nothing kept"
	# What is kept is small pages, and small requests need 120 of it, at once.
	for conf in thp:on thp:off; do
		sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$group" \
			"$run" -c $conf "$tmp/eater" 200 120 1 || fail "small requests with $conf: exit $?"
	done
else
	echo "# no control group can be made here"
fi
exit $bad
