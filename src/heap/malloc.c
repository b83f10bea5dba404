/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - <pages/malloc.h>: the heap for large blocks, the C library's malloc for others
 */
#include <pages/malloc.h>

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "os/base.h"
#include "os/kept.h"
#include "malloc_impl.h"
#include "published.h"
#include "route.h"

struct pages_heap pages_malloc_heap = { .options = PAGES_HEAP_DEFAULTS };

const struct pages_route pages_malloc_route = {
	.heap = &pages_malloc_heap,
	.threshold = PAGES_THRESHOLD,
	.next = { malloc, calloc, realloc, free, malloc_usable_size },
};

extern struct pages_published pages_malloc_published;
__attribute__((visibility("hidden"))) struct pages_published pages_malloc_published = {
	PAGES_PUBLISHED_OF("libpages", &pages_malloc_heap, &pages_kept_announced),
	.threshold = PAGES_THRESHOLD,
	.mode = "active",
};
PAGES_PUBLISH(pages_malloc_published);

__attribute__((constructor)) static void
at_load(void)
{
	pages_heap_follow_forks(&pages_malloc_heap);
	pages_os_remember_calls(NULL, false);	/* before other libraries hook them */
}

void *
pages_malloc(size_t size)
{
	return pages_route_malloc(&pages_malloc_route, size);
}

void *
pages_calloc(size_t count, size_t size)
{
	return pages_route_calloc(&pages_malloc_route, count, size);
}

static bool
is_dedicated(void *ptr)
{
	return pages_heap_owns(&pages_malloc_heap, ptr) &&
	       pages_heap_is_dedicated(&pages_malloc_heap, ptr);
}

/* Never falls back on malloc(3), which cannot keep the block's advice. */
static void *
resize_dedicated(void *ptr, size_t size, bool keep)
{
	void *p;

	if (!pages_route_size(1, size, &size))
		return NULL;
	p = pages_heap_resize_dedicated(&pages_malloc_heap, ptr, size, keep);
	if (p == NULL)
		errno = ENOMEM;
	return p;
}

void *
pages_realloc(void *ptr, size_t size)
{
	if (ptr != NULL && size == 0) {
		pages_free(ptr);
		return NULL;
	}
	if (is_dedicated(ptr))
		return resize_dedicated(ptr, size, true);
	return pages_route_realloc(&pages_malloc_route, ptr, size);
}

void *
pages_resize_discard(void *ptr, size_t size)
{
	if (ptr != NULL && size == 0) {
		pages_free(ptr);
		return NULL;
	}
	if (is_dedicated(ptr))
		return resize_dedicated(ptr, size, false);
	return pages_route_replace(&pages_malloc_route, ptr, size);
}

bool
pages_try_expand(void *ptr, size_t size)
{
	if (ptr == NULL || size > PTRDIFF_MAX)
		return false;
	if (is_dedicated(ptr))
		return pages_heap_expand_dedicated(&pages_malloc_heap, ptr, size);
	if (pages_owns(ptr))
		return pages_heap_expand(&pages_malloc_heap, ptr, size);
	return malloc_usable_size(ptr) >= size;
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
	p = pages_route_large(&pages_malloc_route, size, alignment, false);
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
	if (!pages_heap_owns(&pages_malloc_heap, ptr) ||
	    !pages_heap_free(&pages_malloc_heap, ptr))
		free(ptr);
}

size_t
pages_usable_size(const void *ptr)
{
	if (pages_owns(ptr))
		return pages_heap_usable(&pages_malloc_heap, ptr);
	return malloc_usable_size((void *)(uintptr_t)ptr);
}

size_t
pages_malloc_usable(const void *ptr, const char *caller)
{
	size_t usable = pages_usable_size(ptr);

	if (usable == 0 && pages_owns(ptr))
		pages_heap_die(&pages_malloc_heap, ptr, caller);
	return usable;
}

bool
pages_owns(const void *ptr)
{
	return pages_heap_owns(&pages_malloc_heap, ptr) &&
	       pages_heap_maps(&pages_malloc_heap, ptr);
}

/* What vectors keep goes first; what they still keep counts. */
size_t
pages_trim(size_t keep)
{
	struct pages_kept *k = pages_kept();
	size_t given = 0;

	if (k != NULL) {
		given = k->trim(keep);
		keep -= pages_min(keep, (size_t)atomic_load(&k->bytes));
	}
	return given + pages_heap_trim(&pages_malloc_heap, keep);
}

void
pages_malloc_stats(struct pages_stats *ret, size_t size)
{
	struct pages_kept *k = pages_kept();
	struct pages_stats st;

	pages_heap_stats(&pages_malloc_heap, &st);
	if (k != NULL) {
		st.vector_kept_bytes = atomic_load(&k->bytes);
		st.vector_reused_bytes = atomic_load(&k->reused_bytes);
	}
	memset(ret, 0, size);
	memcpy(ret, &st, pages_min(size, sizeof(st)));
}
