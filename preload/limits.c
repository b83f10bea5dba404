/* SPDX-License-Identifier: MIT */
/*
 * limits.c - intercepts setrlimit(), prlimit() and mlockall(); and what set_mempolicy() changes
 *
 * RLIMIT_AS and RLIMIT_DATA count what is mapped for freed blocks, too: once such a limit is
 * lowered, every later mmap could fail.  So after such a call the heap gives back what it has
 * kept, and unmaps all address space that no block uses.  Before mlockall(), which makes all
 * that is mapped resident, it does the same.  If that succeeds the heap takes no more requests,
 * and what other threads have made it map or keep meanwhile goes back, too.
 */
#include <errno.h>
#include <stdint.h>

#include <pages/attr.h>

#include "calls.h"
#include "shim.h"
#include "watch.h"

#define SHIM PAGES_API

/*
 * What the caller passed is not looked at: it may be no pointer at all.  Nor is whose limit it
 * is, because a thread of this process has many names; that of another process costs only what
 * is given back too early.  A child of vfork() shares our memory, but has limits of its own.
 */
void
pages_watch_limit(int resource)
{
	struct rlimit now;
	int saved = errno;

	if ((resource == RLIMIT_AS || resource == RLIMIT_DATA) &&
	    pages_heap_is_here(&pages_shim_heap) &&
	    getrlimit((PAGES_RLIMIT_RESOURCE)resource, &now) == 0 && now.rlim_cur != RLIM_INFINITY)
		(void)pages_heap_release_space(&pages_shim_heap, SIZE_MAX);
	errno = saved;
}

SHIM int
setrlimit(PAGES_RLIMIT_RESOURCE resource, const struct rlimit *limit)
{
	int result = PAGES_CALL(setrlimit)(resource, limit);

	if (result == 0)
		pages_watch_limit((int)resource);
	return result;
}

#undef setrlimit64	/* macros of musl */
#undef prlimit64
SHIM int setrlimit64(PAGES_RLIMIT_RESOURCE resource, const struct rlimit64 *limit)
	__attribute__((alias("setrlimit")));

SHIM int
prlimit(pid_t pid, PAGES_RLIMIT_RESOURCE resource, const struct rlimit *limit, struct rlimit *old)
{
	int result = PAGES_CALL(prlimit)(pid, resource, limit, old);

	if (result == 0 && limit != NULL)
		pages_watch_limit((int)resource);
	return result;
}

SHIM int prlimit64(pid_t pid, PAGES_RLIMIT_RESOURCE resource, const struct rlimit64 *limit,
		   struct rlimit64 *old) __attribute__((alias("prlimit")));

void
pages_watch_mlockall(void)
{
	(void)pages_heap_release_space(&pages_shim_heap, SIZE_MAX);
}

void
pages_watch_locked(void)
{
	pages_shim_retire("the program locked its memory");
	(void)pages_heap_release_space(&pages_shim_heap, SIZE_MAX);
}

/*
 * What is kept lies on the nodes of the former policy: it goes back.  A policy is a thread's own, so
 * a thread may still get what one with another policy has freed.
 */
void
pages_watch_mempolicy(void)
{
	int saved = errno;

	/* Unless cards know the addresses of what is kept: pages_heap_keep_still(). */
	if (pages_heap_is_here(&pages_shim_heap) && !atomic_load(&pages_shim_heap.units.keeps_all))
		(void)pages_heap_trim(&pages_shim_heap, 0);
	errno = saved;
}

SHIM int
mlockall(int flags)
{
	int result;

	pages_watch_mlockall();
	result = PAGES_CALL(mlockall)(flags);
	if (result == 0)
		pages_watch_locked();
	return result;
}
