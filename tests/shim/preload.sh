#!/bin/sh
# SPDX-License-Identifier: MIT
# An ordinary program under the shim: what malloc promises still holds, with every
# threshold, without kernel features, under limits and with another allocator
# behind; and small programs behave as without it.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
here=$PWD
run=./preload/pages-run
shim=preload/.libs/libpages_malloc.so
[ -x "$run" ] && [ -f "$shim" ] && [ -x tests/shim/victim ] || { echo "not built"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() { echo "FAIL: $*"; bad=1; }

# victim LABEL COMMAND...: runs it, and shows what it says if it fails.
victim() {
	label=$1
	shift
	timeout 120 "$@" >"$tmp/out" 2>"$tmp/err" || {
		fail "$label (exit $?)"
		grep -v '^ok' "$tmp/out"
	}
	[ ! -s "$tmp/err" ] || { fail "$label: wrote to stderr"; cat "$tmp/err"; }
}

# field NAME FILE: a number from a report.
field() { sed 's/.*"'"$1"'":\([0-9a-z]*\).*/\1/' "$2" | head -n 1; }

# What only the shim promises can be asked for where the blocks are its own.
VICTIM_SHIM=1
export VICTIM_SHIM
victim "default" $run tests/shim/victim
victim "threshold 64K" $run -t 64K tests/shim/victim
victim "no huge pages" $run -c thp:off tests/shim/victim
victim "nothing kept" $run -c retain:0 tests/shim/victim
victim "nothing in core dumps" $run -c dump:live tests/shim/victim
victim "no kernel features" env PAGES_DISABLE=all $run tests/shim/victim
victim "no moves" env PAGES_DISABLE=move $run tests/shim/victim
for lacks in move,populate,guard,seal,secret,query,scan guard,seal,query,scan \
	move,populate,guard,seal,secret,query,scan,lazy,wipe; do
	victim "without $lacks" env PAGES_DISABLE=$lacks $run tests/shim/victim
done
# Programs that bind something to the addresses of their blocks.
victim "hooks" $run -c moves:on tests/shim/hooked
victim "blocks that the kernel was told things about" $run tests/shim/tamper
case $(uname -m) in
x86_64 | aarch64) victim "the same by syscall()" $run tests/shim/tamper_raw ;;
esac
victim "blocks that the kernel still reads" $run tests/shim/inflight
victim "children that no handler knows of" $run tests/shim/clones
victim "hooks, small pages" $run -c thp:off,moves:on tests/shim/hooked
(cd "$tmp" && "$here/$run" "$here/tests/shim/pinned" >out 2>&1)
case $? in
0) ;;
77) echo "# no io_uring here" ;;
*) fail "filled by the kernel"; cat "$tmp/out" ;;
esac
# hits COMMAND...: buffers found in the cache of registered memory; "wrong" if a send was wrong.
hits() {
	timeout 60 "$@" >"$tmp/out" 2>&1
	case $? in
	0) sed -n 's/.*hits \([0-9]*\) .*/\1/p' "$tmp/out" ;;
	77) echo "skipped $(cat "$tmp/out")" ;;
	*) echo "wrong $(cat "$tmp/out")" ;;
	esac
}
for how in "fabric libc" "ucx libc" "opal libc" "opal first" "ucx slots"; do
	# shellcheck disable=SC2086	# two words
	plain=$(hits tests/shim/registered $how)
	# shellcheck disable=SC2086
	ours=$(hits $run tests/shim/registered $how)
	echo "# registered memory, rule and way: $how: $plain hits, under the shim $ours"
	case "$plain $ours" in
	*skipped*) break ;;
	*wrong*) fail "sends that are wrong" ;;
	*) [ $((ours * 100)) -ge $((plain * 90)) ] || fail "the cache of registered memory loses" ;;
	esac
	for moves in on off auto; do
		# shellcheck disable=SC2086
		ours=$(hits $run -c moves:$moves tests/shim/registered $how plain)
		case $ours in *wrong*) fail "sends with moves:$moves: $ours" ;; esac
		case $moves in
		on) most=$ours ;;
		off) off=$ours ;;
		auto) [ "$ours" = "$off" ] && [ "$ours" -gt "$most" ] ||
			fail "hits: $most with moves:on, $off with off, $ours with auto" ;;
		esac
	done
done
unset VICTIM_SHIM
victim "threshold 4M" $run -t 4M tests/shim/victim
for check in separate calloc realloc impossible machine errno; do
	victim "ulimit -v 450000" sh -c "ulimit -v 450000; exec $run tests/shim/victim $check"
	victim "no arena" sh -c "ulimit -v 450000; PAGES_DISABLE=hint exec $run tests/shim/victim $check"
	victim "ulimit -v 2000000" sh -c "ulimit -v 2000000; exec $run tests/shim/victim $check"
done

# Does any of this really go through the arena?  And not where it must not?
$run --report="$tmp/r.json" tests/shim/victim realloc >/dev/null || fail "victim with a report"
[ "$(field requests "$tmp/r.json")" -gt 5 ] || fail "no requests were routed"
[ "$(field moved_bytes "$tmp/r.json")" -gt 0 ] || fail "nothing was moved"
growths=$(($(field grown_by_move "$tmp/r.json") + $(field grown_in_place "$tmp/r.json")))
[ "$(field copied_bytes "$tmp/r.json")" -lt $((growths * 2097152)) ] || fail "too much was copied"

# The report's counters are those of pages_malloc_stats(3), and add up as it says.
# shellcheck disable=SC2154	# eval sets them
adds_up() {
	for name in requests frees live_objects inherited_objects resident_bytes fresh_bytes \
		inherited_bytes returned_bytes kept_bytes freed_bytes reused_bytes moved_free_bytes; do
		eval "$name=$(field $name "$tmp/r.json")"
	done
	[ $((requests + inherited_objects)) = $((frees + live_objects)) ] &&
	[ $resident_bytes = $((fresh_bytes + inherited_bytes - returned_bytes)) ] &&
	[ $kept_bytes = $((freed_bytes - reused_bytes - moved_free_bytes - returned_bytes)) ]
}
for check in realloc calloc threads; do
	$run --report="$tmp/r.json" tests/shim/victim $check >/dev/null || fail "victim $check, for its counters"
	adds_up || fail "the counters of victim $check do not add up: $(cat "$tmp/r.json")"
	[ "$frees" -gt 0 ] || fail "victim $check freed nothing"
done
$run -c disable:true --report="$tmp/r.json" tests/shim/victim realloc >/dev/null || fail "disabled"
[ "$(field requests "$tmp/r.json")" = 0 ] || fail "disable:true routed requests"
[ "$(field active "$tmp/r.json")" = false ] || fail "disable:true says it is active"
(ulimit -v 450000; PAGES_DISABLE=hint exec $run --report="$tmp/r.json" tests/shim/victim calloc >/dev/null)
[ "$(field declined_no_arena "$tmp/r.json")" -gt 0 ] || fail "an arena where none can be"

# Another allocator behind the shim; what it does not promise is not asked for.
for lib in libjemalloc.so.2 libtcmalloc_minimal.so.4; do
	path=$(ldconfig -p 2>/dev/null | sed -n "s/.*$lib .*=> //p" | head -n 1)
	[ -n "$path" ] || { echo "# $lib is not installed"; continue; }
	for check in calloc errno fork alignment libc bad share; do
		victim "$lib behind: $check" env LD_PRELOAD="$path" $run tests/shim/victim $check
	done
done

# Programs that nobody here wrote: same output, same exit code.
same() {
	"$@" >"$tmp/plain" 2>&1
	plain=$?
	$run "$@" >"$tmp/shim" 2>&1
	[ $? = $plain ] && cmp -s "$tmp/plain" "$tmp/shim" || fail "differs under the shim: $*"
}
seq 1 300000 >"$tmp/numbers"
same sort -R --random-source="$tmp/numbers" -S 64M "$tmp/numbers"
same awk 'NR <= 30000 { s = s $0 } END { print length(s) }' "$tmp/numbers"
same sh -c 'exit 3'
same ls /nonexistent
same gzip -c "$tmp/numbers"

# The settings: unknown ones are named, and harm nothing.
PAGES_CONF=nonsense:1,threshold:12,threshold:1X,thp:maybe,retain:5y,word $run true 2>"$tmp/err" ||
	fail "bad settings"
for line in 'nonsense:1 (no such key' 'threshold:12 (the least is 64K' 'threshold:1X (not a size' \
	'thp:maybe (neither on nor off' 'retain:5y (not a time' 'word (not KEY:VALUE'; do
	grep -qF "ignored: $line" "$tmp/err" || fail "not said: $line"
done
settings() { PAGES_CONF="show:true,$1" $run true 2>&1 | grep -q "$2" || fail "$1 is not $2"; }
settings 'threshold:2m' threshold:2097152,
settings ' Threshold : 512 KiB ' threshold:524288,
settings 'retain:10s' retain:10000,
settings 'RETAIN=2min,THP:Off' 'retain:120000,thp:off,'
PAGES_CONF=help:true,show:true $run true 2>&1 | grep -q 'retain:TIME' || fail "no help"

# Linked instead of preloaded.
echo 'int main(void) { void *p = malloc(1 << 20); free(p); return p == 0; }' |
	${CC:-cc} -include stdlib.h -x c - -o "$tmp/linked" -Lpreload/.libs -lpages_malloc -Wl,-rpath,"$PWD/preload/.libs" \
		2>"$tmp/err" || { fail "cannot link"; cat "$tmp/err"; }
PAGES_CONF=report:$tmp/l.json "$tmp/linked" || fail "linked program"
[ "$(field requests "$tmp/l.json")" = 1 ] || fail "linked: nothing was routed"
exit $bad
