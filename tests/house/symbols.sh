#!/bin/sh
# SPDX-License-Identifier: MIT
# libpages exports what its map lists and nothing else; the shim exports the
# malloc family and the calls it watches, all without a version.  debian/libpages0.symbols
# says the same of both.
srcdir=${srcdir:-.}
lib=.libs/libpages.so
shim=preload/.libs/libpages_malloc.so
[ -f "$lib" ] && [ -f "$shim" ] || { echo "not built: $lib, $shim"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0 glibc=

# What gcc puts into everything that counts what runs (--enable-coverage) is left out, and
# musl's entry points of every library.
counters='^(__gcov_.*|mangle_path|_init|_fini)$'
exported() { nm -D --defined-only "$1" | awk '$2 ~ /[TDBRVW]/ { print $3 }' | grep -Ev "$counters" | sort -u; }

exported "$lib" | sed 's/@.*//' >"$tmp/lib.got"
sed -n 's/^[[:space:]]*\([a-z_0-9]*\);.*/\1/p' "$srcdir/src/lib/libpages.map" | sort -u >"$tmp/lib.want"
diff "$tmp/lib.want" "$tmp/lib.got" || { echo "libpages: map (<) and library (>) differ"; bad=1; }

sort -u >"$tmp/shim.want" <<'END'
__libc_free
__libc_realloc
aligned_alloc
calloc
cfree
chroot
free
free_aligned_sized
free_sized
ioctl
madvise
malloc
malloc_usable_size
mbind
memalign
mlock
mlock2
mlockall
mmap
mmap64
mprotect
mremap
munmap
pkey_mprotect
posix_madvise
posix_memalign
prctl
prlimit
prlimit64
process_madvise
pvalloc
realloc
reallocarray
send
sendmmsg
sendmsg
sendto
setrlimit
setrlimit64
shmat
valloc
vmsplice
END
# What reports and tunes, which musl has not.
case $(readelf -d "$shim") in
*'[libc.so.6]'*)
	glibc=1
	printf '%s\n' mallinfo mallinfo2 malloc_info malloc_stats malloc_trim mallopt >>"$tmp/shim.want"
	sort -o "$tmp/shim.want" "$tmp/shim.want"
	;;
esac
# packaged LIBRARY: what debian/libpages0.symbols lists for it, tags and versions removed
packaged() {
	awk -v lib="$1" '/^[^ *]/ { here = $1 == lib; next } here && !/^\*/ { sub(/^ \([^)]*\)/, ""); print $1 }' \
		"$srcdir/debian/libpages0.symbols" | sort
}
soname() { readelf -d "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'; }

# A node of the map is a symbol, too.
awk '/^[A-Z].*{$/ { node = $1; print node "@" node }
	/^\t[a-z]/ && !/:/ { sub(/;/, "", $1); print $1 "@" node }' "$srcdir/src/lib/libpages.map" |
	sort >"$tmp/lib.nodes"
packaged "$(soname "$lib")" >"$tmp/lib.packaged"
diff "$tmp/lib.nodes" "$tmp/lib.packaged" || { echo "libpages: map (<) and debian's symbols (>) differ"; bad=1; }
{ cat "$tmp/shim.want"; echo syscall; } | sed 's/$/@Base/' | sort >"$tmp/shim.base"
packaged "$(soname "$shim")" >"$tmp/shim.packaged"
[ -z "$glibc" ] || diff "$tmp/shim.base" "$tmp/shim.packaged" ||
	{ echo "shim: wanted (<) and debian's symbols (>) differ"; bad=1; }

# It can come between syscall() and the kernel where it knows how to enter it.
case $(readelf -h "$shim") in
*X86-64* | *AArch64*) echo syscall >>"$tmp/shim.want"; sort -o "$tmp/shim.want" "$tmp/shim.want" ;;
esac
# A library whose blocks and fork handlers outlive dlclose() must not be unloaded.
for lib in .libs/libpages.so "$shim"; do
	readelf -d "$lib" | grep -q NODELETE || { echo "$lib can be unloaded"; bad=1; }
done

# The sanitizers' own symbols are not ours to judge.
[ -n "$SANITIZED" ] || {
	exported "$shim" >"$tmp/shim.got"
	diff "$tmp/shim.want" "$tmp/shim.got" || { echo "shim: wanted (<) and exported (>) differ"; bad=1; }
}
exit $bad
