#!/bin/sh
# SPDX-License-Identifier: MIT
# A program that enters a sandbox, whatever its rules, lives in there as long as without the
# shim; and the heap goes on to serve it, with what it has found out before.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
run=$PWD/preload/pages-run
box=$PWD/tests/shim/sandbox
shim=$PWD/preload/.libs/libpages_malloc.so
[ -x "$run" ] && [ -x "$box" ] && [ -x tests/shim/sandbox_linked ] && [ -f "$shim" ] || { echo "not built"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp" /tmp/sandbox.??????' EXIT
bad=0

fail() { echo "FAIL: $*"; bad=1; }

# lives LABEL COMMAND...: it ends well, without a word on stderr.
lives() {
	label=$1
	shift
	timeout 120 "$@" >"$tmp/out" 2>"$tmp/err"
	case $? in
	0) [ ! -s "$tmp/err" ] || { fail "$label: wrote to stderr"; cat "$tmp/err"; } ;;
	77) echo "# $label: not possible here" ;;
	*) fail "$label (exit $?)"; cat "$tmp/out" "$tmp/err" ;;
	esac
}

VICTIM_SHIM=1
export VICTIM_SHIM
for rules in strict openssh openssh-noreserve chromium firefox systemd start landlock chroot; do
	lives "plain: $rules" env -u VICTIM_SHIM "$box" $rules
	lives "$rules" "$run" "$box" $rules
	lives "$rules, used before" "$run" "$box" $rules before
	lives "$rules, no kernel features" env PAGES_DISABLE=all "$run" "$box" $rules
done
for rules in strict firefox; do
	lives "$rules, small pages" "$run" -c thp:off "$box" $rules
done
case $(uname -m) in
x86_64 | aarch64)
	for rules in strict openssh chromium firefox systemd start; do
		lives "$rules, by syscall()" "$run" "$box" $rules raw
	done ;;
esac
for rules in systemd start; do
	lives "plain: $rules, from the start" env -u VICTIM_SHIM "$box" $rules exec
	lives "$rules, from the start" "$run" "$box" $rules exec
done

for rules in strict openssh openssh-noreserve chromium firefox systemd landlock chroot; do
	lives "linked: $rules" "$PWD/tests/shim/sandbox_linked" $rules
done

# The rules are there: a call that they do not allow ends the program.
for rules in strict openssh chromium firefox systemd start; do
	"$run" "$box" $rules dies >/dev/null 2>&1
	[ $? = 159 ] || fail "$rules: mincore() is allowed"
done

# Without /proc, or with one that tells nothing.
if unshare -m true 2>/dev/null; then
	for proc in "umount -l /proc" "mount -t tmpfs none /proc"; do
		lives "$proc" unshare -m sh -c "$proc && LD_PRELOAD=$shim exec $box systemd before"
	done
else
	echo "# no mount namespace here"
fi

# A process's own report is written before, because in there no file can be opened.
own="report:$tmp/own.json"
"$run" -c "$own" "$box" strict before >/dev/null || fail "with a report of its own"
grep -q '"confined":1,"ended":0,"requests":[1-9]' "$tmp/own.json" || fail "report: $(cat "$tmp/own.json")"
"$run" -c "report:$tmp/own.txt" "$box" strict >/dev/null || fail "with a report as text"
grep -q 'entered a sandbox' "$tmp/own.txt" || { fail "report"; cat "$tmp/own.txt"; }
# Where there is a record, what it does in there is counted, too.
requests() { sed 's/.*"requests":\([0-9]*\).*/\1/' "$1"; }
"$run" --report="$tmp/r.json" "$box" strict before >/dev/null || fail "with a record"
[ "$(requests "$tmp/r.json")" -gt "$(requests "$tmp/own.json")" ] || fail "a record: $(cat "$tmp/r.json")"
exit $bad
