/* SPDX-License-Identifier: MIT */
/*
 * route.h - malloc's rules over two allocators: the heap for large requests, the
 * next allocator for all others
 *
 * The four ways of realloc, overflow, and what happens when the heap says no are
 * decided here, once, for the library's own functions (malloc.c) and for the
 * preloaded ones.  What small requests cost is decided by the callers: they
 * compare with the threshold themselves.
 *
 * Conventions: malloc(3)'s.  errno is ENOMEM on failure and untouched otherwise.
 */
#ifndef PAGES_ROUTE_H
#define PAGES_ROUTE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "heap.h"

/* All from one provider; none is ever NULL. */
struct pages_next {
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *ptr, size_t size);
	void (*free)(void *ptr);
	size_t (*usable_size)(void *ptr);
};

struct pages_route {
	struct pages_heap *heap;
	size_t threshold;	/* of large; SIZE_MAX routes nothing to the heap */
	struct pages_next next;
};

/*
 * A block of the heap, or NULL when this request is for the next allocator (then
 * errno is untouched).
 */
void *pages_route_large(const struct pages_route *r, size_t size, size_t align, bool zero);

/*
 * After the next allocator returned NULL: is it worth asking again?  True when
 * unused address space of ours could be given back.  errno is untouched.
 */
bool pages_route_retry(const struct pages_route *r);

void *pages_route_malloc(const struct pages_route *r, size_t size);
void *pages_route_calloc(const struct pages_route *r, size_t count, size_t size);
void *pages_route_realloc(const struct pages_route *r, void *ptr, size_t size);

/*
 * As realloc, size at least 1, but contents are not kept: what cannot be resized in
 * place is freed once there is another block.
 */
void *pages_route_replace(const struct pages_route *r, void *ptr, size_t size);

/* count * size, or false with ENOMEM if that is more than an object can have. */
bool pages_route_size(size_t count, size_t size, size_t *ret);

#endif /* PAGES_ROUTE_H */
