#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests on machines that this one is not: Debian's kernels in an emulator, each with
# an initramfs of the tests just built.  Counts and correctness, no times.
#
#   ./bootstrap packages build check guest
#   make check-guest                        all of it, about 20 minutes
#   make check-guest GUEST='swap numa'      these scenarios only
#   make check-guest GUEST_KERNELS='DIR...' other kernels: packages unpacked by dpkg-deb -x
#
# Scenarios (tests/guest/init): baseline, thp-never, thp-always, overcommit (mode 2), hugetlb
# (a pool of huge pages), cgroup-max and cgroup-high (version 2), swap (a disk), numa (two
# nodes, a boot of its own), older (a boot of Debian 11's 5.10).  The kernel of the others
# is what linux-image-cloud-amd64 stands for; both are unpacked into guest-work/ and not
# installed.  baseline and older run whole suites, the others what their line names.  What
# could not be set up is skipped, with the reason; what says nothing has failed.
srcdir=${srcdir:-.}
work=$PWD/guest-work
everything="baseline thp-never thp-always overcommit hugetlb cgroup-max cgroup-high swap numa older"
scenarios=${GUEST:-$everything}
patience=1500			# seconds for a boot
memory=3072			# MiB
passed=0 failed=0

say() { echo "guest: $*"; }
give_up() { say "$2"; exit "$1"; }

for name in $scenarios; do
	case " $everything " in
	*" $name "*) ;;
	*) give_up 99 "no such scenario: $name" ;;
	esac
done
[ -z "$SANITIZED" ] || give_up 77 "skipped, a sanitizer has to come first, so the shim cannot"
[ "$(uname -m)" = x86_64 ] || give_up 77 "skipped, only for x86-64 so far"
for tool in qemu-system-x86_64 busybox cpio depmod modinfo mke2fs; do
	command -v $tool >/dev/null || PATH=$PATH:/usr/sbin:/sbin
	command -v $tool >/dev/null || give_up 77 "skipped, no $tool: ./bootstrap packages guest"
done
# Without libraries: the C library of the tests comes after it.
ldd "$(command -v busybox)" >/dev/null 2>&1 && give_up 77 "skipped, busybox is not static"
mkdir -p "$work" || exit 99

# ---- Kernels ----

# unpack PACKAGE APT-OPTIONS...: into $work/PACKAGE, once
unpack() {
	package=$1
	shift
	[ ! -d "$work/$package" ] || return 0
	(rm -rf "$work/new" && mkdir "$work/new" && cd "$work/new" && apt-get -qq "$@" download "$package" &&
		dpkg-deb -x ./*.deb root && mv root "$work/$package") >"$work/log" 2>&1 || return
	rm -rf "$work/new"
}

# Debian's own kernel here: what the package without a version stands for.
find_kernel() {
	own=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
		sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p')
	[ -n "$own" ] || give_up 77 "skipped, no linux-image-cloud-amd64 in the package sources"
	unpack "$own" || { cat "$work/log"; give_up 99 "cannot fetch $own: apt-get update?"; }
	kernels=$work/$own
}

# An older one, by package lists of our own: Debian 11's.
find_older_kernel() {
	lists=$work/lists keys=/usr/share/keyrings/debian-archive-keyring.gpg
	mkdir -p "$lists/state/partial" "$lists/cache/archives/partial"
	echo "deb [signed-by=$keys] http://deb.debian.org/debian bullseye main" >"$lists/sources"
	set -- -o Dir::Etc::sourcelist="$lists/sources" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$lists/state" -o Dir::Cache="$lists/cache"
	[ -f "$lists/done" ] || { timeout 300 apt-get -qq "$@" update >"$work/log" 2>&1 && : >"$lists/done"; }
	older=$(apt-cache "$@" search --names-only '^linux-image-5\.10\.0-[0-9]*-cloud-amd64$' 2>/dev/null |
		awk '{ print $1 }' | sort -V | tail -n 1)
	if [ -n "$older" ] && unpack "$older" "$@"; then
		kernels="$kernels $work/$older"
	else
		say "5.10: skipped, Debian 11's packages are not to be had"
	fi
}

kernels=${GUEST_KERNELS-} older=
if [ -z "$kernels" ]; then
	find_kernel
	case " $scenarios " in
	*" older "*) find_older_kernel ;;
	esac
fi

# ---- The root file system ----

# Where a program itself is: libtool puts a script in its place.
real() {
	if [ -x "$(dirname "$1")/.libs/$(basename "$1")" ]; then
		echo "$(dirname "$1")/.libs/$(basename "$1")"
	else
		echo "$1"
	fi
}

# add FILE PLACE: to the root file system, with the libraries that it needs
add() {
	mkdir -p "$root/$(dirname "$2")"
	cp "$1" "$root/$2" || give_up 99 "not built: $1"
	LD_LIBRARY_PATH=.libs ldd "$1" 2>/dev/null | awk '$2 == "=>" { print $3 } $1 ~ "^/" { print $1 }' \
		>>"$work/libraries"
}

pack() { (cd "$1" && find . | cpio -o -H newc 2>/dev/null | gzip -1); }

# As in a build directory, so that scripts find what they look for; the libraries beside it.
make_root() {
	root=$work/root
	rm -rf "$root" "$work/libraries"
	mkdir -p "$root/bin" "$root/dev" "$root/etc" "$root/proc" "$root/sys" "$root/tmp" \
		"$root/lib64" "$root/build/lib"
	echo root:x:0:0::/:/bin/sh >"$root/etc/passwd"
	add "$(command -v busybox)" bin/busybox
	ln -s busybox "$root/bin/sh"
	for program in ${GUESTS:?run by make check-guest} preload/pages-run; do
		add "$(real "$program")" "build/$program"
	done
	add preload/.libs/libpages_malloc.so build/preload/.libs/libpages_malloc.so
	sort -u "$work/libraries" | while read -r library; do
		case $library in
		*/ld-linux*) cp "$library" "$root/lib64" ;;
		*) cp "$library" "$root/build/lib" ;;
		esac
	done
	# What limits.sh compiles, for where there is no compiler.
	sed -n '/<<.END_OF_C.$/,/^END_OF_C/p' "$srcdir/tests/shim/limits.sh" | sed '1d;$d' \
		>"$work/eater.c"
	${CC:-cc} -w -O1 -o "$work/eater" "$work/eater.c" || give_up 99 "no eater in limits.sh"
	add "$work/eater" build/eater
	cp "$srcdir/tests/shim/limits.sh" "$srcdir/tests/shim/bloat.sh" "$root/build/tests/shim"
	cp "$srcdir/tests/guest/init" "$root/init"
	chmod +x "$root/init"
	pack "$root" >"$work/root.gz"
}

# add_modules KERNEL RELEASE NAME...: modules and what they need, in the order to load
add_modules() {
	from=$1/lib/modules/$2 to=$work/modules/modules
	shift 2
	rm -rf "$work/modules"
	mkdir -p "$to"
	for name in "$@"; do
		# modules.dep: file: what it needs, the first needed last.
		awk -v name="$name" '{ file = $1; sub(".*/", "", file); sub(/\.ko.*/, "", file) }
			file == name { sub(":", ""); for (i = NF; i > 0; i--) print $i }' "$from/modules.dep" |
		while read -r file; do
			plain=$(basename "$file" | sed 's/\.ko\..*/.ko/')
			case $file in
			*.xz) xz -dc "$from/$file" >"$to/$plain" ;;
			*.zst) zstd -qdc "$from/$file" >"$to/$plain" ;;
			*) cp "$from/$file" "$to/$plain" ;;
			esac || give_up 99 "cannot unpack $file"
			echo "$plain" >>"$to/order"
		done
	done
}

# ---- Boots ----

# Add up a log's "N passed, N failed"; what was asked for and did not report has failed.
judge() {
	sums=$(awk '/^guest: / { for (i = 2; i <= NF; i++) {
			if ($i ~ /^passed/) p += $(i - 1)
			if ($i ~ /^failed/) f += $(i - 1) } }
		END { print p + 0, f + 0 }' "$1")
	passed=$((passed + ${sums% *})) failed=$((failed + ${sums#* }))
	for name in $asked; do
		grep -q "^guest: $release: $name: " "$1" && continue
		say "$release: $name: did not report, 1 failed"
		failed=$((failed + 1)) sums="0 1"
	done
	[ "${sums#* }" = 0 ] || { grep -v '^guest: ' "$1" | tail -n 100; say "all of it: $1"; }
}

# boot NAME QEMU-OPTIONS...: what $asked names; the console goes to a log
boot() {
	log=$work/$1-$release.log
	shift
	[ -n "$asked" ] || return 0
	say "booting $release for: $(echo "$asked" | tr '\n' ' ')"
	rm -f "$work/disk" "$work/swap"
	truncate -s 256M "$work/disk" && mke2fs -q -t ext2 "$work/disk" && truncate -s 768M "$work/swap" ||
		exit 99
	timeout $patience qemu-system-x86_64 -accel tcg,thread=multi -cpu max,-erms,-fsrm,-la57 -smp 2 -m $memory "$@" \
		-nographic -no-reboot -nic none -kernel "$kernel/boot/vmlinuz-$release" -initrd "$work/initrd" \
		-drive file="$work/disk",format=raw,if=virtio -drive file="$work/swap",format=raw,if=virtio \
		-append "console=ttyS0 quiet loglevel=1 panic=-1 scenarios=$(echo "$asked" | tr '\n ' ,,)" \
		</dev/null 2>&1 | sed -u 's/\r//g' | tee "$log" | sed -un 's/^.*guest: /guest: /p'
	judge "$log"
}

make_root
for kernel in $kernels; do
	release=$(basename "$kernel"/lib/modules/*)
	[ -f "$kernel/boot/vmlinuz-$release" ] || give_up 99 "no kernel in $kernel"
	depmod -b "$kernel" "$release" || exit 99
	add_modules "$kernel" "$release" virtio_pci virtio_blk
	pack "$work/modules" | cat "$work/root.gz" - >"$work/initrd"
	if [ "$kernel" = "$work/$older" ]; then
		asked=older
		boot one-node
		continue
	fi
	asked=$(for name in $scenarios; do echo "$name"; done | grep -v -e '^numa$' -e '^older$')
	boot one-node
	asked=$(for name in $scenarios; do echo "$name"; done | grep '^numa$')
	half=$((memory / 2))M
	boot two-nodes -object memory-backend-ram,id=a,size=$half -object memory-backend-ram,id=b,size=$half \
		-numa node,nodeid=0,cpus=0,memdev=a -numa node,nodeid=1,cpus=1,memdev=b
done
rm -f "$work/disk" "$work/swap"
echo "$passed passed, $failed failed"
[ $failed = 0 ] && [ $passed != 0 ]
