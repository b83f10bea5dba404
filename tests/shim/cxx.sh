#!/bin/sh
# SPDX-License-Identifier: MIT
# Blocks that one library allocates and another one frees: every form of new and delete of C++,
# with each allocator behind the shim, in front of it and linked; what the C library returns to a
# plugin that was opened with RTLD_DEEPBIND; and the shim in a namespace of its own.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
shim=$PWD/preload/.libs/libpages_malloc.so
cxx=${CXX:-c++} cc=${CC:-cc}
[ -f "$shim" ] || { echo "not built"; exit 99; }
$cxx --version >/dev/null 2>&1 || { echo "no C++ compiler"; exit 77; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0

cat >"$tmp/forms.cc" <<'END'
#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

struct alignas(64) line { double d[8]; };
static const std::align_val_t align{256};

static void *use(void *p, std::size_t n) { std::memset(p, 1, n); return p; }

/* Compilers may leave out what new and delete expressions do, but not calls of the functions. */
int
main()
{
	for (std::size_t n : { std::size_t(100), std::size_t(300000), std::size_t(9000000) })
		for (int i = 0; i < 4; i++) {
			::operator delete(use(::operator new(n), n));
			::operator delete(use(::operator new(n), n), n);
			::operator delete[](use(::operator new[](n), n));
			::operator delete[](use(::operator new[](n), n), n);
			::operator delete(use(::operator new(n, align), n), align);
			::operator delete(use(::operator new(n, align), n), n, align);
			::operator delete[](use(::operator new[](n, align), n), align);
			::operator delete[](use(::operator new[](n, align), n), n, align);
			::operator delete(use(::operator new(n, std::nothrow), n), std::nothrow);
			::operator delete[](use(::operator new[](n, std::nothrow), n), std::nothrow);
			::operator delete(use(::operator new(n, align, std::nothrow), n), align, std::nothrow);
			::operator delete[](use(::operator new[](n, align, std::nothrow), n), align, std::nothrow);
		}
	std::vector<line> v(10000);
	v.resize(500000);
	std::puts("ok");
}
END
cat >"$tmp/plugin.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int plugin(void);
int
plugin(void)
{
	char *text = NULL, *row = NULL, *copy;
	size_t len = 0;
	int n = asprintf(&text, "%3000000d", 7);
	FILE *f;

	if (n != 3000000 || (f = fmemopen(text, (size_t)n, "r")) == NULL)
		return 1;
	if (getline(&row, &len, f) != n)
		return 2;
	fclose(f);
	copy = strdup(row);
	free(text);
	free(row);
	free(copy);
	return 0;
}
END
cat >"$tmp/island.c" <<'END'
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
int plugin(void);
int
plugin(void)
{
	struct rlimit limit;
	char *p = malloc(5000000), *q;

	if (p == NULL || getrlimit(RLIMIT_AS, &limit) != 0 || setrlimit(RLIMIT_AS, &limit) != 0)
		return 1;
	memset(p, 1, 5000000);
	if (mlockall(MCL_CURRENT) == 0)
		munlockall();
	p = realloc(p, 50000000);
	free(p);
	q = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return q == MAP_FAILED || mprotect(q, 4096, PROT_READ) != 0 || munmap(q, 4096) != 0;
}
END
cat >"$tmp/host.c" <<'END'
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
int
main(int argc, char **argv)
{
	char *p = malloc(5000000);
	void *plugin = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_DEEPBIND) :
				   dlmopen(LM_ID_NEWLM, argv[1], RTLD_NOW);
	int (*run)(void) = plugin != NULL ? (int (*)(void))dlsym(plugin, "plugin") : NULL;
	int status = run != NULL ? run() : 99;

	free(p);
	puts(status == 0 ? "ok" : "not ok");
	return status;
}
END
$cxx -std=c++17 -fsized-deallocation -O1 -o "$tmp/forms" "$tmp/forms.cc" || exit 99
$cc -D_GNU_SOURCE -shared -fPIC -o "$tmp/plugin.so" "$tmp/plugin.c" || exit 99
$cc -D_GNU_SOURCE -o "$tmp/host" "$tmp/host.c" -ldl || exit 99
$cc -D_GNU_SOURCE -shared -fPIC -fno-builtin -o "$tmp/island.so" "$tmp/island.c" \
	-Wl,--no-as-needed "$shim" -Wl,-rpath,"$PWD/preload/.libs" || exit 99

# works WHAT PRELOADED COMMAND...
works() {
	what=$1 preloaded=$2
	shift 2
	if [ "$(LD_PRELOAD=$preloaded "$@" 2>"$tmp/err")" = ok ] && [ ! -s "$tmp/err" ]; then
		echo "ok - $what"
	else
		echo "not ok - $what"
		head -n 3 "$tmp/err"
		bad=1
	fi
}
works "new and delete, the C library behind" "$shim" "$tmp/forms"
works "a plugin with RTLD_DEEPBIND" "$shim" "$tmp/host" "$tmp/plugin.so"
works "a namespace of dlmopen()" "" "$tmp/host" "$tmp/island.so" alone
for lib in libjemalloc.so.2 libtcmalloc_minimal.so.4 libmimalloc.so.2 libtbbmalloc_proxy.so.2; do
	path=$(ldconfig -p 2>/dev/null | sed -n "s/.*$lib .*=> //p" | head -n 1)
	[ -n "$path" ] || { echo "ok - $lib # SKIP not installed"; continue; }
	works "new and delete, $lib behind" "$shim:$path" "$tmp/forms"
	works "new and delete, $lib in front" "$path:$shim" "$tmp/forms"
	$cxx -std=c++17 -fsized-deallocation -O1 -o "$tmp/linked" "$tmp/forms.cc" -Wl,--no-as-needed "$path" || exit 99
	works "new and delete, linked with $lib" "$shim" "$tmp/linked"
done
exit $bad
