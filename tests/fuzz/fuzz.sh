#!/bin/sh
# SPDX-License-Identifier: MIT
# Each tests/fuzz/fuzz_NAME.c, built with clang's libFuzzer and sanitizers, starts from
# its corpus and runs for so many seconds.  FUZZ_SECONDS=3600 make fuzz finds more.
#
#   tests/fuzz/fuzz.sh [NAME...]	only these; arguments for the fuzzer in FUZZ_FLAGS
srcdir=${srcdir:-.}
clang --version >/dev/null 2>&1 || { echo "no clang"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
flags="-O1 -g -std=gnu17 -D_GNU_SOURCE -I$srcdir/include -I$srcdir/src -I$srcdir/tests -include config.h"
flags="$flags -fsanitize=address,undefined,fuzzer -fno-sanitize-recover=all"
bad=0

# What the library consists of, but for the shim's own.
sources=$(find "$srcdir/src" -name '*.c' ! -name wx.c)

# What a target has beside that: seconds, other sources, the linker's and the fuzzer's flags.
needs() {
	seconds=10 more='' link='' fuzzer='-max_len=400'
	case $1 in
	heap)
		seconds=120
		more="$srcdir/tests/fuzz/heap_model.c $srcdir/tests/fuzz/heap_ops.c $srcdir/tests/unit/failing_os.c"
		link="-Wl,@tests/unit/failing_os.flags"
		link="$link -Wl,--wrap=pages_os_now_ms,--wrap=pages_os_tick,--wrap=abort"
		fuzzer='-max_len=242 -len_control=0 -timeout=30'
		;;
	esac
	seconds=${FUZZ_SECONDS:-$seconds}
}

if [ $# = 0 ]; then
	set -- "$srcdir"/tests/fuzz/fuzz_*.c
fi
for target; do
	name=${target##*/fuzz_}
	name=${name%.c}
	needs "$name"
	mkdir "$tmp/$name"
	# shellcheck disable=SC2086
	clang $flags "$srcdir/tests/fuzz/fuzz_$name.c" $more $sources $link -o "$tmp/fuzz_$name" >"$tmp/log" 2>&1 || {
		cat "$tmp/log"
		exit 99
	}
	# shellcheck disable=SC2086
	"$tmp/fuzz_$name" -max_total_time="$seconds" $fuzzer -rss_limit_mb=4096 $FUZZ_FLAGS \
		-artifact_prefix="$PWD/" "$tmp/$name" "$srcdir/tests/fuzz/${name}_corpus" \
		>"$tmp/log" 2>&1 || { tail -n 120 "$tmp/log"; bad=1; }
	tail -n 1 "$tmp/log"
done
exit $bad
