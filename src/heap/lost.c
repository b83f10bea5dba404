/* SPDX-License-Identifier: MIT */
/*
 * lost.c - makes the hole that a refused move has left a lost extent
 *
 * A hole lies in units that no live block overlaps: around it there are only the extent for
 * which units were moved, and free space.  So that extent becomes free, and the hole is taken
 * from the free space as an extent that is never freed.
 */
#include "impl.h"

/* Lose the hole; space is the free extent around it. */
static void
lose_hole(struct pages_heap *h, struct pages_span space, struct pages_unit_run hole) PAGES_LOCKED
{
	struct pages_extents *x = &h->extents;
	size_t up = pages_heap_unit_pages(h);
	uint32_t around = x->edge[space.first];
	uint32_t id = pages_extents_take(x, around, (uint32_t)(hole.first * up),
					 (uint32_t)(hole.count * up));

	if (id == 0)	/* no records for the space before and after it: lose all of space */
		id = pages_extents_take(x, around, space.first, space.count);
	pages_heap_lose(h, id);
}

void
pages_heap_lose_place(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent e = h->extents.node[id];
	struct pages_unit_run hole = pages_units_take_hole(&h->units);
	struct pages_span space = pages_extents_give(&h->extents, id);

	pages_heap_keep(h, e.first, e.first + e.used, space);
	lose_hole(h, space, hole);
}

void
pages_heap_lose_room(struct pages_heap *h, uint32_t id, size_t end)
{
	const struct pages_extent *e = &h->extents.node[id];
	struct pages_unit_run hole = pages_units_take_hole(&h->units);
	struct pages_span space = pages_extents_cut(&h->extents, id, e->used);

	pages_heap_keep(h, e->first + e->used, end, space);
	lose_hole(h, space, hole);
}
