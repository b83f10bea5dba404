/* SPDX-License-Identifier: MIT */
/*
 * The limits of control groups, in directories that look like /proc and /sys/fs/cgroup
 * of machines and containers of all kinds.
 */
#include <criterion/criterion.h>
#include <ftw.h>
#include <sys/stat.h>

#include "os/cgroup.h"
#include "support/support.h"

/* A directory of its own for each test, which runs in a process of its own. */
static char root[] = "/tmp/pages-cgroup-XXXXXX";

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
remove_all(void)
{
	(void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file below root, and all directories above it. */
static void
put(const char *path, const char *text)
{
	char full[4096];
	FILE *f;

	snprintf(full, sizeof(full), "%s%s", root, path);
	for (char *slash = full + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		(void)mkdir(full, 0700);
		*slash = '/';
	}
	f = fopen(full, "w");
	cr_assert_not_null(f, "%s", full);
	fputs(text, f);
	fclose(f);
}

#define MOUNTS                                                                            \
	"22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"                         \
	"25 22 0:23 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw\n"
#define CGROUP2 "30 22 0:27 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n"
#define GROUP2 "/sys/fs/cgroup/system.slice/web.service"

static void
setup(void)
{
	cr_assert_not_null(mkdtemp(root));
	put("/proc/self/cgroup", "0::/system.slice/web.service\n");
	put("/proc/self/mountinfo", MOUNTS CGROUP2);
}

TestSuite(cgroup, .init = setup, .fini = remove_all);

static struct pages_cgroup_limits
limits(void)
{
	struct pages_cgroup_limits l;

	pages_cgroup_read(root, &l);
	return l;
}

static bool
has_none(void)
{
	struct pages_cgroup_limits l = limits();

	return l.memory == SIZE_MAX && l.high == SIZE_MAX && l.swap == SIZE_MAX &&
	       l.memory_and_swap == SIZE_MAX;
}

Test(cgroup, reads_the_limits_of_the_process_s_own_group)
{
	put(GROUP2 "/memory.max", "536870912\n");
	put(GROUP2 "/memory.high", "402653184\n");
	put(GROUP2 "/memory.swap.max", "0\n");
	cr_assert_eq(limits().memory, MIB(512));
	cr_assert_eq(limits().high, MIB(384));
	cr_assert_eq(limits().swap, 0);
	cr_assert_eq(limits().memory_and_swap, SIZE_MAX);
}

Test(cgroup, takes_the_least_of_all_groups_around)
{
	put(GROUP2 "/memory.max", "max\n");
	put("/sys/fs/cgroup/system.slice/memory.max", "268435456\n");
	put("/sys/fs/cgroup/system.slice/memory.swap.max", "1073741824\n");
	put(GROUP2 "/memory.swap.max", "2147483648\n");
	put("/sys/fs/cgroup/memory.max", "536870912\n");
	cr_assert_eq(limits().memory, MIB(256));
	cr_assert_eq(limits().high, SIZE_MAX);
	cr_assert_eq(limits().swap, MIB(1024));
}

Test(cgroup, knows_that_max_is_no_limit)
{
	put(GROUP2 "/memory.max", "max\n");
	put(GROUP2 "/memory.high", "max\n");
	put(GROUP2 "/memory.swap.max", "max\n");
	cr_assert(has_none());
}

Test(cgroup, makes_nothing_of_garbage)
{
	static const char *const garbage[] = { "", "\n", "-1\n", "12k\n", "1 2\n", "maximum",
					       "99999999999999999999999\n",
					       "18446744073709551616\n", " 5\n", "0x10\n" };

	for (size_t i = 0; i < sizeof(garbage) / sizeof(*garbage); i++) {
		put(GROUP2 "/memory.max", garbage[i]);
		cr_assert(has_none(), "of '%s'", garbage[i]);
	}
	put(GROUP2 "/memory.max", "4096");	/* no newline is no garbage */
	cr_assert_eq(limits().memory, 4096);
}

Test(cgroup, finds_none_where_there_are_no_files)
{
	cr_assert(has_none());
	remove_all();
	cr_assert(has_none());
}

Test(cgroup, sees_a_container_s_own_group_as_the_root)
{
	put("/proc/self/cgroup", "0::/\n");
	put("/sys/fs/cgroup/memory.max", "1073741824\n");
	cr_assert_eq(limits().memory, MIB(1024));
}

Test(cgroup, cuts_off_what_the_mount_does_not_show)
{
	put("/proc/self/cgroup", "0::/docker/0123abcd/worker\n");
	put("/proc/self/mountinfo",
	    MOUNTS "30 22 0:27 /docker/0123abcd /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
	put("/sys/fs/cgroup/memory.max", "1073741824\n");
	put("/sys/fs/cgroup/worker/memory.max", "805306368\n");
	cr_assert_eq(limits().memory, MIB(768));
}

Test(cgroup, ignores_a_mount_of_other_groups)
{
	put("/sys/fs/cgroup/memory.max", "4096\n");
	put("/proc/self/cgroup", "0::/docker/0123abcd\n");
	put("/proc/self/mountinfo",
	    MOUNTS "30 22 0:27 /docker/0123 /sys/fs/cgroup ro - cgroup2 cgroup2 rw\n");
	cr_assert(has_none());
	put("/proc/self/cgroup", "0::/../../elsewhere\n");
	put("/proc/self/mountinfo", MOUNTS CGROUP2);
	cr_assert(has_none());
}

Test(cgroup, reads_version_1)
{
	put("/proc/self/cgroup", "5:cpu,cpuacct:/a\n4:hugetlb,memory:/docker/x\n1:name=systemd:/b\n");
	put("/proc/self/mountinfo",
	    MOUNTS "33 22 0:30 /docker/x /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n"
		   "34 22 0:31 /docker/x /sys/fs/cgroup/memory ro - cgroup cgroup rw,hugetlb,memory\n");
	put("/sys/fs/cgroup/cpu/memory.limit_in_bytes", "4096\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
	put("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", "536870912\n");
	put("/sys/fs/cgroup/memory/memory.max", "4096\n");
	cr_assert_eq(limits().memory, MIB(256));
	cr_assert_eq(limits().memory_and_swap, MIB(512));
	cr_assert_eq(limits().swap, SIZE_MAX);
}

Test(cgroup, reads_both_versions_side_by_side)
{
	put("/proc/self/cgroup", "4:memory:/a/b\n0::/a\n");
	put("/proc/self/mountinfo",
	    MOUNTS "34 22 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		   "40 22 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	put("/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
	put("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "536870912\n");
	put("/sys/fs/cgroup/unified/a/memory.high", "268435456\n");
	cr_assert_eq(limits().memory, MIB(512));
	cr_assert_eq(limits().high, MIB(256));
}

/* Services that were restarted, machines with hundreds of containers, odd names. */
Test(cgroup, finds_the_groups_around_one_that_is_gone)
{
	put("/proc/self/cgroup", "0::/system.slice/gone.service (deleted)\n");
	put("/sys/fs/cgroup/system.slice/memory.max", "268435456\n");
	cr_assert_eq(limits().memory, MIB(256));
}

Test(cgroup, finds_its_mount_among_many)
{
	static char mounts[1 << 20];
	size_t n = 0;

	for (int i = 0; i < 2000; i++)
		n += (size_t)sprintf(mounts + n, "%d 22 0:%d / /var/lib/%0*d rw - overlay overlay rw\n",
				     100 + i, 100 + i, 1 + i % 300, i);
	/* Longer than any buffer. */
	n += (size_t)sprintf(mounts + n, "9999 22 0:99 / /o rw - overlay overlay rw,lowerdir=");
	for (int i = 0; i < 3000; i++)
		n += (size_t)sprintf(mounts + n, "/l%d:", i);
	sprintf(mounts + n, "\n" CGROUP2);
	put("/proc/self/mountinfo", mounts);
	put(GROUP2 "/memory.max", "536870912\n");
	cr_assert_eq(limits().memory, MIB(512));
}

Test(cgroup, understands_blanks_in_names)
{
	put("/proc/self/cgroup", "0::/a b/c\n");
	put("/proc/self/mountinfo",
	    MOUNTS "30 22 0:27 /a\\040b /mnt/x\\040\\134y rw - cgroup2 cgroup2 rw\n");
	put("/mnt/x \\y/c/memory.max", "4096\n");
	cr_assert_eq(limits().memory, 4096);
}

Test(cgroup, survives_files_of_garbage)
{
	static char garbage[20000];
	uint64_t seed = 3;

	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < sizeof(garbage) - 1; i++)
			garbage[i] = "\n /:.-\\0123cgroup2"[random_next(&seed) % 18];
		put(round % 2 == 0 ? "/proc/self/mountinfo" : "/proc/self/cgroup", garbage);
		(void)limits();
	}
	for (size_t len = 1; len < 3000; len += 97) {	/* names too long for a path */
		memset(garbage, 'x', sizeof(garbage));
		memcpy(garbage, "0::/", 4);
		strcpy(garbage + len + 4, "\n");
		put("/proc/self/cgroup", garbage);
		put("/proc/self/mountinfo", MOUNTS CGROUP2);
		put("/sys/fs/cgroup/memory.max", "4096\n");
		cr_assert_eq(limits().memory, 4096, "%zu", len);
	}
}

/* A path that does not fit is a file that cannot be read, not one cut short. */
Test(cgroup, has_no_limits_below_paths_that_are_too_long)
{
	static char line[3000], path[2800];
	struct pages_cgroup_limits l;

	memset(path, 'x', sizeof(path) - 1);
	put("/sys/fs/cgroup/memory.max", "268435456\n");
	snprintf(line, sizeof(line), "0::/%s\n", path);
	put("/proc/self/cgroup", line);
	cr_assert(limits().memory == SIZE_MAX || limits().memory == MIB(256));
	pages_cgroup_read(path, &l);
	cr_assert(l.memory == SIZE_MAX && l.swap == SIZE_MAX);
}
