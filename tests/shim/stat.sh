#!/bin/sh
# SPDX-License-Identifier: MIT
# pages-stat as a user meets it: figures of running processes are right, what cannot be read says
# why, and no process can do harm by what it lets others read.
stat=$PWD/preload/pages-stat
run=$PWD/preload/pages-run
shim=$PWD/preload/.libs/libpages_malloc.so
held=$PWD/tests/shim/held
bait=$PWD/tests/shim/bait
[ -x "$stat" ] && [ -f "$shim" ] && [ -x "$held" ] && [ -x "$bait" ] || { echo "not built"; exit 99; }
[ -r /proc/self/maps ] || { echo "no /proc"; exit 77; }
python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null)
[ -n "$python" ] || { echo "no python3"; exit 77; }
tmp=$(mktemp -d) || exit 99
pids=
# shellcheck disable=SC2086
trap 'kill -9 $pids 2>/dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
chmod 755 .
unset LD_PRELOAD PAGES_CONF PAGES_SHIM
bad=0

fail() { echo "FAIL: $*"; bad=1; }
same() { [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"; }
has() { grep -q -e "$3" "$2" || { fail "$1: no '$3' in:"; cat "$2"; }; }
hasnt() { ! grep -q -e "$3" "$2" || { fail "$1: '$3' in:"; cat "$2"; }; }
# start COMMAND...: sets pid, when it has said that it is ready; line is what it said
start() {
	mkfifo said
	"$@" >said &
	pid=$!
	pids="$pids $pid"
	read -r line <said
	rm -f said
}
stop() { kill -9 "$pid" 2>/dev/null; wait "$pid" 2>/dev/null; }
# look STATUS OPTIONS...: what pages-stat says is in out and err
look() {
	want=$1
	shift
	timeout 60 "$stat" "$@" >out 2>err
	status=$?
	[ $status = "$want" ] || { fail "pages-stat $*: exit $status, not $want"; cat out err; }
}
# json EXPRESSION: true of d, the objects in out?
json() {
	"$python" -c 'import json, sys
d = [json.loads(line) for line in open("out", encoding="utf-8")]
if not eval(sys.argv[1]):
    sys.exit("not: " + sys.argv[1] + "\n" + json.dumps(d)[:3000])' "$1" || fail "$1"
}
# clean WHAT FILE...: is all of it UTF-8, without control characters but line feeds?
clean() {
	"$python" -c 'import sys, unicodedata
for name in sys.argv[2:]:
    for c in open(name, encoding="utf-8", newline="\n").read():
        assert c == "\n" or unicodedata.category(c) != "Cc", (name, c)' "$@" || fail "$1: not clean"
}
# prometheus: is out in its text format?  Metrics are described once, before their samples.
prometheus() {
	"$python" -c 'import re, sys
seen, current, samples = set(), None, set()
for line in open("out", encoding="utf-8", newline="\n"):
    m = re.fullmatch(r"# HELP ([a-z_]+) .+\n", line)
    t = re.fullmatch(r"# TYPE ([a-z_]+) (counter|gauge)\n", line)
    s = re.fullmatch(r"([a-z_]+)(\{(?:[a-z]+=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)+\})? [0-9]+\n", line)
    if m:
        assert m[1] not in seen, line
        current = m[1]
        seen.add(current)
    elif t:
        assert t[1] == current and current.endswith("_total") == (t[2] == "counter"), line
    else:
        series = s and s[1] + (s[2] or "")
        assert s and s[1] == current and series not in samples, line
        samples.add(series)
assert len(seen) > 20' || { fail "$1: not in Prometheus's format"; cat out; }
}

# Figures that are known, of libpages: those that the program sees itself.  Its name is its own,
# because tests of other trees may run at the same time.
start "$held" name-of "h$$"
pid=${line%% *}
look 0 --json "$pid"
json "'%s' % d[0]['pid'] + ' %(requests)d %(live_objects)d %(live_bytes)d %(resident_bytes)d %(vector_kept_bytes)d' % d[0] == '$line'"
json 'len(d) == 1 and d[0]["active"] and d[0]["library"] == "libpages" and d[0]["name"][0] == "h"'
json 'd[0]["vector_kept_bytes"] > 0 and d[0]["frees"] == 1 and d[0]["process_resident_bytes"] > 0'
look 0 "$pid"
has "a table" out "^h$$ (pid $pid), libpages: active\$"
has "a table" out '^  live  *4 MiB in 2 blocks, peak 6 MiB$'
look 0 "h$$"
has "by name" out "pid $pid"
look 0 -m "$pid"
has "a map" out '^  *0 B |#'
has "a map" out 'off by the operation in progress'
look 0 --prometheus "$pid"
prometheus "of libpages"
has "of libpages" out "^pages_live_bytes{pid=\"$pid\",name=\"h$$\",library=\"libpages\",heap=\"0\"} 4194304\$"
look 0 --prometheus "$pid" "h$$" "$pid"
prometheus "named three times"
look 0 "$pid" "h$$"
has "named twice" out "^h$$ (pid $pid), libpages: active\$"
look 0 --all
has "--all" out "^ *$pid  h$$  *4 MiB"
has "--all" out '^ *PID  NAME  *LIVE  *KEPT'
look 2 "$pid" no-such-name
has "one of two" out "^h$$ "
has "one of two" err '^pages-stat: no-such-name: no process has that name$'
first=$pid
start "$held" plain
look 0 "$first" "$pid"
same "a row each" "$(grep -c ' 4 MiB .* libpages$' out)" 2
stop
pid=$first
stop
look 2 "$pid"
has "it has ended" err "^pages-stat: pid $pid: there is no such process here, or not any more$"

# A child that no handler was told of: what it has is what it inherited.
start "$held" clone
child=${line%% *}
pids="$pids $child"
look 0 --json "$child"
json 'd[0]["requests"] == 0 and d[0]["inherited_objects"] == d[0]["live_objects"] == 2'
kill -9 "$child"
stop

# Names that do things to terminals, and to formats.
start "$held" name
look 0 "$pid"
clean "a nasty name" out
look 0 --json "$pid"
clean "a nasty name, JSON" out
json 'len(d) == 1 and d[0]["name"].startswith("a \"b\\c\n")'
look 0 "$(printf 'a "b\\c\n\033[2J\302\233\377')"
has "by a nasty name" out "(pid $pid), libpages: active\$"
look 0 --prometheus "$pid"
prometheus "a nasty name"
stop

# Watching ends with the process.
start "$held" plain
(sleep 1; kill -9 "$pid") &
look 0 --watch=0.3 "$pid"
[ "$(grep -c '^held' out)" -ge 2 ] || fail "watched once only"
has "watched" out 'requests per second  *0\.0$'
stop

# ... also if another one gets its pid at once.
if unshare -pf --mount-proc true 2>/dev/null; then
	# shellcheck disable=SC2016
	unshare -pf --mount-proc sh -c '
		"$1" plain >/dev/null &
		pid=$!
		sleep 0.5
		timeout 5 "$2" --watch=1 "$pid" >/dev/null 2>&1 &
		looking=$!
		sleep 0.3
		kill -9 "$pid"
		wait "$pid"
		last=/proc/sys/kernel/ns_last_pid
		echo $((pid - 1)) 2>/dev/null >$last || exit 77
		"$1" plain >/dev/null &
		[ $! = "$pid" ] || exit 77
		wait "$looking"
	' sh "$held" "$stat" >err 2>&1
	status=$?
	case $status in
	77) echo "no pid was used again" ;;
	*) same "another one has the pid" $status 0 ;;
	esac
fi

# What cannot be asked for.
look 125
look 125 --all 1
look 125 --watch=0 1
look 125 --watch=x 1
look 125 --json --map 1
look 125 --prometheus --watch 1
look 125 --nonsense
if [ -w /dev/full ]; then
	"$stat" --all >/dev/full 2>err && fail "a full disk goes unnoticed"
fi

# The shim; a sanitizer would have to come before it.
if [ -z "$SANITIZED" ]; then
	start env LD_PRELOAD="$shim" "$held" plain
	look 0 --json "$pid"
	json '{q["library"] for q in d} == {"libpages", "libpages_malloc"}'
	json '[q["requests"] for q in d if q["library"] == "libpages_malloc"] == [24]'
	json '[(q["live_objects"], q["live_bytes"]) for q in d if q["library"] == "libpages_malloc"] == [(4, (12 << 20) + 4 * 4096)]'
	json 'all(q["kept_bytes"] == q["freed_bytes"] - q["reused_bytes"] - q["moved_free_bytes"] - q["returned_bytes"] for q in d)'
	json '[38 << 20 <= q["kept_bytes"] <= 40 << 20 for q in d if q["library"] == "libpages_malloc"] == [True]'
	look 0 --map "$pid"
	has "what waits in a front cache is kept" out '|#*k\{15\}'
	stop

	# Counters in a record give the same.
	start "$run" --report=r.json "$held" plain
	look 0 --json "${line%% *}"
	json '[(q["requests"], q["frees"], q["live_bytes"]) for q in d if q["library"] == "libpages_malloc"] == [(24, 20, (12 << 20) + 4 * 4096)]'
	kill -9 "${line%% *}"
	wait "$pid" 2>/dev/null

	# The file is gone, as after an upgrade, and nothing of it is opened.
	cp "$shim" gone.so
	start env LD_PRELOAD="$PWD/gone.so" "$bait" none
	rm gone.so
	look 0 "$pid"
	has "without the file" out 'bait (pid [0-9]*), libpages_malloc: active'
	has "without a request" out '^  large requests served  *0, together 0 B$'
	stop
	start env LD_PRELOAD="$shim" PAGES_CONF=disable:true "$bait" magic
	look 1 "$pid"
	has "disabled" err "^pages-stat: bait (pid $pid) is inactive: PAGES_CONF says disable:true$"
	stop
fi

# Who may not read says why, and what helps.
ln -s "$(command -v sleep)" "s$$"
"./s$$" 600 &
pid=$!
pids="$pids $pid"
look 1 "$pid"
has "not loaded" err "^pages-stat: s$$ (pid $pid) is inactive: no library of pages is loaded"
look 1 "s$$"
if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 "$stat" --help >/dev/null 2>&1; then
	as_nobody="setpriv --reuid 65534 --regid 65534 --clear-groups"
	$as_nobody "$stat" "$pid" >out 2>err
	same "another user's" $? 3
	has "another user's" err 'may not be read: it runs as user 0, .*; ask as root$'
	$as_nobody "$stat" --all >out 2>err
	has "unreadable ones are counted" out 'processes could not be read: ask as root\.$'
	stop
	start $as_nobody "$held" undumpable
	$as_nobody "$stat" "$pid" >out 2>err
	same "not dumpable" $? 3
	has "not dumpable" err 'may not be read: it is not dumpable'
	setpriv --bounding-set -all --inh-caps -all "$stat" "$pid" >out 2>err
	same "a root without capabilities" $? 3
	has "a root without capabilities" err 'needs the capability SYS_PTRACE'
	if unshare -m sh -c 'mount -t proc -o hidepid=2 proc /proc' 2>/dev/null; then
		unshare -m sh -c "mount -t proc -o hidepid=2 proc /proc &&
			exec setpriv --reuid 65533 --regid 65533 --clear-groups '$stat' $pid" >out 2>err
		same "hidden" $? 3
		has "hidden" err 'is hidden: /proc is mounted with hidepid'
	fi
fi
stop
start "$bait" none
"$bait" refuse "$stat" "$pid" >out 2>err
case $? in
3) has "refused" err 'may not be read: ' ;;
77) ;;
*) fail "refused: not 3" ;;
esac
stop

# Lies.  tell WHAT STATUS PATTERN
tell() {
	start "$bait" "$1"
	look "$2" "$pid"
	cat out >>err
	has "$1" err "$3"
	look "$2" --map "$pid"
	stop
}
tell none 0 '^bait (pid [0-9]*), bait: active$'
tell many 0 '^bait (pid [0-9]*), bait: active$'
tell inactive 1 ' is inactive: because$'
tell 32-bit 1 'it is a 32-bit program'
tell build 1 'has another build of version'
tell older 1 'has version 0\.0\.??7 of the library'
tell version 1 'has another version of the library'
tell length 1 'has another version of the library'
for what in magic heap-nowhere pages; do
	tell $what 1 'makes no sense'
done
start "$bait" magic
timeout 2 "$stat" --record=nonsense.rec --interval=0.1 "$pid" 2>err
same "a record goes on where nothing is understood" $? 124
stop
for what in headers headers-far notes-far notes-long notes-at-the-end name-long content-long content-short; do
	tell $what 1 'no library of pages is loaded'
done
start "$bait" wait
if [ "$line" = ready ]; then
	look 3 "$pid"
	has "reading that waits" err 'did not answer in time'
	timeout 60 "$stat" --all >out 2>err
	has "among all" out 'process.* could not be read'
	# The child that reads is killed while it waits.
	"$stat" "$pid" >out 2>err &
	looking=$!
	children=/proc/$looking/task/$looking/children
	child=
	tries=0
	while [ -r "$children" ] && [ -z "$child" ] && [ $((tries += 1)) -le 100000 ]; do
		read -r child <"$children"
	done
	# shellcheck disable=SC2086
	kill -9 $child
	wait $looking
	same "the reader was killed" $? 3
	if [ -n "$child" ]; then
		has "the reader was killed" err "^pages-stat: pid $pid: could not be read: the child .* was killed\$"
	fi
	timeout 3 "$stat" --watch=0.1 "$pid" >out 2>err
	same "watching goes on where reading waits" $? 124
	waiting=$pid
	for _ in 1 2 3 4 5 6 7; do
		start "$bait" wait
		waiting="$waiting $pid"
	done
	# shellcheck disable=SC2086
	timeout 7 "$stat" $waiting >out 2>err
	same "after three that wait the others get less time" $? 3
	same "each is named" "$(grep -c 'did not answer in time' err)" 8
	# shellcheck disable=SC2086
	kill -9 $waiting
else
	echo "no userfaultfd: what waits for ever is not tried"
fi
stop

# Each output ends, and is what it has to be.  check_outputs WHAT [seen: figures are demanded]
check_outputs() {
	for how in --map --json --prometheus; do
		timeout 60 "$stat" $how "$pid" >out 2>err
		status=$?
		[ $status -le 3 ] || { fail "$1 $how"; cat err; }
		# With nothing to read there is a line that says why.
		[ -s out ] || { [ "${2-}" != seen ] && [ $status != 0 ] && [ -s err ]; } ||
			{ fail "$1 $how: no figures"; cat err; }
		clean "$1 $how" out err
		case $how in
		--json) json True ;;
		--prometheus) prometheus "$1" ;;
		esac
	done
	stop
}
start "$bait" text
check_outputs text seen
for seed in 0 1 2 3 4 5 6 7 8 9; do
	start "$bait" fuzz $seed
	check_outputs "fuzz $seed"
	start "$bait" random $seed
	check_outputs "random $seed"
done
exit $bad
