#!/bin/sh
# SPDX-License-Identifier: MIT
# Counters outlive their process: pages-run --report of programs that are killed, call _exit() or
# exec(), fork, or write nonsense into the record.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
run=$PWD/preload/pages-run
shim=$PWD/preload/.libs/libpages_malloc.so
prog=$PWD/tests/shim/recorded
[ -x "$run" ] && [ -f "$shim" ] && [ -x "$prog" ] || { echo "not built"; exit 99; }
[ -r /proc/self/maps ] || { echo "no /proc"; exit 77; }
python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null)
[ -n "$python" ] || { echo "no python3"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
unset LD_PRELOAD PAGES_CONF PAGES_SHIM
bad=0

fail() { echo "FAIL: $*"; bad=1; }

# is LABEL STATUS EXPRESSION COMMAND...: its status, and what is true of its report d.
is() {
	label=$1 want=$2 expression=$3
	shift 3
	timeout 120 "$run" --report=r.json "$@" >out 2>err
	status=$?
	[ $status = "$want" ] || { fail "$label: exit $status, not $want"; cat err; }
	"$python" -c 'import json, sys
d = json.load(open("r.json", encoding="utf-8"))
p = d["processes"]
if not eval(sys.argv[1]):
    sys.exit("not: " + sys.argv[1] + "\n" + json.dumps(d)[:3000])' "$expression" ||
		fail "$label"
}

# 500 requests, of which one stays live: however the program ends, the figures are the same.
good='d["requests"] == 500 and d["frees"] == 499 and d["live_objects"] == 1'
good="$good and d['live_bytes'] == (5 << 20) + 4096 and d['affected'] == 1"
sum='d["requests"] + d["inherited_objects"] == d["frees"] + d["live_objects"]'
sum="$sum and d['resident_bytes'] == d['fresh_bytes'] + d['inherited_bytes'] - d['returned_bytes']"
sum="$sum and d['kept_bytes'] == d['freed_bytes'] - d['reused_bytes'] - d['moved_free_bytes'] - d['returned_bytes']"
is "exit" 0 "$good and $sum and d['ended'] == 1" "$prog" exit
is "_exit" 3 "$good and $sum and d['ended'] == 0" "$prog" _exit
is "SIGKILL" 137 "$good and $sum and d['active'] and len(p) == 1" "$prog" kill
"$run" --report "$prog" kill 2>err
grep -q '^  1 *did not end by exit()' err || { fail "SIGKILL in text"; cat err; }

# Blocks of 48 MiB malloc would map anew: all but the first one were served by resident memory,
# from a front cache or not.
is "large temporaries" 137 'd["requests"] == 1000 and 0 <= d["large_reused_bytes"] - (999 * 48 << 20) <= 4 * 4096' \
	"$prog" large 1000
is "no large ones" 0 'd["large_reused_bytes"] == 0' "$prog" exit
"$run" --report "$prog" exit 2>err
sed -n 2p err | grep -q '^  Wall [0-9.]* s, user [0-9.]* s, sys [0-9.]* s, [1-9][0-9]* page faults, peak [0-9.]* MiB\.$' ||
	{ fail "the second line"; cat err; }

# One process, also after exec(); one that shows nothing leaves no trace.
is "a chain of exec()" 3 'd["requests"] == 2000 and len(p) == 1 and d["affected"] == 1' \
	"$prog" exec 4
is "exec() of a program without a record" 0 'd["requests"] == 0 and d["ended"] == 0' \
	sh -c "exec env -u PAGES_CONF '$prog' exit"
is "a shell that execs" 0 "$good and len(p) == 1 and p[0]['exe'].endswith('/recorded')" \
	sh -c "exec '$prog' exit"

# The tree: 7 processes of 500 requests each.  The head is the command.
is "a tree of forks" 137 \
	'd["requests"] == 3500 and len(p) == 7 and len({q["pid"] for q in p}) == 7' "$prog" tree 2
is "the head is the command" 0 \
	'd["exe"].endswith("sh") and d["pid"] == int(open("pid").read()) and len(p) > 1' \
	sh -c "echo \$\$ >pid; '$prog' exit; '$prog' exit; true"
cat >own.c <<'EOF'
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>
static char heap[1 << 20];
static size_t used;
void *malloc(size_t n) { used += (n + 15) & ~(size_t)15; return heap + used - ((n + 15) & ~(size_t)15); }
void free(void *p) { (void)p; }
int
main(int argc, char **argv)
{
	(void)argc;
	if (fork() == 0)
		execv(argv[1], argv + 1);
	wait(NULL);
	return malloc(1) == NULL;
}
EOF
if ${CC:-cc} -fno-builtin -o own own.c 2>/dev/null; then
	is "an inactive command is not hidden by an active child" 0 \
		'not d["active"] and [q["active"] for q in p] == [False, True] and d["requests"] == 500' \
		./own "$prog" exit
	"$run" -q --report ./own "$prog" exit 2>err
	grep -q '^  1 *active' err && grep -q '^  1 *inactive: malloc or free' err ||
		{ fail "processes by mode"; cat err; }
fi

# Threads count at once in one slot.  On a busy machine one may not get the lock in time.
is "a storm of threads" 137 \
	'd["requests"] == d["frees"] == 160000 - d["declined_busy"] and d["live_objects"] == 0' \
	"$prog" threads

# More processes than the record has slots for; the command has one of its own.
is "a full record" 0 'len(p) == 4096 and d["requests"] == 4095 and d["affected"] == 4095' \
	"$prog" often 4100
"$run" --report "$prog" often 4100 2>err
grep -q 'record was full: at least 5 more processes' err || { fail "a full record"; cat err; }

# Whatever is in the record, the report ends; JSON stays JSON.
for seed in 0 1 2; do
	is "a record of nonsense, $seed" 0 'True' "$prog" scribble $seed
	"$run" --report "$prog" scribble $seed >out 2>&1 || fail "a record of nonsense, in text"
	LC_ALL=C grep -q '[[:cntrl:]]' out && fail "control characters in the report"
done

# Nothing of it is in a process that was not asked, and no descriptor in one that was.
same() { [ "$2" = "$3" ] || fail "$1: $2, not $3"; }
LD_PRELOAD=$shim "$prog" show >plain
same "LD_PRELOAD alone" "$(grep -c mapped plain)" 0
"$run" "$prog" show >plain
same "without a report" "$(cat plain)" "$("$prog" show)"
same "with a report" "$("$run" --report=r.json "$prog" show | sort -u)" "$("$prog" show; echo mapped)"

# A setting that names something else: the program runs as ever, and nothing is written.
len=$((4096 + 4096 * 2048))
for how in zeros short unsealed fifo tty; do
	timeout 20 "$prog" deceive $how $len "$shim" "$prog" show >out 2>err ||
		fail "a record that is none, $how: exit $?"
	same "a record that is none, $how" "$(grep -c mapped out)" 0
done
for conf in 1.2 a.b.c 1.2.3.4 . .. 0.1.2 99999999999.1.1 1.1.99999999999999999999 -1.2.3 ''; do
	PAGES_CONF=record:$conf "$run" "$prog" show >out 2>err || fail "record:$conf: exit $?"
	grep -q "ignored: record:$conf " err || { fail "record:$conf is not refused"; cat err; }
done
PAGES_CONF=record:1.2.3 "$run" "$prog" show >out 2>err || fail "record:1.2.3"
same "a record that is not there" "$(cat err)" ""

# A process of another user may not look into pages-run.
if [ "$(id -u)" = 0 ] && setpriv --reuid 65534 true 2>/dev/null; then
	chmod 755 "$tmp"
	"$run" --report -- setpriv --reuid 65534 --clear-groups "$prog" exit 2>err ||
		fail "another user: exit $?"
	grep -q '^  1 *did not end by exit()' err || { fail "another user"; cat err; }
fi
# Without /proc none can find it.
if unshare -m true 2>/dev/null; then
	PAGES_SHIM=$shim unshare -m sh -c "umount -l /proc && exec '$run' --report '$prog' exit" 2>err ||
		fail "without /proc: exit $?"
	grep -q '/recorded (pid [0-9]*): no record: ' err || { fail "without /proc"; cat err; }
fi
exit $bad
