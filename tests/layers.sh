#!/bin/sh
# SPDX-License-Identifier: MIT
# The law of layers: tests/layers.txt says who may include whom, and only
# os_linux*.c may enter the kernel.
cd "${srcdir:-.}" || exit 99
law=tests/layers.txt
bad=0

for file in src/*.[ch] preload/*.[ch] bench/*.[ch] include/pages/*.h; do
	line=$(grep "^$file:" "$law")
	if [ -z "$line" ]; then
		echo "$file is not in $law"
		bad=1
		continue
	fi
	allowed=${line#*:}
	for header in $(sed -n 's/^#include "\(.*\)"/\1/p; s/^#include <\(pages\/.*\)>/\1/p' "$file"); do
		case " $(echo $allowed) " in
		*" $header "*) ;;
		*)
			echo "$file may not include $header"
			bad=1
			;;
		esac
	done
done

if grep -nE '^#include <(sys/mman|sys/syscall|linux/|sys/prctl)' src/*.[ch] | grep -v '^src/os_linux[a-z_]*\.c:'; then
	echo "only os_linux*.c may enter the kernel"
	bad=1
fi
exit $bad
