/* SPDX-License-Identifier: MIT */
/*
 * invalid.c - a pointer that is no block ends the process: says what there is instead
 *
 * The lock is not taken, since who holds it may be what is wrong.  While other threads change the
 * books the text may be wrong; each page is looked at twice at most, so it comes to an end.
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

/* The nearest extent that begins at or below page, or the nearest block; or NULL. */
static const struct pages_extent *
nearest(const struct pages_extents *x, size_t page, bool block)
{
	size_t reach = __atomic_load_n(&x->reach, __ATOMIC_RELAXED);

	for (size_t i = pages_min(page + 1, reach); i-- > 0;) {
		uint32_t id = __atomic_load_n(&x->edge[i], __ATOMIC_RELAXED);
		const struct pages_extent *e = &x->node[id];

		if (id != 0 && has_edge(e, i) && (!block || is_block(e)))
			return e;
	}
	return NULL;
}

static size_t
length(const struct pages_heap *h, const struct pages_extent *e)
{
	return pages_heap_length(h, e, e->used);
}

/* Block b lies around p, or before it. */
_Noreturn static void
die_near(const struct pages_heap *h, const struct pages_extent *b, const char *p, const char *caller)
{
	const char *start = pages_heap_block(h, b), *end = start + length(h, b);

	if (p < start)
		pages_heap_abort("%s(): invalid pointer %p: in front of the block of %zu bytes at %p",
				 caller, (const void *)p, length(h, b), (const void *)start);
	else if (p < end)
		pages_heap_abort("%s(): invalid pointer %p: byte %zu of the block of %zu bytes at %p",
				 caller, (const void *)p, (size_t)(p - start), length(h, b),
				 (const void *)start);
	else
		pages_heap_abort("%s(): invalid pointer %p: no block, %zu bytes behind one of %zu bytes at %p",
				 caller, (const void *)p, (size_t)(p - end), length(h, b),
				 (const void *)start);
}

void
pages_heap_die(const struct pages_heap *h, const void *p, const char *caller)
{
	size_t page = (size_t)((const char *)p - h->arena.base) >> h->arena.page_shift;
	const struct pages_extent *e = nearest(&h->extents, page, false);
	const struct pages_extent *b = nearest(&h->extents, page, true);

	if (e != NULL && pages_extent_state(e) == PAGES_EXTENT_FREED && p == pages_heap_block(h, e))
		pages_heap_abort("%s(): invalid pointer %p: the block of %zu bytes there was freed",
				 caller, p, length(h, e));
	else if (b != NULL)
		die_near(h, b, p, caller);
	else
		pages_heap_abort("%s(): invalid pointer %p: there is no block below", caller, p);
}
