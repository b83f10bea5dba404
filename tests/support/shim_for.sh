# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
# To be sourced by tests of the shim for another target than this machine's, in a build
# directory, with $srcdir: builds it there in $tmp/build, and runs programs with it.  Whole
# programs only, since Criterion is this machine's.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
srcdir=$(cd "${srcdir:-.}" && pwd)
machine=$(uname -m)
[ -x "$srcdir/configure" ] || { echo "no configure"; exit 99; }
[ ! -f "$srcdir/config.status" ] || { echo "built in the source directory"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0 check=
VICTIM_SHIM=1
export VICTIM_SHIM
# Not by the flags and the jobs of the build that this runs in.
unset MAKEFLAGS MFLAGS CC CXX CFLAGS CPPFLAGS LDFLAGS LD_PRELOAD PAGES_CONF

fail() { echo "FAIL: $*"; bad=1; }

# field NAME: what the report $tmp/r.json says of it
field() { sed 's/.*"'"$1"'":\("[^"]*"\|[0-9a-z]*\).*/\1/' "$tmp/r.json" | head -n 1; }

# build_shim "PROGRAM..." CONFIGURE-ARGUMENT...: sets shim, and leaves us in its build directory
build_shim() {
	programs=$1
	shift
	# shellcheck disable=SC2046,SC2086	# a list
	(mkdir "$tmp/build" && cd "$tmp/build" &&
		"$srcdir/configure" -q --enable-werror --disable-numpy --disable-dependency-tracking "$@" &&
		make -s -j"$(nproc)" preload/libpages_malloc.la preload/pages-run \
			$(printf 'tests/%s ' $programs)) >"$tmp/log" 2>&1 ||
		{ cat "$tmp/log"; echo "FAIL: it cannot be built"; exit 1; }
	cd "$tmp/build" || exit 99
	shim=$PWD/preload/.libs/libpages_malloc.so
}

# program NAME COMMAND...: runs tests/NAME by it, with $check.  Not libtool's script, whose shell
# is this machine's.
program() {
	name=$1 file=tests/${1%/*}/.libs/${1##*/}
	shift
	[ -x "$file" ] || file=tests/$name
	# shellcheck disable=SC2086	# there may be none
	timeout 300 "$@" "$file" $check >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status != 77 ] || { echo "# $name cannot be tried here"; return; }
	[ $status = 0 ] || { fail "$name $check, $* (exit $status)"; grep -v '^ok' "$tmp/out"; }
	[ ! -s "$tmp/err" ] || { fail "$name $check, $*: wrote to stderr"; cat "$tmp/err"; }
}
