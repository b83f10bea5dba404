#!/bin/sh
# SPDX-License-Identifier: MIT
# Samples over time: pages-stat --record and pages-run --record write what was there, and
# pages-stat --plot draws it, also from a file that others have written.
run=$PWD/preload/pages-run
stat=$PWD/preload/pages-stat
held=$PWD/tests/shim/held
[ -x "$run" ] && [ -x "$stat" ] && [ -x "$held" ] || { echo "not built"; exit 99; }
[ -r /proc/self/maps ] || { echo "no /proc"; exit 77; }
tmp=$(mktemp -d) || exit 99
pid=
trap 'kill -9 $pid 2>/dev/null; rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
unset LD_PRELOAD PAGES_CONF PAGES_SHIM
bad=0

fail() { echo "FAIL: $*"; bad=1; }
same() { [ "$2" = "$3" ] || fail "$1: '$2', not '$3'"; }
has() { grep -q -e "$3" "$2" || { fail "$1: no '$3' in:"; head -n 50 "$2"; }; }
# start COMMAND...: sets pid, when it has said that it is ready; line is what it said
start() {
	mkfifo said
	"$@" >said &
	pid=$!
	read -r line <said
	rm -f said
}
# valid FILE: is it as samples.h says, and do the times rise?
valid() {
	head -n 1 "$1" | grep -qx '# pages-stat record, version 1' || fail "$1: no head"
	grep -q '^# machine: .* Linux .* processors, ' "$1" || fail "$1: no machine"
	grep -q '^# start: 20[0-9-]* [0-9:]* UTC$' "$1" || fail "$1: no date"
	awk '!/^#/ { if (NF != 7 || $1 < last || /[^0-9. ]/) { print "line " NR ": " $0; bad = 1 }
		last = $1 } END { exit bad }' "$1" || fail "$1: not as it should be"
}

start "$held" plain
(sleep 1; kill -9 "$pid") &
timeout 60 "$stat" --record=s.rec --interval=0.1 "$pid" || fail "pages-stat --record: exit $?"
valid s.rec
has "whose" s.rec "^# of: held (pid $pid)\$"
same "live, at each time" "$(awk '!/^#/ { print $2, $7 }' s.rec | sort -u)" "4194304 1"
[ "$(grep -vc '^#' s.rec)" -ge 4 ] || fail "too few samples: $(cat s.rec)"

# What cannot be asked for, of a process that is there.
# trouble MESSAGE OPTIONS...
trouble() {
	message=$1
	shift
	timeout 10 "$stat" "$@" >out 2>err
	same "pages-stat $*" $? 125
	has "pages-stat $*" err "^pages-stat: $message"
}
start "$held" plain
trouble 'no/where: No such file' --record=no/where "$pid"
trouble '--record: not with .*--json' --record=x --json "$pid"
trouble '--plot: not with ' --plot=s.rec --all
[ ! -e x ] && [ ! -e s.rec.svg ] || fail "a file was made all the same"
kill -9 "$pid"
wait "$pid"

# Samples by pages-run: of the shim's heap, in the record.
if [ -z "$SANITIZED" ]; then
	start "$run" --record=r.rec -- "$held" plain
	sleep 0.5
	kill -9 "${line%% *}"
	wait "$pid"
	same "it ends as the command" $? 137
	valid r.rec
	has "whose" r.rec "^# of: $held plain\$"
	same "the most" "$(awk '!/^#/ { print $2, $6, $7 }' r.rec | sort -n | tail -n 1)" "12599296 24 1"
	same "what waits in a front cache is kept" \
		"$(awk '$2 == 12599296 && $6 == 24 { print ($3 >= 41943040), ($2 + $3 <= $4) }' r.rec | sort -u)" "1 1"
	same "at the end" "$(tail -n 1 r.rec | cut -d' ' -f2-)" "0 0 0 0 24 0"
	"$run" --record=r.rec --report=r.json sh -c 'exit 3'
	same "with a report" $? 3
	[ -s r.json ] || fail "no report"
	"$run" --record=no/where touch ran 2>err
	same "a file that cannot be" $? 125
	[ ! -e ran ] || fail "it ran all the same"
	# What the command sends to its process group does not end the samples.
	setsid -w "$run" --record=r.rec sh -c "trap '' TERM; kill -TERM 0; sleep 0.5; exit 4"
	same "a signal to the group" $? 4
	[ "$(grep -vc '^#' r.rec)" -ge 4 ] || fail "the samples end early: $(cat r.rec)"
	# The one that samples, not the command, is killed.
	start "$run" --record=r.rec -- "$held" plain 2>err
	killed=
	for child in $(cat /proc/"$pid"/task/"$pid"/children 2>/dev/null); do
		[ "$child" = "${line%% *}" ] || { kill -9 "$child" && killed=$child; }
	done
	kill -9 "${line%% *}"
	wait "$pid"
	same "without the one that samples" $? 137
	[ -z "$killed" ] || has "without the one that samples" err '^pages-run: r.rec: .*ancel'
	if [ -w /dev/full ]; then
		"$run" --record=/dev/full sh -c 'exit 5' 2>err
		status=$?
		case $status in 5 | 125) has "a full disk" err '/dev/full' ;; *) fail "a full disk: $status" ;; esac
	fi
	"$run" --record=r.rec --compare true 2>err && fail "--record with --compare"
fi

# What is no record is told so, and draws nothing.
# refuse WHAT PATTERN: of the file bad.rec
refuse() {
	"$stat" --plot=bad.rec 2>err
	same "$1" $? 125
	has "$1" err "$2"
	[ ! -e bad.rec.svg ] || fail "$1: a picture"
}
refuse "no file" 'bad.rec: No such file'
: >bad.rec
refuse "an empty file" 'not a record of pages-stat'
head -n 3 s.rec >bad.rec
refuse "no samples" 'fewer than two samples'
{ cat s.rec; echo "1 2 x 4 5 6 7"; echo "9 9 9 9 9 9 9"; } >bad.rec
refuse "a line of something else" 'line [0-9]* is no sample'
{ cat s.rec; echo "1 -2 3 4 5"; echo "9 9 9 9 9 9 9"; } >bad.rec
refuse "a sign" 'is no sample'
{ cat s.rec; echo "1 nan 3 inf 5"; echo "9 9 9 9 9 9 9"; } >bad.rec
refuse "no number" 'is no sample'
mkdir empty
PATH=$tmp/empty "$stat" --plot=s.rec 2>err
same "without gnuplot" $? 125
has "without gnuplot" err 'gnuplot is not installed'
[ ! -e s.rec.svg ] || fail "without gnuplot: a picture"

gnuplot --version >/dev/null 2>&1 || { echo "gnuplot is not installed: no pictures"; exit $((bad != 0 ? 1 : 77)); }
# drawn FILE: a picture with the four curves
drawn() {
	for what in 'kept, above live' live 'resident, whole process' 'resident in the arena (&lt;=)'; do
		has "$1" "$1" ">$what<"
	done
	has "$1" "$1" '^</svg>$'
}
"$stat" --plot=s.rec || fail "--plot: exit $?"
drawn s.rec.svg
has "title" s.rec.svg "Memory of held (pid "
has "machine" s.rec.svg "processors, "
"$stat" --plot s.rec picture.svg || fail "--plot with a name: exit $?"
drawn picture.svg
"$stat" --plot s.rec - >stdout.svg || fail "--plot to standard output: exit $?"
cmp -s picture.svg stdout.svg || fail "standard output has something else"
# A link that another user may have made is followed only if it was asked for.
mkdir links
cp s.rec links
ln -s ../target links/s.rec.svg
"$stat" --plot=links/s.rec 2>err
same "a link" $? 125
has "a link" err 'links/s.rec.svg: is a symbolic link'
[ ! -e target ] || fail "a link was followed"
"$stat" --plot=links/s.rec links/s.rec.svg || fail "a link that was named: exit $?"
drawn target
if [ -w /dev/full ]; then
	"$stat" --plot=s.rec /dev/full 2>err
	same "a picture on a full disk" $? 125
	has "a picture on a full disk" err '^pages-stat: /dev/full: No space left'
	[ -c /dev/full ] || fail "/dev/full was removed"
fi
mkdir small
if unshare -m mount -t tmpfs -o size=4k small small 2>/dev/null; then
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount -t tmpfs -o size=4k small small && "$1" --plot=s.rec small/part.svg 2>err
		echo "$?"; ls small' sh "$stat" >out
	same "a disk that is full in the middle: status, and what is left" "$(cat out)" 125
	has "a disk that is full in the middle" err 'small/part.svg: No space left'
else
	echo "no mount: no disk is full in the middle"
fi
# The last line may be in the making.
{ cat s.rec; printf '99.9 12'; } >part.rec
"$stat" --plot=part.rec || fail "a line in the making"
# Text that would be commands of gnuplot or of a shell, or end the quotes.
{
	echo '# pages-stat record, version 1'
	printf '# of: x'\''; system("touch evil"); `touch evil` @a \\" $(touch evil) <b>{/=90 \351 \n'
	printf '# machine: %s\n' "\`touch evil\`'"
	printf '0 1 2 3 4 5 6\n1e3 18446744073709551615 2 3 4 5 6\n'
} >evil.rec
"$stat" --plot=evil.rec || fail "evil text: exit $?"
drawn evil.rec.svg
[ ! -e evil ] || fail "text was run"
! command -v xmllint >/dev/null || xmllint --noout evil.rec.svg || fail "no XML"
exit $bad
