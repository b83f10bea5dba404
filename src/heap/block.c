/* SPDX-License-Identifier: MIT */
/*
 * block.c - the record of a block: found, claimed, released; extents that are lost
 */
#include <errno.h>

#include "block.h"
#include "mark.h"
#include "os/bits.h"

bool
pages_heap_maps(const struct pages_heap *h, const void *p)
{
	size_t unit = (size_t)((const char *)p - h->arena.base) / PAGES_UNIT;

	return (__atomic_load_n(&h->units.mapped_bits[unit / 64], __ATOMIC_RELAXED) >>
		(unit % 64) & 1) != 0;
}

uint32_t
pages_heap_checked(struct pages_heap *h, const void *p, const char *caller)
{
	uint32_t id = pages_heap_find(h, p, PAGES_EXTENT_LIVE);

	if (id == 0)
		pages_heap_die(h, p, caller);
	return id;
}

void
pages_heap_claim(struct pages_heap *h, uint32_t id, uint16_t state, const char *caller)
{
	if (!__atomic_compare_exchange_n(&h->extents.node[id].state, &state, PAGES_EXTENT_FREED,
					 false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		pages_heap_die(h, pages_heap_block(h, &h->extents.node[id]), caller);
}

void
pages_heap_count_copy(struct pages_heap *h, size_t bytes)
{
	atomic_fetch_add_explicit(&pages_heap_other_counts(h)->copied_bytes, bytes,
				  memory_order_relaxed);
}

/* Releasing. -------------------------------------------------------------- */

void
pages_heap_keep(struct pages_heap *h, size_t first, size_t end, struct pages_span span)
{
	size_t free_first = pages_heap_unit_up(h, span.first);
	size_t free_end = pages_heap_unit_down(h, span.first + span.count);
	size_t a = pages_max(pages_heap_unit_down(h, first), free_first);
	size_t b = pages_min(pages_heap_unit_up(h, end), free_end);

	if (a < b)
		pages_units_keep(&h->units, a, b);
}

static void
count_gone(struct pages_heap *h, uint32_t id) PAGES_LOCKED
{
	h->stats.live_objects--;
	h->stats.frees++;
	pages_heap_count_live(h, 0, h->extents.node[id].used);
}

/* Release whole units, which hold no memory any more. */
static void
release_empty(struct pages_heap *h, uint32_t id) PAGES_LOCKED
{
	const struct pages_extent *e = &h->extents.node[id];
	struct pages_unit_run run = pages_heap_units_of(h, e);

	if (e->note.dedicated && e->used != 0) {	/* not what one was cut off, or lacks */
		h->units.splits.count -= PAGES_DEDICATED_SPLITS;
		atomic_fetch_sub(&h->dedicated, 1);
	}
	pages_units_readmit(&h->units, run.first, run.first + run.count);
	if (e->note.unmapped)
		pages_units_set_unmapped(&h->units, run.first, run.first + run.count);
	(void)pages_extents_give(&h->extents, id);
}

void
pages_heap_release(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent e = h->extents.node[id];

	if (!e.note.hollow && e.used != 0)
		count_gone(h, id);
	if (PAGES_UNLIKELY(e.note.lost)) {
		pages_heap_lose(h, id);
		return;
	}
	if (PAGES_UNLIKELY(e.note.empty)) {
		release_empty(h, id);
		return;
	}
	pages_heap_settle(h, id);
	if (!e.note.clean)
		pages_units_set_used(&h->units, pages_heap_unit_down(h, e.first),
				     pages_heap_unit_up(h, e.first + e.used));
	pages_heap_keep(h, e.first, e.first + e.used, pages_extents_give(&h->extents, id));
}

void
pages_heap_trim_room(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t up = pages_heap_unit_pages(h);
	size_t a = pages_heap_unit_up(h, e->first + e->used);
	size_t b = pages_heap_unit_down(h, e->first + e->count);
	struct pages_unit_run kept = pages_units_kept(&h->units, a, b, PAGES_ALL);
	size_t end = kept.count != 0 ? kept.first : b;

	/* A purge that has taken kept units may put them back. */
	end = pages_bits_find(h->units.busy_bits, a, pages_max(a, end), true);
	if (end < b)
		(void)pages_extents_cut(&h->extents, id, (uint32_t)(end * up) - e->first);
}

/* Losing. ----------------------------------------------------------------- */

void
pages_heap_lose(struct pages_heap *h, uint32_t id)
{
	pages_extent_set_state(&h->extents.node[id], PAGES_EXTENT_LOST);
	h->lost += h->extents.node[id].count;
}

/*
 * The program has mapped something of its own between units a and b, in free extent span: make
 * all of them that are not mapped a lost extent, or they would be chosen again and again.
 */
static void
lose_units(struct pages_heap *h, size_t a, size_t b, struct pages_span span) PAGES_LOCKED
{
	struct pages_extents *x = &h->extents;
	size_t up = pages_heap_unit_pages(h), first, end;
	uint32_t id;

	first = pages_bits_find(h->units.mapped_bits, pages_max(a, pages_heap_unit_up(h, span.first)),
				b, false);
	end = pages_bits_find(h->units.mapped_bits, first, b, true);
	end = pages_min(end, pages_heap_unit_down(h, span.first + span.count));
	if (first >= end)
		return;
	id = pages_extents_take(x, x->edge[span.first], (uint32_t)(first * up),
				(uint32_t)((end - first) * up));
	if (id != 0)
		pages_heap_lose(h, id);
}

void
pages_heap_take_back(struct pages_heap *h, const struct pages_change *c)
{
	struct pages_extent *e = &h->extents.node[c->id];
	bool grows = c->used != 0;
	size_t first = e->first + (grows ? e->used : 0);
	size_t end = e->first + pages_max(e->used, c->used);
	struct pages_span span = { 0, 0 };

	if (!grows) {
		if (!e->note.hollow) {
			count_gone(h, c->id);
			h->stats.frees--;
		}
		span = pages_extents_give(&h->extents, c->id);
	} else if (e->count > e->used) {
		/* There is a record: pages_heap_grow() has made sure of it. */
		span = pages_extents_cut(&h->extents, c->id, e->used);
	}
	pages_units_set_used(&h->units, pages_heap_unit_down(h, first), pages_heap_unit_up(h, end));
	pages_heap_keep(h, first, end, span);
	if (c->err == -EEXIST)
		lose_units(h, c->a, c->b, span);
}
