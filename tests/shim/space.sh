#!/bin/sh
# SPDX-License-Identifier: MIT
# Address space: what a program gets under a limit, set before its start, by the C library or
# from outside, and how much is mapped for what is in use; compared with the program alone.
[ -z "$SANITIZED" ] || { echo "a sanitizer has to come first, so the shim cannot"; exit 77; }
run=$PWD/preload/pages-run
[ -x "$run" ] && [ -f preload/.libs/libpages_malloc.so ] || { echo "not built"; exit 99; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
bad=0

fail() { echo "FAIL: $*"; bad=1; }

# fill AS|DATA MIB HOW SIZE USED: uses USED MiB and frees them, lowers the limit to MIB
# before the start, by a call, or from another process, and prints how many MiB it gets in
# blocks of SIZE KiB.
cat >"$tmp/fill.c" <<'END_OF_C'
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
enum { PARTS = 64 };
static int
lower_from_outside(int resource, const struct rlimit *rl)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(prlimit(getppid(), resource, rl, NULL) != 0);
	return waitpid(pid, &status, 0) == pid ? status : -1;
}
int
main(int argc, char **argv)
{
	int resource = argv[1][0] == 'A' ? RLIMIT_AS : RLIMIT_DATA;
	size_t limit = (size_t)atoi(argv[2]) << 20, size = (size_t)atoi(argv[4]) << 10, got = 0;
	size_t used = (size_t)atoi(argv[5]) << 20;
	struct rlimit rl = { limit, limit };
	char *p[PARTS];

	for (int i = 0; used != 0 && i < PARTS; i++)
		memset(p[i] = malloc(used / PARTS), 1, used / PARTS);
	for (int i = 0; used != 0 && i < PARTS; i++)
		free(p[i]);
	if (argv[3][0] == 'o' ? lower_from_outside(resource, &rl) != 0 :
	    argv[3][0] == 'c' ? setrlimit(resource, &rl) != 0 : argc != 6)
		return 1;
	while (got < 2 * limit && (p[0] = malloc(size)) != NULL) {
		p[0][size / 2] = 1;
		got += size;
	}
	printf("%zu\n", got >> 20);
	return 0;
}
END_OF_C
${CC:-cc} -w -O1 -fno-builtin -o "$tmp/fill" "$tmp/fill.c" || exit 99

# What is alone to be had is to be had with the shim, too, but for 5 %.
while read -r resource limit how size used; do
	set -- "$resource" "$limit" "$how" "$size" "$used"
	option=
	[ "$how" != before ] || option="ulimit -$([ "$resource" = AS ] && echo v || echo d) $((limit * 1024));"
	alone=$(sh -c "$option exec $tmp/fill $*")
	shim=$(sh -c "$option exec $run $tmp/fill $*")
	[ "${shim:-0}" -ge $((alone * 95 / 100)) ] || fail "$*: $shim MiB in place of $alone"
done <<'END_OF_TABLE'
AS 1000 before 8192 0
DATA 1000 before 8192 0
AS 1000 before 700 0
DATA 1000 before 700 0
AS 400 before 20000 0
DATA 400 before 300 0
AS 1000 call 8192 0
DATA 1000 call 8192 300
AS 1000 call 1024 300
DATA 1000 call 300 900
AS 400 call 100 700
DATA 400 call 100 700
AS 1000 outside 8192 300
DATA 1000 outside 8192 300
DATA 1000 outside 700 900
AS 1000 outside 700 900
END_OF_TABLE

# grow AS|DATA MIB STEP: fences a block of 100 MiB in, and grows it by STEP MiB as long as that
# goes under a limit of MIB.
cat >"$tmp/grow.c" <<'END_OF_C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
int
main(int argc, char **argv)
{
	size_t len = (size_t)100 << 20, step = (size_t)atoi(argv[3]) << 20;
	rlim_t limit = (rlim_t)atoi(argv[2]) << 20;
	struct rlimit rl = { limit, limit };
	char *p = malloc(len), *fence[8], *q;

	memset(p, 7, len);
	for (int i = 0; i < 8; i++)
		fence[i] = malloc(1 << 20);
	if (setrlimit(argv[1][0] == 'A' ? RLIMIT_AS : RLIMIT_DATA, &rl) != 0)
		return 1;
	while ((q = realloc(p, len + step)) != NULL) {
		p = q;
		memset(p + len, 7, step);
		len += step;
		free(fence[len / step % 8]);
		fence[len / step % 8] = malloc(1 << 20);
	}
	for (size_t i = 0; i < len; i++)
		if (p[i] != 7)
			return 1;
	printf("%zu\n", len >> 20);
	return fence[0] == NULL || argc != 4;
}
END_OF_C
${CC:-cc} -w -O1 -fno-builtin -o "$tmp/grow" "$tmp/grow.c" || exit 99
for args in 'AS 400 20' 'DATA 400 20' 'AS 400 1' 'DATA 1000 300' 'AS 180 3'; do
	# shellcheck disable=SC2086 # several arguments
	set -- $args
	alone=$("$tmp/grow" "$@")
	shim=$("$run" "$tmp/grow" "$@") || fail "grow $*: exit $?"
	[ "${shim:-0}" -ge $((alone * 95 / 100)) ] || fail "grow $*: $shim MiB in place of $alone"
done

# mapped WHAT: prints the peak of live MiB and the MiB that are mapped beyond those at the start.
cat >"$tmp/mapped.c" <<'END_OF_C'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
static size_t live, peak;
static size_t
vm_size(void)
{
	char line[256];
	size_t kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmSize:", 7) == 0)
			kb = strtoul(line + 7, NULL, 10);
	fclose(f);
	return kb >> 10;
}
static void
count(size_t more, size_t less)
{
	live += more - less;
	peak = live > peak ? live : peak;
}
static void
grow(size_t factor, size_t divisor)
{
	size_t size = 1 << 20, next;
	char *p = malloc(size);

	for (count(size, 0); size < (size_t)600 << 20; size = next) {
		next = size * factor / divisor;
		p = realloc(p, next);
		memset(p + size, 1, next - size);
		count(next, size);
	}
	count(0, size);
	free(p);
}
static void
replace(size_t blocks, size_t most)
{
	static char *p[256];
	static size_t size[256];

	for (int i = 0; i < 6000; i++) {
		size_t k = (size_t)rand() % blocks;

		free(p[k]);
		count(0, size[k]);
		size[k] = (256 << 10) + (size_t)rand() % most;
		p[k] = malloc(size[k]);
		p[k][size[k] / 2] = 1;
		count(size[k], 0);
	}
}
int
main(int argc, char **argv)
{
	size_t start = vm_size();

	switch (argv[1][0]) {
	case '1': free(malloc(peak = 1 << 20)); break;
	case 'd': grow(2, 1); break;
	case 'h': grow(3, 2); break;
	case 'r': replace(64, 8 << 20); break;
	case 's': replace(200, 1 << 20); break;
	case 'l': grow(2, 1); mlockall(MCL_CURRENT); peak = 0; break;
	}
	printf("%zu %zu\n", peak >> 20, vm_size() - start);
	return argc != 2;
}
END_OF_C
${CC:-cc} -w -O1 -fno-builtin -o "$tmp/mapped" "$tmp/mapped.c" || exit 99

for what in one doubled half-again replaced small-ones; do
	# shellcheck disable=SC2046	# two numbers
	set -- $("$run" "$tmp/mapped" "$([ $what = one ] && echo 1 || echo $what)")
	[ "$2" -le $((3 * $1 + 64)) ] || fail "$what: $2 MiB are mapped for $1 in use"
done
# shellcheck disable=SC2046
set -- $("$run" "$tmp/mapped" locked)
[ "$2" -le 16 ] || fail "mlockall: $2 MiB are mapped"
exit $bad
