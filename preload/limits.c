/* SPDX-License-Identifier: MIT */
/*
 * limits.c - intercepts setrlimit(), prlimit() and mlockall(), for which the arena is too large
 *
 * RLIMIT_AS counts the reservation, and RLIMIT_DATA the side tables for it: once such a limit
 * is lowered, every later mmap would fail.  So after such a call the heap purges what it has
 * kept and releases the address space behind its last block.  Before mlockall(), which makes
 * all that is mapped resident, it does the same, and takes no more requests.
 */
#include <errno.h>
#include <stdint.h>

#include <pages/attr.h>

#include "os/os.h"

#include "calls.h"
#include "shim.h"

#define SHIM PAGES_API

/*
 * After a call that may have lowered a limit.  What the caller passed is not looked at: it may
 * be no pointer at all.  A child of vfork() shares our memory, but has limits of its own.
 */
static int
after(int result, int resource, int pid)
{
	struct rlimit now;
	int saved = errno;

	if (result == 0 && (resource == RLIMIT_AS || resource == RLIMIT_DATA) &&
	    (pid == 0 || pid == pages_shim_pid) && pages_os_pid() == pages_shim_pid &&
	    getrlimit((__rlimit_resource_t)resource, &now) == 0 && now.rlim_cur != RLIM_INFINITY)
		(void)pages_heap_release_space(&pages_shim_heap, SIZE_MAX);
	errno = saved;
	return result;
}

SHIM int
setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	return after(pages_calls.setrlimit(resource, limit), (int)resource, 0);
}

SHIM int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
	__attribute__((alias("setrlimit")));

SHIM int
prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit, struct rlimit *old)
{
	int result = pages_calls.prlimit(pid, resource, limit, old);

	return limit != NULL ? after(result, (int)resource, pid) : result;
}

SHIM int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit,
		   struct rlimit64 *old) __attribute__((alias("prlimit")));

SHIM int
mlockall(int flags)
{
	pages_shim_retire("the program locked its memory");
	(void)pages_heap_release_space(&pages_shim_heap, SIZE_MAX);
	return pages_calls.mlockall(flags);
}
