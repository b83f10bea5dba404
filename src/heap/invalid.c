/* SPDX-License-Identifier: MIT */
/*
 * invalid.c - a pointer that is no block ends the process: says what there is instead
 *
 * The lock is not taken, since who holds it may be what is wrong.  While other threads change the
 * books the text may be wrong; each page is looked at once, so it comes to an end.
 */
#include "impl.h"

static bool
is_block(const struct pages_extent *e)
{
	uint16_t state = pages_extent_state(e);

	return state == PAGES_EXTENT_LIVE || state == PAGES_EXTENT_DEDICATED;
}

/* Does an extent begin or end at page?  Between its ends the table has what was there before. */
static bool
has_edge(const struct pages_extent *e, size_t page)
{
	return pages_extent_state(e) != PAGES_EXTENT_SPARE &&
	       (e->first == page || e->first + e->count - 1 == page);
}

/* The extent that page lies in. */
static const struct pages_extent *
around(const struct pages_extents *x, size_t page)
{
	size_t reach = __atomic_load_n(&x->reach, __ATOMIC_RELAXED);

	for (size_t i = pages_min(page + 1, reach); i-- > 0;) {
		const struct pages_extent *e = &x->node[x->edge[i]];

		if (x->edge[i] != 0 && has_edge(e, i))
			return e;
	}
	return &x->node[x->last];
}

/* The next block at or below extent e, or NULL. */
static const struct pages_extent *
block_below(const struct pages_extents *x, const struct pages_extent *e)
{
	while (!is_block(e)) {
		if (e->first == 0)
			return NULL;
		e = around(x, e->first - 1);
	}
	return e;
}

void
pages_heap_die(const struct pages_heap *h, const void *p, const char *caller)
{
	size_t page = (size_t)((const char *)p - h->arena.base) >> h->arena.page_shift;
	const struct pages_extent *e = around(&h->extents, page);
	const struct pages_extent *b = block_below(&h->extents, e);
	const char *start = pages_heap_block(h, e), *end;
	size_t size = ((size_t)e->used << h->arena.page_shift) - pages_heap_offset(e);

	if (pages_extent_state(e) == PAGES_EXTENT_FREED && p == start)
		pages_heap_abort("%s(): invalid pointer %p: the block of %zu bytes there was freed",
				 caller, p, size);
	if (b == NULL)
		pages_heap_abort("%s(): invalid pointer %p: there is no block below", caller, p);
	start = pages_heap_block(h, b);
	size = ((size_t)b->used << h->arena.page_shift) - pages_heap_offset(b);
	end = start + size;
	if ((const char *)p < start)
		pages_heap_abort("%s(): invalid pointer %p: in front of the block of %zu bytes at %p",
				 caller, p, size, (const void *)start);
	if ((const char *)p < end)
		pages_heap_abort("%s(): invalid pointer %p: byte %zu of the block of %zu bytes at %p",
				 caller, p, (size_t)((const char *)p - start), size,
				 (const void *)start);
	pages_heap_abort("%s(): invalid pointer %p: freed, %zu bytes behind the block of %zu bytes at %p",
			 caller, p, (size_t)((const char *)p - end), size, (const void *)start);
}
