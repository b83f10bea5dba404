/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - the malloc family that the shim puts in front of the program's allocator
 *
 * All functions that take a pointer have to be here, because the program may pass them a
 * block of the heap.  Functions that only allocate are here if that has a benefit; those that
 * report and tune are in tuning.c.
 * A small request costs one compare and a jump, a pointer of the next allocator two loads
 * more; and a count, while freed memory is kept (idle.h).
 *
 * No symbol here has a version.  Programs ask for malloc with the version of their C library,
 * which a version of the shim's own would not match.
 */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <pages/attr.h>

#include "os/base.h"
#include "background.h"
#include "idle.h"
#include "shim.h"

#define SHIM PAGES_API
#define SLOW __attribute__((noinline, cold)) static

/* 0 until the shim is settled, so that every request takes the slow path; see shim.h. */
static inline size_t
threshold(void)
{
	return __atomic_load_n(&pages_shim.route.threshold, __ATOMIC_RELAXED);
}

static inline bool
is_ours(const void *p)
{
	return PAGES_UNLIKELY(pages_heap_owns(&pages_shim_heap, p));
}

/*
 * What the next allocator or the C library asks for themselves is theirs.  The former may free
 * it by functions of its own: jemalloc's aligned operator new calls aligned_alloc(), and its
 * operator delete does not call free().  What the latter returns, such as asprintf's string, a
 * plugin may free that was opened with RTLD_DEEPBIND, and so has the C library's free().
 */
static const struct pages_route *
route_for(const void *caller)
{
	if (threshold() == 0)	/* not settled yet */
		return &pages_shim.inner;
	for (size_t i = 0; i < 2; i++)
		if ((uintptr_t)caller - pages_shim.more.code[i].start < pages_shim.more.code[i].len)
			return &pages_shim.inner;
	return &pages_shim.route;
}

#define CALLER __builtin_return_address(0)

/* A large block may have been freed. */
static inline void
notify(void)
{
	pages_background_notify();
	pages_idle_notify();
}

/* malloc, calloc, realloc, free. ------------------------------------------ */

SLOW void *
malloc_slowly(size_t size, const void *caller)
{
	pages_shim_start();
	return pages_route_malloc(route_for(caller), size);
}

SHIM void *
malloc(size_t size)
{
	if (PAGES_LIKELY(size < threshold()))
		return pages_next_malloc(&pages_shim.route.next, size);
	return malloc_slowly(size, CALLER);
}

SLOW void *
calloc_slowly(size_t count, size_t size, const void *caller)
{
	pages_shim_start();
	return pages_route_calloc(route_for(caller), count, size);
}

SHIM void *
calloc(size_t count, size_t size)
{
	size_t bytes;

	if (PAGES_LIKELY(!__builtin_mul_overflow(count, size, &bytes) && bytes < threshold()))
		return pages_next_calloc(&pages_shim.route.next, count, size);
	return calloc_slowly(count, size, CALLER);
}

SLOW void *
realloc_slowly(void *ptr, size_t size, const void *caller)
{
	void *p;

	pages_shim_start();
	p = pages_route_realloc(route_for(caller), ptr, size);
	notify();
	return p;
}

SHIM void *
realloc(void *ptr, size_t size)
{
	if (PAGES_LIKELY(size < threshold()) && !is_ours(ptr))
		return pages_next_realloc(&pages_shim.route.next, ptr, size);
	return realloc_slowly(ptr, size, CALLER);
}

/* A function of its own, so that free() of a small block needs no stack frame. */
__attribute__((noinline)) static void
free_ours(void *ptr)
{
	if (PAGES_UNLIKELY(!pages_heap_free(&pages_shim_heap, ptr)))
		pages_shim.route.next.free(ptr);
	notify();
}

SHIM void
free(void *ptr)
{
	if (is_ours(ptr))
		free_ours(ptr);
	else
		pages_shim.route.next.free(ptr);
}

/* Their variants. --------------------------------------------------------- */

SHIM void *
reallocarray(void *ptr, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	if (PAGES_LIKELY(bytes < threshold()) && !is_ours(ptr))
		return pages_next_realloc(&pages_shim.route.next, ptr, bytes);
	return realloc_slowly(ptr, bytes, CALLER);
}

SHIM void free_sized(void *ptr, size_t size);
SHIM void free_aligned_sized(void *ptr, size_t alignment, size_t size);
SHIM void cfree(void *ptr);
SHIM void __libc_free(void *ptr);
SHIM void *__libc_realloc(void *ptr, size_t size);
SHIM void *pvalloc(size_t size);

/* C23: the caller passes the size that it allocated, which this allocator does not need. */
SHIM void
free_sized(void *ptr, size_t size)
{
	(void)size;
	free(ptr);
}

SHIM void
free_aligned_sized(void *ptr, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	free(ptr);
}

/* For programs linked before glibc 2.26. */
SHIM void
cfree(void *ptr)
{
	free(ptr);
}

/* Programs that wrap malloc call these by name, with pointers from malloc. */
SHIM void
__libc_free(void *ptr)
{
	pages_shim_start();
	if (is_ours(ptr))
		free_ours(ptr);
	else
		pages_shim.more.libc_free(ptr);
}

SHIM void *
__libc_realloc(void *ptr, size_t size)
{
	pages_shim_start();
	if (is_ours(ptr))
		return realloc_slowly(ptr, size, CALLER);
	return pages_shim.more.libc_realloc(ptr, size);
}

/* The aligned ones. ------------------------------------------------------- */

/*
 * Requests that must fail.  Old C libraries do not check size + alignment for overflow:
 * CVE-2026-0861.
 */
static bool
impossible(size_t alignment, size_t size)
{
	size_t sum;

	return __builtin_add_overflow(alignment, size, &sum) || sum > PTRDIFF_MAX;
}

/*
 * A block of the heap, or NULL if the request is for the next allocator, which also reports
 * errors such as a bad alignment.
 */
static void *
aligned_large(size_t alignment, size_t size, const void *caller)
{
	pages_shim_start();
	if (!pages_is_pow2(alignment))
		return NULL;
	return pages_route_large(route_for(caller), size, alignment, false);
}

static void *
aligned(void *(*next)(size_t, size_t), size_t alignment, size_t size, const void *caller)
{
	void *p;

	if (pages_is_pow2(alignment) && impossible(alignment, size)) {
		errno = ENOMEM;
		return NULL;
	}
	p = aligned_large(alignment, size, caller);
	if (p == NULL)
		p = next(alignment, size);
	if (p == NULL && errno == ENOMEM && pages_route_retry(&pages_shim.route))
		p = next(alignment, size);
	return p;
}

SHIM void *
memalign(size_t alignment, size_t size)
{
	pages_shim_start();
	return aligned(pages_shim.more.memalign, alignment, size, CALLER);
}

SHIM void *
aligned_alloc(size_t alignment, size_t size)
{
	pages_shim_start();
	return aligned(pages_shim.more.aligned_alloc, alignment, size, CALLER);
}

SHIM int
posix_memalign(void **ret, size_t alignment, size_t size)
{
	void *p;
	int err;

	if (alignment % sizeof(void *) == 0 && pages_is_pow2(alignment)) {
		if (impossible(alignment, size)) {
			errno = ENOMEM;	/* as glibc does, so that perror() has something to say */
			return ENOMEM;
		}
		p = aligned_large(alignment, size, CALLER);
		if (p != NULL) {
			*ret = p;
			return 0;
		}
	}
	pages_shim_start();
	err = pages_shim.more.posix_memalign(ret, alignment, size);
	if (err == ENOMEM && pages_route_retry(&pages_shim.route))
		err = pages_shim.more.posix_memalign(ret, alignment, size);
	return err;
}

static void *
page_aligned(void *(*next)(size_t), size_t size, const void *caller)
{
	void *p;

	if (!pages_route_size(1, size, &size))
		return NULL;
	p = aligned_large((size_t)sysconf(_SC_PAGESIZE), size, caller);
	if (p == NULL)
		p = next(size);
	if (p == NULL && errno == ENOMEM && pages_route_retry(&pages_shim.route))
		p = next(size);
	return p;
}

SHIM void *
valloc(size_t size)
{
	pages_shim_start();
	return page_aligned(pages_shim.more.valloc, size, CALLER);
}

/* pvalloc rounds the size up to whole pages; blocks of the heap are whole pages already. */
SHIM void *
pvalloc(size_t size)
{
	pages_shim_start();
	return page_aligned(pages_shim.more.pvalloc, size, CALLER);
}

/* Asking. ---------------------------------------------------------------- */

SHIM size_t
malloc_usable_size(void *ptr)
{
	if (is_ours(ptr) && pages_heap_maps(&pages_shim_heap, ptr))
		return pages_heap_usable(&pages_shim_heap, ptr);
	return pages_shim.route.next.usable_size(ptr);
}
