/* SPDX-License-Identifier: MIT */
/*
 * linux_facts.c - os.h on Linux: the memory of the machine and the limits of the process
 *
 * The process may have been started under a seccomp filter.  Then only calls are made that the
 * loader has made before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "base.h"
#include "os.h"

/* Lines longer than half of this lose their middle; those that are looked for are shorter. */
enum { LINES_LEN = 512 };

/*
 * From the 16 random bytes that the kernel gives each process.  The C library makes two secrets
 * of them, one of each half; of their sum an address tells nothing about either.
 */
static uint64_t
random_number(bool filtered)
{
	const void *bytes = (const void *)getauxval(AT_RANDOM);
	int persona = filtered ? -1 : personality(0xffffffff);
	uint64_t half[2];

	if (bytes == NULL || (persona != -1 && (persona & ADDR_NO_RANDOMIZE) != 0))
		return 0;
	memcpy(half, bytes, sizeof(half));
	return pages_hash_64(half[0] + half[1]) | 1;
}

/* Those bytes lie on the first stack, near the end of the address space. */
static size_t
address_end(void)
{
	size_t near = getauxval(AT_RANDOM);

	return pages_pow2_at_least(near != 0 ? near : (size_t)&near);
}

size_t
pages_os_address_limit(void)
{
	struct rlimit limit;
	int saved = errno;
	bool known = getrlimit(RLIMIT_AS, &limit) == 0;

	errno = saved;
	return known && limit.rlim_cur != RLIM_INFINITY ? limit.rlim_cur : SIZE_MAX;
}

/* A line of /proc/self/status: "Seccomp:	2". */
static void
visit_status(void *arg, char *line)
{
	static const char key[] = "Seccomp:";

	if (strncmp(line, key, sizeof(key) - 1) == 0)
		*(bool *)arg = strtoul(line + sizeof(key) - 1, NULL, 10) != 0;
}

/* A line of /proc/meminfo: "MemTotal:       24576000 kB". */
static void
visit_meminfo(void *arg, char *line)
{
	struct pages_os_facts *facts = arg;
	size_t bytes = strtoul(line + strcspn(line, " "), NULL, 10) * 1024;

	if (strncmp(line, "MemTotal:", 9) == 0)
		facts->ram = facts->ram_and_swap = bytes;
	else if (strncmp(line, "SwapTotal:", 10) == 0)
		facts->ram_and_swap += bytes;
}

static void
find_memory(struct pages_os_facts *facts)
{
	char lines[LINES_LEN];
	struct sysinfo si;

	if (facts->filtered) {
		(void)pages_os_read_lines("/proc/meminfo", lines, sizeof(lines), visit_meminfo, facts);
	} else if (sysinfo(&si) == 0) {
		facts->ram = si.totalram * si.mem_unit;
		facts->ram_and_swap = facts->ram + si.totalswap * si.mem_unit;
	}
}

void
pages_os_facts(struct pages_os_facts *ret)
{
	char lines[LINES_LEN], mode[4] = "";
	bool filtered = false;
	int saved = errno;

	(void)pages_os_read_lines("/proc/self/status", lines, sizeof(lines), visit_status, &filtered);
	*ret = (struct pages_os_facts){
		.filtered = filtered,
		.page_size = pages_os_page_size(),
		.address_limit = pages_os_address_limit(),
		.address_end = address_end(),
		.random = random_number(filtered),
	};
	find_memory(ret);
	if (pages_os_read_file("/proc/sys/vm/overcommit_memory", mode, sizeof(mode)) == 0)
		ret->strict_overcommit = mode[0] == '2';
	errno = saved;
}
