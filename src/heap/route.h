/* SPDX-License-Identifier: MIT */
/*
 * route.h - malloc's rules over two allocators: the heap for large requests, the
 * next allocator for all others
 *
 * The rules are here once, for the functions of <pages/malloc.h> and for the preloaded ones:
 * the four ways of realloc (between two allocators), overflow, and requests that the heap
 * declines.
 *
 * Conventions: malloc(3)'s.  errno is ENOMEM on failure and untouched otherwise.
 */
#ifndef PAGES_ROUTE_H
#define PAGES_ROUTE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"

/* The next allocator: all functions of one library; none is NULL. */
struct pages_next {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *ptr, size_t size);
	void (*free)(void *ptr);
	size_t (*usable_size)(void *ptr);
};

/* The shim exchanges these three while other threads call them: preload/idle.h. */
static inline void *
pages_next_malloc(const struct pages_next *n, size_t size)
{
	return __atomic_load_n(&n->malloc, __ATOMIC_RELAXED)(size);
}

static inline void *
pages_next_calloc(const struct pages_next *n, size_t count, size_t size)
{
	return __atomic_load_n(&n->calloc, __ATOMIC_RELAXED)(count, size);
}

static inline void *
pages_next_realloc(const struct pages_next *n, void *ptr, size_t size)
{
	return __atomic_load_n(&n->realloc, __ATOMIC_RELAXED)(ptr, size);
}

struct pages_route {
	struct pages_heap *heap;
	size_t threshold;	/* requests from this size on go to the heap; SIZE_MAX: none */
	struct pages_next next;
};

/*
 * Allocate from the heap if size is large.  NULL, with errno untouched, if the next allocator
 * has to serve the request.
 */
void *pages_route_large(const struct pages_route *r, size_t size, size_t align, bool zero);

/*
 * After the next allocator returned NULL: give the arena's unused address space back.  True if
 * there was any, so that a second attempt may succeed.  errno is untouched.
 */
bool pages_route_retry(const struct pages_route *r);

void *pages_route_malloc(const struct pages_route *r, size_t size);
void *pages_route_calloc(const struct pages_route *r, size_t count, size_t size);
void *pages_route_realloc(const struct pages_route *r, void *ptr, size_t size);

/*
 * Like realloc with a size of at least 1, but the contents are lost.  A block that cannot be
 * resized in place is freed once there is another one.
 */
void *pages_route_replace(const struct pages_route *r, void *ptr, size_t size);

/* count * size; false with ENOMEM if that is more than PTRDIFF_MAX. */
bool pages_route_size(size_t count, size_t size, size_t *ret);

#endif /* PAGES_ROUTE_H */
