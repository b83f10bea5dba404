/* SPDX-License-Identifier: MIT */
/*
 * place.c - picks the address range of a block, lengthens, shortens and empties it
 */
#include <errno.h>

#include "block.h"
#include "lock.h"
#include "place.h"
#include "probe.h"
#include "taint.h"
#include "os/bits.h"

/* How many free extents to compare. */
#define CANDIDATES 12

struct place {
	uint32_t id, first;
	size_t cost;
};

/*
 * Make first, in extent id, the best place if a block there costs less.  Each unit that it does
 * not share with a neighbour costs 1, for the memory; each absent unit costs 1 more, for the
 * system call that moves memory there.
 */
static void
consider(const struct pages_heap *h, uint32_t id, uint32_t first, uint32_t used,
	 struct place *best) PAGES_LOCKED
{
	size_t a = pages_heap_unit_down(h, first), b = pages_heap_unit_up(h, first + used);
	size_t cost = b - a - pages_units_count(&h->units, a, b, true) +
		      2 * pages_units_absent(&h->units, a, b);

	if (cost < best->cost)
		*best = (struct place){ id, first, cost };
}

/* The unit behind the last busy one that count pages at first overlap; 0 if none is. */
static size_t
busy_end(const struct pages_heap *h, uint32_t first, uint32_t count) PAGES_LOCKED
{
	size_t a = pages_heap_unit_down(h, first), b = pages_heap_unit_up(h, first + count);
	size_t end = pages_units_busy_end(&h->units, a, b);

	return end == a ? 0 : end;
}

/* Find the first such place in free extent id where no unit is busy. */
static bool
find_place(const struct pages_heap *h, uint32_t id, const struct pages_want *want,
	   uint32_t *ret_first) PAGES_LOCKED
{
	uint32_t from = 0;

	while (pages_extents_place(&h->extents, id, want, from, ret_first)) {
		size_t end = busy_end(h, *ret_first, want->count);

		if (PAGES_LIKELY(end == 0))
			return true;
		from = (uint32_t)(end * pages_heap_unit_pages(h));
	}
	return false;
}

/* The first free extent in order of length that has room for the block at any alignment. */
static uint32_t
find_aligned(const struct pages_heap *h, const struct pages_want *want,
	     uint32_t *ret_first) PAGES_LOCKED
{
	const struct pages_extents *x = &h->extents;
	uint32_t id;

	if ((size_t)want->count + want->align - 1 > x->pages)
		return 0;
	id = pages_extents_next(x, want->zone, want->count + want->align - 1, 0);
	while (id != 0 && !find_place(h, id, want, ret_first))
		id = pages_extents_next(x, want->zone, x->node[id].count, x->node[id].first + 1);
	return id;
}

/*
 * Find the cheapest place at either end of some of the best fits.  That wastes address space,
 * of which there is plenty.  Sharing units saves 2 % of all memory (sizes of 1 to 8 MiB).
 */
static uint32_t
choose(const struct pages_heap *h, const struct pages_want *want, uint32_t used,
       uint32_t *ret_first) PAGES_LOCKED
{
	const struct pages_extents *x = &h->extents;
	struct place best = { 0, 0, SIZE_MAX };
	uint32_t id = pages_extents_next(x, want->zone, want->count, 0);

	for (int i = 0; i < CANDIDATES && id != 0; i++) {
		uint32_t first, high = x->node[id].first + x->node[id].count - want->count;

		if (find_place(h, id, want, &first)) {
			consider(h, id, first, used, &best);
			if (want->align == 1 && id != x->last && busy_end(h, high, want->count) == 0)
				consider(h, id, high, used, &best);
		}
		id = pages_extents_next(x, want->zone, x->node[id].count, x->node[id].first + 1);
	}
	*ret_first = best.first;
	return best.id != 0 ? best.id : find_aligned(h, want, ret_first);
}

uint32_t
pages_heap_place(struct pages_heap *h, const struct pages_want *want, uint32_t used)
{
	uint32_t first = 0, id = 0;

	if (h->state == PAGES_HEAP_OPEN)	/* NONE after give_up() in fork.c */
		id = choose(h, want, used, &first);
	if (id != 0)
		id = pages_extents_take(&h->extents, id, first, want->count);
	if (id != 0)
		h->extents.node[id].used = used;
	return id;
}

/* Is all of free place [first, first + count), which is whole units, without memory? */
static bool
is_absent(const struct pages_heap *h, uint32_t first, uint32_t count) PAGES_LOCKED
{
	size_t a = pages_heap_unit_down(h, first), b = pages_heap_unit_up(h, first + count);

	return pages_units_absent(&h->units, a, b) == b - a;
}

uint32_t
pages_heap_place_absent(struct pages_heap *h, size_t pages)
{
	const struct pages_extents *x = &h->extents;
	uint32_t up = (uint32_t)pages_heap_unit_pages(h), first, id;
	struct pages_want want = { .count = (uint32_t)pages_round_up(pages, up), .align = up };

	id = pages_extents_next(x, want.zone, want.count, 0);
	for (int i = 0; i < CANDIDATES && id != 0 && id != x->last; i++) {
		if (find_place(h, id, &want, &first) && is_absent(h, first, want.count)) {
			id = pages_extents_take(&h->extents, id, first, want.count);
			if (id != 0)
				h->extents.node[id].used = (uint32_t)pages;
			return id;
		}
		id = pages_extents_next(x, want.zone, x->node[id].count, x->node[id].first + 1);
	}
	return pages_heap_place_behind(h, pages);
}

uint32_t
pages_heap_place_behind(struct pages_heap *h, size_t pages)
{
	struct pages_extents *x = &h->extents;
	const struct pages_extent *e = &x->node[x->last];
	size_t up = pages_heap_unit_pages(h), n = pages_heap_unit_up(h, pages), a;
	uint32_t id;

	if (pages_extent_state(e) != PAGES_EXTENT_FREE || e->zone != PAGES_ZONE_HUGE)
		return 0;
	/* Only a bound: a request that was refused leaves it at the end of what it wanted. */
	h->units.kept_end = pages_bits_end(h->units.kept_bits, h->units.kept_end);
	a = pages_max(pages_heap_unit_up(h, e->first), h->units.kept_end);
	a = pages_units_busy_end(&h->units, a, pages_max(a, h->units.busy_end));
	if ((a + n) * up > x->pages)
		return 0;
	id = pages_extents_take(x, x->last, (uint32_t)(a * up), (uint32_t)(n * up));
	if (id != 0)
		x->node[id].used = (uint32_t)pages;
	return id;
}

bool
pages_heap_prepare(struct pages_heap *h, struct pages_change *c, size_t from)
{
	const struct pages_extent *e = &h->extents.node[c->id];

	return pages_change_begin(&h->units, c, pages_heap_unit_down(h, from),
				  pages_heap_unit_up(h, e->first + pages_max(e->used, c->used))) &&
	       pages_change_plan(&h->units, c);
}

struct pages_change *
pages_heap_grow(struct pages_heap *h, uint32_t id, uint32_t pages, bool *ret_more)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t up = pages_heap_unit_pages(h), end = (size_t)e->first + pages;
	/* The unit in which a live block ends is held; a freed one may have muzzy units. */
	bool freed = pages_extent_state(e) == PAGES_EXTENT_FREED;
	size_t from = freed ? e->first : pages_heap_unit_up(h, e->first + e->used) * up;
	struct pages_change *c;

	/* If the units cannot be mapped, pages_heap_take_back() will need a record. */
	if (h->state != PAGES_HEAP_OPEN || end > h->extents.pages ||
	    !pages_extents_can_cut(&h->extents) ||
	    busy_end(h, e->first + e->used, pages - e->used) != 0)
		return NULL;
	c = pages_heap_change(h, id);
	if (c == NULL)
		return NULL;
	if (pages > e->count && !pages_extents_extend(&h->extents, id, pages - e->count)) {
		(void)pages_heap_end(h, c);
		return NULL;
	}
	c->used = pages;
	c->cached = freed;
	*ret_more = pages_heap_prepare(h, c, pages_min(from, end));
	return c;
}

void
pages_heap_shorten(struct pages_heap *h, uint32_t id, uint32_t pages)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t first = e->first + pages, end = e->first + e->used;
	struct pages_span span = pages_extents_cut(&h->extents, id, pages);

	if (span.count == 0)
		return;	/* no record for the rest: the block stays as long as it is */
	pages_heap_count_live(h, pages, e->used);
	e->used = pages;
	pages_units_set_used(&h->units, pages_heap_unit_down(h, first), pages_heap_unit_up(h, end));
	pages_heap_keep(h, first, end, span);
}

/* Whole units. ------------------------------------------------------------ */

bool
pages_heap_prepare_units(struct pages_heap *h, struct pages_change *c, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];

	e->used = e->count;
	e->note = (struct pages_note){ .dedicated = true, .hollow = true };
	pages_extent_set_state(e, PAGES_EXTENT_FREED);
	c->id = id;
	c->filling = PAGES_FILL_NONE;
	return pages_heap_prepare(h, c, e->first);
}

uint32_t
pages_heap_end_units(struct pages_heap *h, struct pages_change *c)
{
	uint32_t id = c->id;
	struct pages_extent *e = &h->extents.node[id];
	struct pages_unit_run run = pages_heap_units_of(h, e);

	if (pages_heap_end(h, c) != 0)
		return 0;
	pages_splits_heal(&h->units.splits, run.first, run.count);
	e->used = 0;
	return id;
}

uint32_t
pages_heap_cut_units(struct pages_heap *h, uint32_t id, uint32_t keep)
{
	uint32_t rest = 0;
	struct pages_extent *e;

	if (keep < h->extents.node[id].count)
		rest = pages_extents_split(&h->extents, id, keep);
	if (rest == 0)
		return 0;
	e = &h->extents.node[rest];
	e->used = 0;
	e->note = (struct pages_note){ .dedicated = true };
	pages_extent_set_state(e, PAGES_EXTENT_FREED);
	return rest;
}

void
pages_heap_empty(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t start = (size_t)e->first << h->arena.page_shift;
	size_t len = (size_t)e->count << h->arena.page_shift;
	int err = e->note.unmapped ? -EFAULT : pages_arena_renew(&h->arena, start, len);

	if (err != 0 && err != -EFAULT)
		pages_arena_unmap(&h->arena, start, len);
	pages_probe_purge(h->arena.base + start, len,
			  err == 0 ? PAGES_PURGED_NOW : PAGES_PURGED_UNMAPPED);
	pages_heap_untaint(h, e->first, e->first + e->count);
	e->note.unmapped = err != 0;
	e->note.empty = true;
	pages_heap_free_claimed(h, id);
}
