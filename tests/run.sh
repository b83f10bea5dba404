#!/bin/sh
# SPDX-License-Identifier: MIT
# pages-run: the command behaves as without it, and what it cannot do it says.
[ -z "$SANITIZED" ] || { echo "the shim cannot be preloaded here"; exit 77; }
run=$PWD/preload/pages-run
[ -x "$run" ] || { echo "not built: $run"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() { echo "FAIL: $*"; bad=1; }

# expect EXIT WORDS COMMAND...: exit status, and what standard error must contain.
expect() {
	want=$1 words=$2
	shift 2
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	[ $got = "$want" ] || fail "exit $got instead of $want: $*"
	if [ -n "$words" ]; then
		grep -q -- "$words" "$tmp/err" || { fail "does not say '$words': $*"; cat "$tmp/err"; }
	else
		[ ! -s "$tmp/err" ] || { fail "speaks: $*"; cat "$tmp/err"; }
	fi
}

expect 0 "" "$run" true
expect 3 "" "$run" -- sh -c 'exit 3'
expect 127 "not found" "$run" no-such-program-here
expect 126 "cannot be executed" "$run" /etc/passwd
expect 125 "usage" "$run"
expect 125 "usage" "$run" --nonsense true
expect 125 "No such file" "$run" --report=/nonexistent/r true
expect 125 "/nonexistent" env PAGES_SHIM=/nonexistent "$run" true
expect 0 "" "$run" --help
expect 0 "" "$run" --version

# Signals, with and without a waiting parent.
(sh -c "$run sh -c 'kill -TERM \$\$'") 2>/dev/null
[ $? = 143 ] || fail "a signal is lost"
(sh -c "$run --report=$tmp/r sh -c 'kill -TERM \$\$'") 2>/dev/null
[ $? = 143 ] || fail "a signal is lost with a report"
"$run" --report="$tmp/r" sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done' &
sleep 1
kill -TERM $!
wait $!
[ $? = 9 ] || fail "SIGTERM is not handed on"

# Arguments and standard input arrive as they are.
[ "$("$run" printf '%s|' 'a b' '' '*')" = "a b||*|" ] || fail "arguments change"
[ "$(echo hello | "$run" --report="$tmp/r" cat)" = hello ] || fail "standard input is lost"

# The environment it makes.
"$run" -n -t 1M -c thp:off >"$tmp/env" || fail "dry run"
grep -q '^LD_PRELOAD=.*libpages_malloc.so$' "$tmp/env" || fail "dry run: LD_PRELOAD"
grep -q '^PAGES_CONF=threshold:1M,thp:off$' "$tmp/env" || fail "dry run: PAGES_CONF"
shim=$(sed -n 's/^LD_PRELOAD=//p' "$tmp/env")
LD_PRELOAD="$shim:/lib/x.so" PAGES_CONF=retain:5 "$run" -n 2>/dev/null -c thp:off >"$tmp/env"
grep -q "^LD_PRELOAD=$shim:/lib/x.so\$" "$tmp/env" || fail "LD_PRELOAD is not kept, or doubled"
grep -q '^PAGES_CONF=retain:5,thp:off$' "$tmp/env" || fail "PAGES_CONF is not kept"

# Programs on which it has no effect run all the same, and it says so.
echo 'int main(void) { return 7; }' >"$tmp/seven.c"
if ${CC:-cc} -static "$tmp/seven.c" -o "$tmp/static" 2>/dev/null; then
	expect 7 "no effect: it is statically linked" "$run" "$tmp/static"
	expect 7 "" "$run" -q "$tmp/static"
	expect 7 "No effect" "$run" --report "$tmp/static"
	printf '#!%s\n' "$tmp/static" >"$tmp/script"
	chmod +x "$tmp/script"
	expect 7 "statically linked" "$run" "$tmp/script"
fi
if ${CC:-cc} -fsanitize=address "$tmp/seven.c" -o "$tmp/asan" 2>/dev/null; then
	expect 7 "no effect: it is built with a sanitizer" "$run" "$tmp/asan"
fi
cat >"$tmp/own.c" <<'END'
#include <stddef.h>
static char heap[1 << 20];
static size_t used;
void *malloc(size_t n) { used = (used + n + 15) & ~(size_t)15; return heap + used - ((n + 15) & ~(size_t)15); }
void free(void *p) { (void)p; }
int main(void) { return malloc(5) == NULL; }
END
if ${CC:-cc} -fno-builtin -rdynamic "$tmp/own.c" -o "$tmp/own" 2>/dev/null; then
	expect 0 "no effect: it brings its own malloc" "$run" "$tmp/own"
	expect 0 "No effect" "$run" --report "$tmp/own"
fi
for class in 1 2 9; do
	printf '\177ELF\00'$class'\377\377\377%0100d' 0 >"$tmp/garbage"
	chmod +x "$tmp/garbage"
	"$run" "$tmp/garbage" >/dev/null 2>&1
	[ $? -lt 128 ] || fail "garbage of class $class"
done

# Reports.
expect 0 "No effect: no request reached the threshold" "$run" --report true
expect 0 "" "$run" --report="$tmp/r.json" sh -c 'ls / >/dev/null; ls /tmp >/dev/null'
if command -v python3 >/dev/null; then
	python3 - "$tmp/r.json" <<'END' || fail "JSON"
import json, sys
r = json.load(open(sys.argv[1]))
assert r["version"] == 1 and r["processes"] >= 2 and len(r["each"]) == r["processes"], r
assert r["active"] is True and r["effect"] is False and r["requests"] == 0
END
fi
expect 0 "" "$run" --report="$tmp/r.json" tests/victim alignment
grep -q '"effect":true' "$tmp/r.json" || fail "no effect is reported where there is one"
[ -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'pages-run-*' -newer "$tmp/seven.c" 2>/dev/null)" ] ||
	fail "leaves files behind"
exit $bad
