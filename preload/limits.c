/* SPDX-License-Identifier: MIT */
/*
 * limits.c - intercepts setrlimit(), prlimit() and mlockall(), for which the arena is too large
 *
 * If a process lowers RLIMIT_AS below the size of the reservation, every later mmap fails.
 * If it locks all its memory, the kernel makes the free part of the heap resident.  So before
 * such a call the heap releases the address space that it has not used yet; before mlockall()
 * it also purges all kept memory, and takes no more requests.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <pages/attr.h>

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

static void
before_limit(int resource, int pid, rlim_t limit)
{
	if (resource == RLIMIT_AS && limit != RLIM_INFINITY && (pid == 0 || pid == getpid()))
		(void)pages_heap_release_reserve(&pages_shim_heap);
}

SHIM int
setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
	before_limit((int)resource, 0, limit->rlim_cur);
	return NEXT(setrlimit)(resource, limit);
}

SHIM int
setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit)
{
	before_limit((int)resource, 0, limit->rlim_cur);
	return NEXT(setrlimit64)(resource, limit);
}

SHIM int
prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit, struct rlimit *old)
{
	if (limit != NULL)
		before_limit((int)resource, pid, limit->rlim_cur);
	return NEXT(prlimit)(pid, resource, limit, old);
}

SHIM int
prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit,
	  struct rlimit64 *old)
{
	if (limit != NULL)
		before_limit((int)resource, pid, limit->rlim_cur);
	return NEXT(prlimit64)(pid, resource, limit, old);
}

SHIM int
mlockall(int flags)
{
	pages_shim_retire("the program locked its memory");
	(void)pages_heap_trim(&pages_shim_heap, 0);
	(void)pages_heap_release_reserve(&pages_shim_heap);
	return NEXT(mlockall)(flags);
}
/* NOLINTEND(clang-analyzer-core.CallAndMessage) */
