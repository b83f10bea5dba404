#!/bin/sh
# SPDX-License-Identifier: MIT
# Pages that are writable and executable: a program that asks for them does not link
# against a library that was configured without --enable-wx, and is told why; with
# it, it gets one.
srcdir=${srcdir:-.}
lib=.libs/libpages.so
[ -f "$lib" ] && [ -f config.h ] || { echo "not built: $lib, config.h"; exit 99; }
[ -z "$SANITIZED" ] || { echo "the program would need the sanitizers, too"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
symbol=pages_wx_needs_a_library_configured_with_enable_wx

# Opens a page and makes it what is asked for; 7 if the kernel agrees.
cat >"$tmp/program.c" <<'END'
#include <pages/pages.h>

int
main(void)
{
	struct pages_rw w = {0};
	struct pages_target target = {0};
	struct pages_mapping m;
	int err = pages_open(&w, 1);

	if (err == 0)
		err = pages_to_target(&w, &target);
	if (err == -EACCES)
		return 77;		/* a security policy */
	if (err != 0 || pages_verify(&target) != 0 || pages_query(&target, &m) != 0)
		return 1;
#ifdef PAGES_ENABLE_WX
	PAGES_AT(char, &target, 0) = 1;
#endif
	return m.can_write == m.can_exec && m.can_read ? 7 : 1;
}
END

# build GATE TYPE
build() {
	${CC:-cc} -I"$srcdir/include" "-D$1" "-Dpages_target=pages_$2" "-Dpages_to_target=pages_to_$2" \
		"$tmp/program.c" "$lib" -Wl,-rpath,"$PWD/.libs" -o "$tmp/program" >"$tmp/log" 2>&1
}

fail() { echo "FAIL: $1"; cat "$tmp/log"; exit 1; }

build PAGES_NO_GATE ro || fail "a program without the gate does not link"
"$tmp/program"
[ $? = 7 ] || fail "a program without the gate does not work"

if grep -q '^#define ALLOW_WX 0' config.h; then
	build PAGES_ENABLE_WX rwx && fail "links against a library without --enable-wx"
	grep -q "undefined reference to .$symbol" "$tmp/log" || fail "the linker does not name $symbol"
else
	grep -q '^#define ALLOW_WX 1' config.h || { echo "config.h has no ALLOW_WX"; exit 99; }
	build PAGES_ENABLE_WX rwx || fail "does not link against a library with --enable-wx"
	"$tmp/program"
	case $? in 7) ;; 77) exit 77 ;; *) fail "got no page that is writable and executable" ;; esac
fi
