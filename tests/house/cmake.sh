#!/bin/sh
# SPDX-License-Identifier: MIT
# find_package(pages) in the installed tree: its targets, its version, and what it says of a tree
# from which a file is missing.
srcdir=$(cd "${srcdir:-.}" && pwd)
command -v cmake >/dev/null || { echo "no cmake"; exit 77; }
. "$srcdir/tests/support/installed.sh"
version=$(value PACKAGE_VERSION)
cd "$tmp" || exit 99

mkdir project
mv program.c shim.cc project
echo 'int part;' >project/part.c
cat >project/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.13)
project(user C CXX)
find_package(pages ${WANT} REQUIRED)
find_package(pages ${WANT} REQUIRED)	# by two parts of a program
add_executable(program program.c)
target_link_libraries(program PRIVATE pages::pages)
add_library(part STATIC part.c)	# which brings the shim along
target_link_libraries(part PUBLIC pages::malloc)
add_executable(shim shim.cc)
target_link_options(shim PRIVATE LINKER:--as-needed)
target_link_libraries(shim PRIVATE part pages::malloc)
END
# configured VERSION
configured() {
	rm -rf build
	cmake -S project -B build -DWANT="$1" -Dpages_DIR="$libdir/cmake/pages" \
		-DCMAKE_C_COMPILER="${CC:-cc}" -DCMAKE_CXX_COMPILER="${CXX:-c++}"
}
refused() { ! configured "$1"; }

works "the version itself is found" configured "$version"
works "any version is found" configured ""
works "programs are linked" cmake --build build
works "one with the library runs" build/program
works "one with the shim runs" env PAGES_CONF=report:report.json build/shim
works "and is served by it" grep '"requests":[1-9]' report.json
works "a later version is refused" refused 1000.0
works "an earlier one with another interface is refused" refused 0.0.1
if [ -z "${INSTALLED-}" ]; then
	rm "$libdir/libpages_malloc.so"
	works "a tree without the shim is refused" refused ""
	# CMake breaks lines where they become too long.
	says() { configured "" 2>&1 | tr -s '\n ' ' ' | grep 'libpages_malloc.so is not there'; }
	works "and the file is named" says
fi
exit $bad
