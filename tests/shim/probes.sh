#!/bin/sh
# SPDX-License-Identifier: MIT
# The probes that pages-probes(7) lists are in both libraries, with so many arguments; a debugger
# sees there what a program does; and the examples of the page are understood.
srcdir=$(cd "${srcdir:-.}" && pwd)
page=$srcdir/src/man/pages-probes.7
build=$PWD
lib=$PWD/.libs/libpages.so
shim=$PWD/preload/.libs/libpages_malloc.so
plain=$PWD/tests/shim/probed
linked=$PWD/tests/shim/.libs/probed_linked
[ -f "$lib" ] && [ -f "$shim" ] && [ -x "$plain" ] && [ -x "$linked" ] || { echo "not built"; exit 99; }
command -v readelf >/dev/null || { echo "no readelf"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99
unset LD_PRELOAD LD_LIBRARY_PATH PAGES_CONF PAGES_DISABLE PAGES_SHIM DEBUGINFOD_URLS
bad=0

fail() { echo "FAIL: $*"; bad=1; }

# In the files. ---------------------------------------------------------------

# listed: each probe of the page, and how many arguments it has
sed -n 's/^\.It Ic \([a-z]*\) Ar /\1 /p' "$page" | awk '{ print $1, NF - 1 }' | sort >listed
[ -s listed ] || { echo "no probes in $page"; exit 99; }
# notes FILE: the same of its notes
notes() {
	readelf -n "$1" 2>/dev/null |
		awk '$1 == "Provider:" { ours = $2 == "pages" } $1 == "Name:" { name = $2 }
			ours && $1 == "Arguments:" { print name, gsub(/@/, "") }' | sort -u
}
if ! grep -q '^#define PAGES_PROBES 1' "$build/config.h"; then
	[ -z "$(notes "$lib")$(notes "$shim")" ] || fail "there are probes without sys/sdt.h"
	[ $bad = 0 ] || exit 1
	echo "configured without probes (Debian: systemtap-sdt-dev)"
	exit 77
fi
for file in "$lib" "$shim"; do
	notes "$file" >found
	diff listed found || fail "$file: the page (<) and its notes (>) differ"
done

# In a program. ---------------------------------------------------------------

# trace FILE: the debugger's script, with the settings in FILE; it prints "seen", the name of a probe
# of the page and its arguments; of free the bytes
trace() {
	cat "$1" - <<'END'
set pagination off
set confirm off
set width 0
set language c
set startup-with-shell off
set disable-randomization off
break main
run said
break marker
commands
silent
printf "seen marker\n"
continue
end
END
	while read -r name n; do
		format="seen $name" values='' i=0
		while [ $i -lt "$n" ]; do
			format="$format %lu" values="$values, (unsigned long)\$_probe_arg$i"
			i=$((i + 1))
		done
		if [ "$name" = free ]; then
			format="seen free %lu %lu"
			values=", (unsigned long)\$_probe_arg0, (unsigned long)(\$_probe_arg1 * \$_probe_arg2)"
		fi
		printf 'break -probe-stap pages:%s\ncommands\nsilent\nprintf "%s\\n"%s\ncontinue\nend\n' \
			"$name" "$format" "$values"
	done <listed
	echo 'continue'
}

blocks='allocate|free|resize|decline'
# sum NAME FIELD FROM TO [VALUE]: of what was seen after so many markers and before so many;
# with VALUE, if that is the last argument
sum() {
	awk -v name="$1" -v field="$2" -v from="$3" -v to="$4" -v value="$5" '
		$2 == "marker" { n++ }
		$2 == name && n >= from && n < to && (value == "" || $NF == value) { sum += $field }
		END { printf "%.0f\n", sum }' seen
}
said() { sed -n "s/^$1 //p" said; }

# follow LABEL PROGRAM: with the debugger's settings in the file "with"
follow() {
	label=$1
	trace with >script
	rm -f said
	timeout 120 gdb -nx -batch -x script "$2" >out 2>err
	grep '^seen ' out >seen
	[ "$(grep -c '^seen marker' seen)" = 2 ] && [ -s said ] ||
		{ fail "$label: it did not end"; tail out err; return; }
	grep -E "^($blocks) " said >wanted
	grep -E "^seen ($blocks) " seen | cut -d ' ' -f 2- >got
	for name in allocate free resize decline; do
		grep -q "^$name " wanted || fail "$label: the program had no $name"
	done
	diff wanted got || fail "$label: what the program did (<) and what the probes say (>) differ"
	# The last block before the marker has lived for so long that it is marked, in whole units.
	awk '$2 == "free" { p = $3 - $3 % 4096; end = p + $4; len = 0 }
		$2 == "purge" && $5 == 1 && $3 >= p && $3 + $4 <= end { len += $4 }
		$2 == "marker" { exit len < 16 * 1048576 }' seen || fail "$label: nothing was given back lazily"
	[ "$(sum purge 4 1 2 0)" -gt 0 ] || fail "$label: nothing was given back by trimming"
	awk '$2 == "move" && ($3 % 4096 || $4 % 4096 || $5 % 4096 || $5 == 0 || $3 == $4)' seen >odd
	[ ! -s odd ] || { fail "$label: moves"; cat odd; }
}

if ! command -v gdb >/dev/null; then
	echo "# no gdb: nothing was traced"
elif ! gdb -nx -batch -ex run -ex 'print $_exitcode' "$(command -v true)" 2>/dev/null | grep -q '= 0'; then
	echo "# gdb cannot trace here"
elif [ -n "$SANITIZED" ]; then
	echo "# a sanitizer has to come first: nothing was traced"
else
	echo "set environment LD_PRELOAD $shim" >with
	follow "the shim" "$plain"
	echo "set environment LD_LIBRARY_PATH ${lib%/*}" >with
	follow "libpages" "$linked"
	[ "$(sum move 5 0 1)" = "$(said moved)" ] || fail "$(sum move 5 0 1) bytes were moved, and not $(said moved)"
	[ "$(said moved)" -gt 0 ] || fail "nothing was moved"
	[ "$(sum purge 4 1 2 0)" = "$(said gone)" ] || fail "$(sum purge 4 1 2 0) bytes were given back, and not $(said gone)"
fi

# In the examples. --------------------------------------------------------------

# Programs of the page, without what mdoc and the shell take away, each in a file.
sed 's/\\e/\\/g' "$page" | awk -v shim="$shim" '
	function finish() { sub(/'\''$/, ""); print >("example." n); close("example." n); inside = 0 }
	/^# bpftrace -e '\''/ { n++; inside = 1; sub(/^[^'\'']*'\''/, "") }
	inside { gsub("/usr/lib/pages/libpages_malloc.so", shim) }
	inside && /'\''$/ { finish() }
	inside { print >("example." n) }'
[ "$(cat example.* | grep -c usdt:)" -ge 10 ] || fail "the page has no examples any more"
awk -F: '/^usdt:/ { sub(/[^a-z].*/, "", $4); print $4 }' example.* | sort -u >named
cut -d ' ' -f 1 listed | comm -13 - named >unknown
[ ! -s unknown ] || { fail "examples name probes that are not there"; cat unknown; }
if bpftrace -d -e 'BEGIN { exit(); }' >/dev/null 2>&1; then
	for example in example.*; do
		bpftrace -d "$example" >out 2>&1 || { fail "bpftrace does not understand"; cat "$example" out; }
	done
else
	echo "# bpftrace cannot be run here: nobody has read the examples"
fi
exit $bad
