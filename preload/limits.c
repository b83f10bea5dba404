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
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <pages/attr.h>

#include "os/os.h"

#include "elf_scope.h"
#include "shim.h"

#define SHIM PAGES_API

/* The function of this name in the next object after the shim. */
static uintptr_t
next_function(const char *name)
{
	const struct link_map *self = pages_scope_self();
	const struct link_map *o = self != NULL ? pages_scope_definer(self->l_next, name) : NULL;

	return o != NULL ? (uintptr_t)pages_scope_symbol(o, name) : 0;
}

#define NEXT(name) ((__typeof__(&name))next_function(#name))
/* The C library has them all.  NOLINTBEGIN(clang-analyzer-core.CallAndMessage) */

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
	return after(NEXT(setrlimit)(resource, limit), (int)resource, 0);
}

SHIM int
setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	return after(NEXT(setrlimit64)(resource, limit), (int)resource, 0);
}

SHIM int
prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit, struct rlimit *old)
{
	int result = NEXT(prlimit)(pid, resource, limit, old);

	return limit != NULL ? after(result, (int)resource, pid) : result;
}

SHIM int
prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit,
	  struct rlimit64 *old)
{
	int result = NEXT(prlimit64)(pid, resource, limit, old);

	return limit != NULL ? after(result, (int)resource, pid) : result;
}

SHIM int
mlockall(int flags)
{
	pages_shim_retire("the program locked its memory");
	(void)pages_heap_release_space(&pages_shim_heap, SIZE_MAX);
	return NEXT(mlockall)(flags);
}
/* NOLINTEND(clang-analyzer-core.CallAndMessage) */
