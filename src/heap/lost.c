/* SPDX-License-Identifier: MIT */
/*
 * lost.c - giving up the place where a refused move left a hole
 *
 * A hole lies inside the place that was being filled, or at its ends in units that
 * it shares with free space only.  So the place goes back to free space, and the
 * hole becomes an extent that nobody owns and nobody ever frees.
 */
#include "impl.h"

/* space is the free extent around the hole. */
static void
fence(struct pages_heap *h, struct pages_span space, struct pages_unit_run hole) PAGES_LOCKED
{
	struct pages_extents *x = &h->extents;
	size_t up = pages_heap_unit_pages(h);
	uint32_t around = x->edge[space.first];
	uint32_t id = pages_extents_take(x, around, (uint32_t)(hole.first * up),
					 (uint32_t)(hole.count * up));

	if (id == 0)	/* no records for what is left on either side: all of it, then */
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
	fence(h, space, hole);
}

void
pages_heap_lose_room(struct pages_heap *h, uint32_t id, size_t end)
{
	const struct pages_extent *e = &h->extents.node[id];
	struct pages_unit_run hole = pages_units_take_hole(&h->units);
	struct pages_span space = pages_extents_cut(&h->extents, id, e->used);

	pages_heap_keep(h, e->first + e->used, end, space);
	fence(h, space, hole);
}
