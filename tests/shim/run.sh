#!/bin/sh
# SPDX-License-Identifier: MIT
# pages-run as a user meets it: the command must not notice that there is something
# in between, and the report must never be silence.
# shellcheck disable=SC2016
run=$PWD/preload/pages-run
shim=$PWD/preload/.libs/libpages_malloc.so
srcdir=$(cd "${srcdir:-.}" && pwd) || exit 99
cc=${CC:-cc}
[ -x "$run" ] || { echo "not built: $run"; exit 99; }
$cc --version >/dev/null 2>&1 || { echo "no compiler"; exit 77; }
# shellcheck source=tests/support/checks.sh
. "$srcdir/tests/support/checks.sh"
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
unset LD_PRELOAD PAGES_CONF PAGES_SHIM
[ -z "$SANITIZED" ] || export ASAN_OPTIONS="verify_asan_link_order=0:$ASAN_OPTIONS"
mkdir tmp bin

# status WHAT WANTED COMMAND...: its output is in out and err
status() {
	what=$1 want=$2
	shift 2
	"$@" >out 2>err
	same "$what" $? "$want"
}
json() { # json WHAT FILE EXPRESSION: true of the object d?
	if [ -z "$python" ]; then
		skip "$1" "no python3"
	elif "$python" -c 'import json, sys
d = json.load(open(sys.argv[1], encoding="utf-8"))
sys.exit(not eval(sys.argv[2]))' "$2" "$3" 2>err.json; then
		pass "$1"
	else
		oops "$1" "not: $3" "$(tail -n 1 err.json)" "$(cat "$2")"
	fi
}
# The program itself: a wrapper would be one more process.
python=$(python3 -c 'import sys; print(sys.executable)' 2>/dev/null)

cat >probe.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int
main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	char *volatile p = malloc(size);

	if (p == NULL)
		return 9;
	memset(p, 1, size);
	free(p);
	if (argc > 2 && fork() == 0)
		execv(argv[0], (char *[]){ argv[0], argv[2], NULL });
	if (argc > 2)
		wait(NULL);
	puts("probe");
	return 0;
}
END
$cc -o probe probe.c || exit 99

# Without the shim, or with one that needs a sanitizer's runtime: a stand-in that does nothing.
if [ ! -f "$shim" ] || [ -n "$SANITIZED" ]; then
	echo 'int pages_stand_in;' >dummy.c
	shim=$tmp/libpages_malloc.so
	$cc -shared -fPIC -o "$shim" dummy.c || exit 99
	export PAGES_SHIM="$shim"
	dummy=1
fi

## Exit statuses
status "a command that succeeds" 0 "$run" true
status "a command that fails" 3 "$run" sh -c 'exit 3'
status "a command that fails, with a report" 3 "$run" --report sh -c 'exit 3'
status "a command that is not there" 127 "$run" ./nonesuch
has "is named" err '^pages-run: ./nonesuch: '
status "a command that is not in PATH" 127 "$run" nonesuch-$$
status "an empty command" 127 "$run" ''
echo data >data
status "a file that is not executable" 126 "$run" ./data
status "a directory" 126 "$run" ./tmp
status "no command" 125 "$run"
status "an unknown option" 125 "$run" --nonesuch true
status "a threshold that is no size" 125 "$run" -t much true
for setting in nonsense:1 threshold:12 threshold:2X thp:maybe retain:5y word dump:some moves:never; do
	status "a wrong setting, $setting" 125 "$run" -c "$setting" touch touched
	same "$setting is named" "$(grep -c "^pages-run: $setting: " err)" 1
done
status "a threshold that is too small" 125 "$run" -t 12 touch touched
same "wrong settings, before the command is run" "$(ls touched 2>/dev/null)" ""
status "a shim that is not there" 125 env PAGES_SHIM=/nonexistent/shim.so "$run" true
same "in one line" "$(grep -c . err)" 1
status "a report that cannot be written" 125 "$run" --report=/nonexistent/r touch touched
same "before the command is run" "$(ls touched 2>/dev/null)" ""
status "a record that cannot be written" 125 "$run" --record=/nonexistent/r touch touched
for how in "-c report:/nonexistent/r" "-c report:$tmp/bin"; do
	# shellcheck disable=SC2086
	status "a report of the shim that cannot be written, $how" 125 "$run" $how touch touched
	same "in one line, $how" "$(grep -c '^pages-run: /' err) $(ls touched 2>/dev/null)" "1 "
done
status "and not by PAGES_CONF either" 125 env PAGES_CONF=report:/nonexistent/r "$run" touch touched
for how in --report=r.%d --record=r.%d "-c report:r.%d" "-c report:100%"; do
	# shellcheck disable=SC2086
	status "percent signs that mean nothing, $how" 125 "$run" $how touch touched
	has "what they can mean is said, $how" err '%p, the pid, and %%'
done
same "no command is run" "$(ls touched 2>/dev/null)" ""
status "--help" 0 "$run" --help
has "says how" out '^usage: pages-run'
status "--version" 0 "$run" --version

## The command does not notice
"$run" --report=r.txt printf '%s\n' 'a  b' '' '*' -- --report >got
printf '%s\n' 'a  b' '' '*' -- --report >want
same "arguments are untouched" "$(cat got)" "$(cat want)"
same "standard input is the command's" "$(echo hello | "$run" --report=r.txt cat)" hello
same "a report leaves standard output alone" "$("$run" --report ./probe 2>/dev/null)" probe
same "-- ends the options" "$("$run" -- printf %s x)" x
same "without a report the pid stays" \
	"$(sh -c 'echo $$; exec "$0" sh -c "echo \$\$"' "$run" | uniq | wc -l | tr -d ' ')" 1
same "argv[0] is what was typed" "$("$run" sh -c 'echo "$0"')" sh
cat >script <<END
#!$(command -v sh)
echo script "\$1"
END
chmod +x script
same "a script" "$("$run" ./script 'x y' 2>err)" "script x y"
same "has no warning" "$(cat err)" ""
echo 'echo plain' >plain && chmod +x plain
same "a script without #!" "$("$run" ./plain)" plain
echo "#!$tmp/loop" >loop && chmod +x loop
status "a script that is its own interpreter" 126 "$run" ./loop
ln -s "$tmp/probe" bin/in-path
same "PATH is searched" "$(PATH="$tmp/bin:$PATH" "$run" in-path)" probe
same "an empty part of PATH is here" "$(PATH=":$PATH" "$run" probe)" probe

## The environment
# pasted: what a shell makes of out, in seen
pasted() {
	sh -c '. ./out; printf "LD_PRELOAD=%s\nPAGES_CONF=%s\n" "$LD_PRELOAD" "$PAGES_CONF"' >seen
}
status "a dry run" 0 "$run" -n -t 1M -c thp:off -- ./probe
same "prints only the environment" "$(cut -d= -f1 out | tr '\n' ' ')" "LD_PRELOAD PAGES_CONF "
case $(ldd "$run") in	# glibc's loader follows this, musl's does not
*'libc.so.6 => /'*) lib='/$LIB/../../../..' ;;
*) lib= ;;
esac
pasted
has "with the shim" seen "^LD_PRELOAD=$lib$shim\$"
has "and the settings" seen '^PAGES_CONF=threshold:1M,thp:off$'
status "a dry run without settings" 0 "$run" -n
hasnt "leaves PAGES_CONF alone" out PAGES_CONF
same "a dry run with a report names no record" "$("$run" -n --report true | cut -d= -f1)" LD_PRELOAD
PAGES_CONF=retain:5 "$run" -t 1M sh -c 'echo "$PAGES_CONF"' >out
same "PAGES_CONF is appended to" "$(cat out)" "retain:5,threshold:1M"
LD_PRELOAD=libkeep.so "$run" -n >out 2>err
pasted
has "LD_PRELOAD is kept, behind the shim" seen "^LD_PRELOAD=$lib$shim:libkeep.so\$"
ln -s "$shim" link.so
LD_PRELOAD="$tmp/link.so:libkeep.so" "$run" -n >out 2>err
pasted
has "the shim is not listed twice" seen "^LD_PRELOAD=$tmp/link.so:libkeep.so\$"
"$run" "$run" -n >out 2>err
pasted
has "nor if pages-run has listed it" seen "^LD_PRELOAD=$lib$shim\$"
LD_PRELOAD=/nonexistent/libasan.so.8 "$run" -n >out 2>err
hasnt "nothing is put in front of a sanitizer" out "$shim"
has "which is said" err '^pages-run: .*sanitizer'
PAGES_SHIM=$tmp/link.so "$run" -n >out 2>err
pasted
has "a link stays a link, for when it leads to a later version" seen "^LD_PRELOAD=$lib$tmp/link.so\$"
(cd "$tmp" && PAGES_SHIM=./link.so "$run" -n >out 2>err)
pasted
has "a relative path does not stay" seen "^LD_PRELOAD=/"
odd='report:/tmp/a  b/it'"'"'s $HOME `x` "y" \z 100%% %p,thp:off'
PAGES_CONF=$odd "$run" -n >out 2>err
pasted
same "what a shell would change is quoted" "$(tail -n 1 seen)" "PAGES_CONF=$odd"
PAGES_CONF=$odd "$run" --dry-run=systemd >out 2>err
same "a unit's file has quotes around it all" "$(head -n 1 out)" "Environment=\"LD_PRELOAD=$lib$shim\""
same "and percent signs twice" "$(tail -n 1 out)" \
	'Environment="PAGES_CONF=report:/tmp/a  b/it'"'"'s $HOME `x` \"y\" \\z 100%%%% %%p,thp:off"'
status "a dry run for something else" 125 "$run" --dry-run=csh
mkdir "sp ace" && cp "$shim" "sp ace/x.so"
status "a shim that LD_PRELOAD cannot name" 125 env PAGES_SHIM="sp ace/x.so" "$run" true

## Programs on which it has no effect
if $cc -static -o probe.static probe.c 2>/dev/null; then
	status "a static program runs" 0 "$run" ./probe.static
	has "with a warning" err '^pages-run: .*static'
	same "of one line" "$(grep -c . err)" 1
	status "a static program, quietly" 0 "$run" -q ./probe.static
	same "has none" "$(cat err)" ""
	status "a static program with a report" 0 "$run" -q --report ./probe.static
	has "says why" err 'No effect: .*static'
else
	skip "a static program" "cannot be linked"
fi
cat >own.c <<'END'
#include <stddef.h>
static char heap[1 << 20];
static size_t used;
void *malloc(size_t n) { used += (n + 15) & ~(size_t)15; return heap + used - ((n + 15) & ~(size_t)15); }
void free(void *p) { (void)p; }
int main(void) { return malloc(1) == NULL; }
END
$cc -fno-builtin -o own own.c || exit 99
status "a program with its own malloc runs" 0 "$run" ./own
has "with a warning of that" err '^pages-run: .*malloc'
if echo 'int main(void) { return 0; }' >san.c && $cc -fsanitize=address -o san san.c 2>/dev/null; then
	status "a program with a sanitizer runs" 0 "$run" ./san
	has "with a warning of the sanitizer" err '^pages-run: .*sanitizer'
else
	skip "a program with a sanitizer" "cannot be linked"
fi
# ELF files that are not: cut off anywhere, and with fields that point anywhere.
crashed=""
for n in 4 17 64 100 500 1000; do
	{ head -c "$n" probe; head -c 3000 /dev/urandom; } >junk && chmod +x junk
	"$run" -n ./junk >/dev/null 2>err || crashed="$crashed $n"
	head -c "$n" probe >junk
	"$run" -n ./junk >/dev/null 2>err || crashed="$crashed $n"
done
same "files of garbage are survived" "$crashed" ""

## Reports
"$run" --report=r.txt ./probe >out 2>err
same "a report in a file leaves standard error alone" "$(cat err)" ""
has "and is there" r.txt 'probe'
if [ -x probe.static ]; then
	"$run" -q --report=r.json ./probe.static >out 2>err
	json "JSON without any process is valid" r.json 'd["processes"] == [] and not d["active"]'
fi
echo before >out
"$run" --report=/dev/stdout ./probe >>out 2>err
same "standard output is not cut off" "$(head -n 1 out)" before
has "and the report is there" out '^pages: '
for name in /dev/fd/1 /proc/self/fd/1 "$tmp/out"; do
	echo before >out
	"$run" --report="$name" ./probe >>out 2>err
	same "nor by the name $name" "$(head -n 1 out)" before
done
"$run" --record=/dev/stdout ./probe >out 2>err
has "samples leave what the command has printed" out probe
"$run" --report=r.%p.%%.json ./probe >out 2>err
same "%p is the pid, %% a percent sign" "$(find . -name 'r.[0-9]*.%.json' | grep -c .)" 1
if [ -z "$dummy" ]; then
	status "a report" 0 "$run" --report ./probe 100
	has "of no effect says so" err 'No effect: no request reached the threshold of 256 KiB'
	"$run" --report=r.json ./probe 100 100 >out 2>err
	json "JSON lists every process" r.json 'len(d["processes"]) == 2 and d["version"] == 1'
	json "JSON says there was no effect" r.json 'd["active"] and not d["effect"]'
	"$run" --report ./probe 100 100 >out 2>err
	has "text counts the processes" err '2 processes, 0 of them routed large requests'
	odd=$(printf 'odd"\\\303\251\377')
	cp probe "$odd"
	"$run" --report=r.json "./$odd" >out 2>err
	json "JSON with any file name is valid" r.json '"/odd\"\\\u00e9" in d["exe"]'
	"$run" --report=r.json ./probe 8388608 100 >out 2>err
	json "the effect is in the sum" r.json 'd["effect"] and d["requests"] == 1'
	json "and in its process" r.json '[p["effect"] for p in d["processes"]].count(True) == 1'
	mkdir reports apart
	cat >mover.c <<'END'
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int
main(void)
{
	if (chdir("apart") != 0)
		return 1;
	if (fork() != 0)
		wait(NULL);
	free(malloc(8 << 20));
	return 0;
}
END
	$cc -fno-builtin -o mover mover.c || exit 99
	PAGES_CONF=report:reports/%p.%%.json LD_PRELOAD=$shim ./mover >out 2>err
	same "each process has a file of its own" "$(find reports -name '*.%.json' | grep -c .) $(ls apart)" "2 "
	json "the shim's name is of the start, and has the pid" \
		"$(find reports -name '*.json' | head -n 1)" "\"reports/%d.%%.json\" % d[\"pid\"] in sys.argv[1]"
	rm -rf reports apart && mkdir reports apart
	"$run" -c report:reports/%p sh -c 'cd apart && "$0" 8388608; exit' "$tmp/probe" >out 2>err
	same "a child elsewhere reports to the same place" "$(find reports -type f | grep -c .) $(ls apart)" "1 "
	PAGES_CONF=report:/nonexistent/r LD_PRELOAD=$shim ./probe 100 >out 2>err
	same "without pages-run the shim says it, once" "$(cat out err)" "probe
pages: no report: no such directory: /nonexistent/r"
	PAGES_CONF=report:r.%d LD_PRELOAD=$shim ./probe 100 >out 2>err
	has "and what percent signs mean" err 'ignored: report:r.%d (of percent signs'
	"$run" --report -t 16M ./probe 8388608 >out 2>err
	has "the threshold is obeyed" err 'No effect: no request reached the threshold of 16 MiB'
	"$run" --report -c disable:true ./probe 8388608 >out 2>err
	has "and so is disable" err 'No effect: .*disable'
fi

## Comparing
status "a comparison" 0 "$run" --compare=2 ./probe 8388608
same "runs it so often each way" "$(grep -c '^probe$' out)" 4
has "has a line of page faults" err '^  page faults  *[0-9][0-9]* '
has "and a verdict" err '^No clear difference\|^Every run with the shim'
"$run" --compare=2 sh -c 'echo "${LD_PRELOAD:-none} ${PAGES_CONF:-none}"' >out 2>err
same "the ways take turns" "$(cat out)" "none none
$lib$shim none
$lib$shim none
none none"
PAGES_CONF=retain:5 "$run" --compare=1 -t 1M sh -c 'echo "$PAGES_CONF"' >out 2>err
same "settings are those of the shim's runs" "$(cat out)" "retain:5
retain:5,threshold:1M"
same "all runs read the same file" "$("$run" --compare=2 cat <data 2>err | grep -c data)" 4
{ echo data | "$run" --compare=1 cat >out 2>err; } || oops "a pipe as input"
same "of a pipe all read nothing" "$(cat out)" ""
status "a command that fails" 3 "$run" --compare=2 sh -c 'exit 3'
hasnt "is not compared" err 'median'
status "no runs" 125 "$run" --compare=0 true
status "a number that is none" 125 "$run" --compare=2x true
status "a comparison with a report" 125 "$run" --compare --report true

## Signals
"$run" --report=r.txt sh -c 'trap "exit 7" TERM; : >ready; while :; do sleep 0.1; done' &
pid=$!
while [ ! -f ready ]; do sleep 0.1; done
kill -TERM $pid
wait $pid
same "SIGTERM is passed on" $? 7
has "and the report is still made" r.txt pid
status "SIGINT is left to the command" 8 "$run" --report=r.txt \
	sh -c 'trap "" INT; kill -INT $PPID; sleep 0.2; exit 8'
if [ -n "$python" ]; then
	cat >killed.py <<'END'
import signal, subprocess, sys
for sig in (signal.SIGINT, signal.SIGQUIT):     # ignored in the background of a shell
    signal.signal(sig, signal.SIG_DFL)
for sig in (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
    for how in ([], ["--report=r.txt"]):
        p = subprocess.run([sys.argv[1], *how, "sh", "-c", "kill -%d $$" % sig])
        if p.returncode != -sig:
            print(sig, how, p.returncode)
p = subprocess.run([sys.argv[1], "--report=r.txt", sys.executable, "-c", """
from signal import *
print(getsignal(SIGINT) == default_int_handler, getsignal(SIGUSR1) == SIG_DFL,
      getsignal(SIGHUP) == SIG_IGN, pthread_sigmask(SIG_BLOCK, []) == set())"""], stdout=subprocess.PIPE,
    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
if p.stdout.split() != [b"True"] * 4:
    print("dispositions:", p.stdout)
END
	same "it ends by the signal that ended the command" "$("$python" killed.py "$run" 2>&1)" ""
else
	skip "it ends by the signal that ended the command" "no python3"
fi

# A limit on the length of files costs the report, and nothing else.
status "the status is the command's though the report is too long" 3 "$run" \
	--report=/dev/null sh -c 'ulimit -f 0; "$0" --report=long.txt sh -c "exit 3" 2>/dev/null' "$run"
(ulimit -f 0; PAGES_CONF=report:stderr LD_PRELOAD=$shim exec ./probe 400000 >/dev/null 2>long.txt)
same "and so it is of a report that is written at exit" $? 0
exit $bad
