/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - <pages/malloc.h>: the heap in front of the C library's malloc
 */
#include <pages/malloc.h>

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "route.h"

static struct pages_heap heap = { .options = { 0, 10000, true } };

static const struct pages_route route = {
	.heap = &heap,
	.threshold = PAGES_THRESHOLD,
	.next = { malloc, calloc, realloc, free, malloc_usable_size },
};

static void
fork_prepare(void)
{
	pages_heap_fork_prepare(&heap);
}

static void
fork_parent(void)
{
	pages_heap_fork_parent(&heap);
}

static void
fork_child(void)
{
	pages_heap_fork_child(&heap);
}

__attribute__((constructor)) static void
at_load(void)
{
	/* Failing costs a child its large objects' allocator, no more. */
	(void)pthread_atfork(fork_prepare, fork_parent, fork_child);
}

void *
pages_malloc(size_t size)
{
	return pages_route_malloc(&route, size);
}

void *
pages_calloc(size_t count, size_t size)
{
	return pages_route_calloc(&route, count, size);
}

void *
pages_realloc(void *ptr, size_t size)
{
	if (ptr != NULL && size == 0) {
		pages_free(ptr);
		return NULL;
	}
	return pages_route_realloc(&route, ptr, size);
}

void *
pages_aligned_alloc(size_t alignment, size_t size)
{
	void *p;
	int err;

	if (!pages_is_pow2(alignment)) {
		errno = EINVAL;
		return NULL;
	}
	if (!pages_route_size(1, size, &size))
		return NULL;
	p = pages_route_large(&route, size, alignment, false);
	if (p != NULL)
		return p;
	err = posix_memalign(&p, pages_max(alignment, sizeof(void *)), size);
	if (err != 0) {
		errno = ENOMEM;
		return NULL;
	}
	return p;
}

void
pages_free(void *ptr)
{
	if (pages_heap_owns(&heap, ptr))
		pages_heap_free(&heap, ptr);
	else
		free(ptr);
}

size_t
pages_usable_size(const void *ptr)
{
	if (pages_heap_owns(&heap, ptr))
		return pages_heap_usable(&heap, ptr);
	return malloc_usable_size((void *)(uintptr_t)ptr);
}

bool
pages_owns(const void *ptr)
{
	return pages_heap_owns(&heap, ptr);
}

size_t
pages_trim(size_t keep)
{
	return pages_heap_trim(&heap, keep);
}

void
pages_stats(struct pages_stats *ret, size_t size)
{
	struct pages_stats st;

	pages_heap_stats(&heap, &st);
	memset(ret, 0, size);
	memcpy(ret, &st, pages_min(size, sizeof(st)));
}
