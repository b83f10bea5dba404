#!/bin/sh
# SPDX-License-Identifier: MIT
# Each tests/fuzz/fuzz_NAME.c, built with clang's libFuzzer and sanitizers, starts from
# its corpus and runs for so many seconds.  FUZZ_SECONDS=3600 make fuzz finds more.
srcdir=${srcdir:-.}
seconds=${FUZZ_SECONDS:-10}
clang --version >/dev/null 2>&1 || { echo "no clang"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
flags="-O1 -g -std=gnu17 -D_GNU_SOURCE -I$srcdir/include -I$srcdir/src -I$srcdir/tests -include config.h"
flags="$flags -fsanitize=address,undefined,fuzzer -fno-sanitize-recover=all"
bad=0

# What the library consists of, but for the shim's own.
sources=$(find "$srcdir/src" -name '*.c' ! -name wx.c)
for target in "$srcdir"/tests/fuzz/fuzz_*.c; do
	name=${target##*/fuzz_}
	name=${name%.c}
	mkdir "$tmp/$name"
	# shellcheck disable=SC2086
	clang $flags "$target" $sources -o "$tmp/fuzz_$name" >"$tmp/log" 2>&1 || {
		cat "$tmp/log"
		exit 99
	}
	"$tmp/fuzz_$name" -max_total_time="$seconds" -max_len=400 -rss_limit_mb=4096 \
		-artifact_prefix="$PWD/" "$tmp/$name" "$srcdir/tests/fuzz/${name}_corpus" \
		>"$tmp/log" 2>&1 || { tail -n 40 "$tmp/log"; bad=1; }
	tail -n 1 "$tmp/log"
done
exit $bad
