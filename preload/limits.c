/* SPDX-License-Identifier: MIT */
/*
 * limits.c - intercepts setrlimit(), prlimit() and mlockall()
 *
 * RLIMIT_AS and RLIMIT_DATA count what is mapped for freed blocks, too: once such a limit is
 * lowered, every later mmap could fail.  So after such a call the heap gives back what it has
 * kept, and unmaps all address space that no block uses.  Before mlockall(), which makes all
 * that is mapped resident, it does the same, and takes no more requests.
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
	    (pid == 0 || pid == pages_os_pid()) && pages_heap_is_here(&pages_shim_heap) &&
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
