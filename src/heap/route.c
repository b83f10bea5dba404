/* SPDX-License-Identifier: MIT */
/*
 * route.c - malloc, calloc and realloc over two allocators: the heap and the next one
 */
#include "route.h"

#include <errno.h>
#include <string.h>

#include "os/base.h"

/*
 * A block of the heap goes to the next allocator when it shrinks below this share of the
 * threshold.  The gap keeps a block whose size changes around the threshold from being copied
 * each time.
 */
#define SMALL_SHARE 4

bool
pages_route_size(size_t count, size_t size, size_t *ret)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes) || bytes > PTRDIFF_MAX) {
		errno = ENOMEM;
		return false;
	}
	*ret = bytes;
	return true;
}

void *
pages_route_large(const struct pages_route *r, size_t size, size_t align, bool zero)
{
	return size >= r->threshold ? pages_heap_alloc(r->heap, size, align, zero) : NULL;
}

bool
pages_route_retry(const struct pages_route *r)
{
	return pages_heap_release_space(r->heap, SIZE_MAX) != 0;
}

void *
pages_route_malloc(const struct pages_route *r, size_t size)
{
	void *p;

	if (!pages_route_size(1, size, &size))
		return NULL;
	p = pages_route_large(r, size, 1, false);
	if (p == NULL)
		p = pages_next_malloc(&r->next, size);
	if (p == NULL && pages_route_retry(r))
		p = pages_next_malloc(&r->next, size);
	return p;
}

void *
pages_route_calloc(const struct pages_route *r, size_t count, size_t size)
{
	size_t bytes;
	void *p;

	if (!pages_route_size(count, size, &bytes))
		return NULL;
	p = pages_route_large(r, bytes, 1, true);
	if (p == NULL)
		p = pages_next_calloc(&r->next, count, size);
	if (p == NULL && pages_route_retry(r))
		p = pages_next_calloc(&r->next, count, size);
	return p;
}

/* Copy a block of the heap to one of the next allocator.  On NULL ptr is as it was. */
static void *
copy_out(const struct pages_route *r, void *ptr, size_t size, bool keep)
{
	size_t len = keep ? pages_min(pages_heap_usable(r->heap, ptr), size) : 0;
	void *p = pages_next_malloc(&r->next, size);

	if (p == NULL)
		return NULL;
	memcpy(p, ptr, len);
	pages_heap_count_copy(r->heap, len);
	(void)pages_heap_free(r->heap, ptr);
	return p;
}

static void *
resize_ours(const struct pages_route *r, void *ptr, size_t size, bool keep)
{
	int saved = errno;
	void *p = NULL;

	/* A tainted block may not be readable, and keeps its changes where it is. */
	if (size < r->threshold / SMALL_SHARE && !pages_heap_block_is_tainted(r->heap, ptr)) {
		p = copy_out(r, ptr, size, keep);
		if (p != NULL)
			return p;
		errno = saved;	/* a block that is too long will do */
	}
	p = pages_heap_resize(r->heap, ptr, size, keep);
	if (p == NULL)
		p = copy_out(r, ptr, size, keep);
	if (p == NULL && pages_route_retry(r))
		p = copy_out(r, ptr, size, keep);
	return p;
}

/*
 * A block of the next allocator goes to the heap when it grows past the threshold.  One that is
 * large already stays, because it would have to be copied whole.
 */
static void *
realloc_theirs(const struct pages_route *r, void *ptr, size_t size)
{
	void *p = NULL;
	size_t len;

	if (size >= r->threshold) {
		len = r->next.usable_size(ptr);
		if (len < r->threshold)
			p = pages_route_large(r, size, 1, false);
		if (p != NULL) {
			memcpy(p, ptr, len);
			pages_heap_count_copy(r->heap, len);
			r->next.free(ptr);
			return p;
		}
	}
	p = pages_next_realloc(&r->next, ptr, size);
	if (p == NULL && size != 0 && pages_route_retry(r))
		p = pages_next_realloc(&r->next, ptr, size);
	return p;
}

static bool
is_ours(const struct pages_route *r, const void *ptr)
{
	return pages_heap_owns(r->heap, ptr) && pages_heap_maps(r->heap, ptr);
}

void *
pages_route_realloc(const struct pages_route *r, void *ptr, size_t size)
{
	if (ptr == NULL)
		return pages_route_malloc(r, size);
	if (!pages_route_size(1, size, &size))
		return NULL;
	if (!is_ours(r, ptr))
		return realloc_theirs(r, ptr, size);
	if (size != 0)
		return resize_ours(r, ptr, size, true);

	/* The next allocator decides what realloc(p, 0) means: call it with a block of its own. */
	(void)pages_heap_free(r->heap, ptr);
	return pages_next_realloc(&r->next, pages_next_malloc(&r->next, 1), 0);
}

/* A block that is long enough stays, unless it is more than half as long again as size. */
static void *
replace_theirs(const struct pages_route *r, void *ptr, size_t size)
{
	size_t len = r->next.usable_size(ptr);
	void *p;

	if (size <= len && len - size <= size / 2)
		return ptr;
	p = pages_route_malloc(r, size);
	if (p != NULL)
		r->next.free(ptr);
	return p;
}

void *
pages_route_replace(const struct pages_route *r, void *ptr, size_t size)
{
	if (ptr == NULL)
		return pages_route_malloc(r, size);
	if (!pages_route_size(1, size, &size))
		return NULL;
	if (is_ours(r, ptr))
		return resize_ours(r, ptr, size, false);
	return replace_theirs(r, ptr, size);
}
