#!/bin/sh
# SPDX-License-Identifier: MIT
# The crate in rust/ compiles without a warning, by rustc alone, and Rust's collections work on it.
srcdir=$(cd "${srcdir:-.}" && pwd)
lib=$PWD/.libs
rustc=${RUSTC:-rustc}
[ -f "$lib/libpages.so" ] || { echo "not built: $lib/libpages.so"; exit 99; }
[ -z "$SANITIZED" ] || { echo "the program would need the sanitizers, too"; exit 77; }
$rustc --version || { echo "no rustc"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
cd "$tmp" || exit 99

"$rustc" --edition 2021 -O -D warnings --crate-name pages_alloc --crate-type rlib \
	-L native="$lib" "$srcdir/rust/src/lib.rs" || exit 1
for flags in "-O" "-C debug-assertions=on -C opt-level=1"; do
	# shellcheck disable=SC2086
	"$rustc" --edition 2021 $flags -D warnings -L . -L native="$lib" --extern pages_alloc=libpages_alloc.rlib \
		"$srcdir/tests/api/rust_alloc.rs" -o program &&
		LD_LIBRARY_PATH="$lib" ./program || exit 1
	echo "ok - $flags"
done
