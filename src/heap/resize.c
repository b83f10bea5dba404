/* SPDX-License-Identifier: MIT */
/*
 * resize.c - grows and shrinks blocks without copying them
 *
 * A block grows into its room, or into free space right behind it.  If neither is long enough,
 * the block moves to a slot: an extent of about twice the length or more, if there is one, because a
 * block that has grown will grow again.  The slot begins at the same offset within a unit, so
 * the whole units of the block move by page tables.  Only the pages at its two ends, which
 * share their units with neighbours, are copied.
 */
#include <errno.h>
#include <string.h>

#include "os/base.h"
#include "block.h"
#include "cache.h"
#include "density.h"
#include "lock.h"
#include "place.h"
#include "probe.h"
#include "purge.h"
#include "sparse.h"
#include "taint.h"

/* Count the growth of a block from used to pages in *how. */
static void
count_growth(struct pages_heap *h, uint64_t *how, size_t used, size_t pages) PAGES_LOCKED
{
	(*how)++;
	h->stats.requested_bytes += (pages - used) << h->arena.page_shift;
}

/* Growing in place. ------------------------------------------------------- */

enum outcome { GROWN, NO_ROOM, REFUSED, LOCKED_OUT };

/*
 * Grow block id where it is.  With the lock, which is released.  If a page of it is tainted, or
 * one behind it, another place will do: there it has ordinary memory, as after a copy.
 */
static enum outcome
grow_in_place(struct pages_heap *h, uint32_t id, size_t pages) PAGES_UNLOCKS
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t used = e->used, end = pages_min(e->first + pages, (size_t)h->extents.pages);
	struct pages_change *c = NULL;
	bool more = false;
	enum outcome o = NO_ROOM;

	if (!pages_heap_is_tainted(h, e->first, end))
		c = pages_heap_grow(h, id, (uint32_t)pages, &more);
	if (more) {
		pages_heap_unlock(h);
		if (!pages_heap_perform(h, c))
			return LOCKED_OUT;
	}
	if (c != NULL)
		o = pages_heap_end(h, c) == 0 ? GROWN : REFUSED;
	if (o == GROWN) {
		count_growth(h, &h->stats.grown_in_place, used, pages);
		pages_heap_hand_out(h, e);
	}
	pages_heap_leave(h);
	return o;
}

bool
pages_heap_expand(struct pages_heap *h, void *p, size_t size)
{
	uint32_t id = pages_heap_checked(h, p, "pages_try_expand");
	const struct pages_extent *e = &h->extents.node[id];
	size_t pages = pages_heap_pages(h, size + pages_heap_offset(e)), used = e->used;

	if (pages <= used)
		return true;
	if (pages_heap_is_too_long(h, pages) || !pages_heap_make_dense(h, id) ||
	    !pages_heap_enter(h))
		return false;
	pages_heap_flush_caches(h);
	if (grow_in_place(h, id, pages) != GROWN)
		return false;
	pages_probe_resize(p, pages_heap_length(h, e, used), p, size);
	return true;
}

/* Moving. ----------------------------------------------------------------- */

/*
 * How a block gets another length: which size was asked for, are its contents kept, and is it at a
 * limit that leaves no address space for two places, so that its whole units are handed over
 * (change.h)?
 */
struct manner {
	size_t size;
	bool keep, at_limit;
};

/* A block that moves: the change that prepares its new place, and what is left to be copied. */
struct move {
	struct pages_change *change;
	uint32_t old;
	size_t a, b;		/* its whole units at the old place; none if a == b */
	ptrdiff_t distance;	/* to the new place, in units */
	bool more;
};

static struct move
plan_units(const struct pages_heap *h, uint32_t old)
{
	const struct pages_extent *e = &h->extents.node[old];
	size_t a = pages_heap_unit_up(h, e->first);
	size_t b = pages_heap_unit_down(h, e->first + e->used);

	/* What the program has told the kernel would travel with the units. */
	if (pages_heap_is_tainted(h, e->first, e->first + e->used))
		a = b;
	return (struct move){ .old = old, .a = a < b ? a : b, .b = b };
}

/* Find a slot for a block of so many pages; without room if none has any, or at a limit. */
static uint32_t
place_slot(struct pages_heap *h, const struct pages_extent *old, uint32_t pages,
	   enum pages_zone zone, bool at_limit) PAGES_LOCKED
{
	uint32_t up = (uint32_t)pages_heap_unit_pages(h), id;
	struct pages_want want = { .align = up, .offset = old->first % up };
	/* A block that doubles has a page more than a power of two, for its colour. */
	size_t colour = h->options.colours && pages_is_pow2(pages - 1);
	size_t slot = want.offset + pages_pow2_at_least(2 * (pages - colour)) + colour;

	/* The slot ends with a unit, so that no unit lies half in its room and half in a block. */
	slot = pages_round_up(slot, up) - want.offset;
	want.zone = zone;
	want.count = (uint32_t)pages_min(slot, h->extents.pages);
	id = at_limit ? 0 : pages_heap_place(h, &want, pages);
	if (id == 0) {
		want.count = pages;
		id = pages_heap_place(h, &want, pages);
	}
	return id;
}

/*
 * Find a slot for block m->old with its new length, and prepare to move the block's whole units
 * there.
 */
static bool
begin_move(struct pages_heap *h, struct move *m, uint32_t pages, enum pages_zone zone,
	   bool at_limit) PAGES_LOCKED
{
	const struct pages_extent *old = &h->extents.node[m->old];
	struct pages_change *c = pages_heap_change(h, 0);
	struct pages_extent *e;
	uint32_t id = c != NULL ? place_slot(h, old, pages, zone, at_limit) : 0;

	if (id == 0) {
		if (c != NULL)
			(void)pages_heap_end(h, c);
		return false;
	}
	e = &h->extents.node[id];
	e->colour = old->colour;
	e->note = old->note;
	e->note.hollow = true;
	if (PAGES_UNLIKELY(e->zone != old->zone))	/* pages move within a zone only */
		m->a = m->b;
	/* What is free must be cleaned first: unmapping it does, and the caller tries again. */
	if (pages_heap_is_tainted(h, e->first, e->first + e->used))
		c->err = -ENOMEM;
	m->distance = ((ptrdiff_t)e->first - (ptrdiff_t)old->first) /
		      (ptrdiff_t)pages_heap_unit_pages(h);
	m->change = c;
	c->id = id;
	c->filling = PAGES_FILL;
	c->carry_src = m->a;
	c->carry = (struct pages_unit_run){ (size_t)((ptrdiff_t)m->a + m->distance), m->b - m->a };
	c->at_limit = at_limit;
	if (at_limit && !pages_change_can_hand_over(&h->units, c))
		c->err = -ENOMEM;
	m->more = pages_heap_prepare(h, c, e->first);
	return true;
}

/* Copy pages [from, end) of the old place; returns how many bytes that are. */
static size_t
copy(const struct pages_heap *h, const struct move *m, size_t from, size_t end)
{
	ptrdiff_t pages = m->distance * (ptrdiff_t)pages_heap_unit_pages(h);
	size_t len = from < end ? (end - from) << h->arena.page_shift : 0;

	if (len != 0)
		memcpy(pages_heap_address(h, (size_t)((ptrdiff_t)from + pages)),
		       pages_heap_address(h, from), len);
	return len;
}

/* Without the lock: copy what has not been moved: both ends, and units whose move was refused. */
static void
copy_rest(struct pages_heap *h, const struct move *m, size_t carried)
{
	const struct pages_extent *old = &h->extents.node[m->old];
	size_t up = pages_heap_unit_pages(h), end = old->first + old->used, bytes;

	if (m->a == m->b) {
		bytes = copy(h, m, old->first, end);
	} else {
		bytes = copy(h, m, old->first, m->a * up);
		bytes += copy(h, m, (m->a + carried) * up, end);
	}
	pages_heap_count_copy(h, bytes);
}

/*
 * The change has been performed: the new place counts from now on, and the old one is hollow.
 * Returns the new block's id, or 0.
 */
static uint32_t
end_move(struct pages_heap *h, const struct move *m) PAGES_LOCKED
{
	struct pages_extent *old = &h->extents.node[m->old];
	uint32_t id = m->change->id;
	struct pages_extent *e = &h->extents.node[id];

	if (pages_heap_end(h, m->change) != 0)
		return 0;
	pages_heap_claim(h, m->old, PAGES_EXTENT_LIVE, "realloc");
	old->note.hollow = true;
	e->note.hollow = false;
	pages_heap_count_live(h, e->used, old->used);
	count_growth(h, &h->stats.grown_by_move, old->used, e->used);
	return id;
}

/* Move block id to a slot in that zone. */
static enum outcome
grow_by_move(struct pages_heap *h, uint32_t id, size_t pages, enum pages_zone zone,
	     struct manner how, uint32_t *ret)
{
	const struct pages_extent *old = &h->extents.node[id];
	struct move m = plan_units(h, id);
	size_t carried;

	if (!pages_heap_enter(h))
		return LOCKED_OUT;
	if (!begin_move(h, &m, (uint32_t)pages, zone, how.at_limit)) {
		pages_heap_leave(h);
		return NO_ROOM;
	}
	if (m.more) {
		pages_heap_unlock(h);
		if (!pages_heap_perform(h, m.change))
			return LOCKED_OUT;
	}
	if (how.at_limit && m.change->err == 0) {
		pages_heap_unlock(h);
		if (!pages_heap_hand_over(h, m.change))
			return LOCKED_OUT;
	}
	carried = m.change->carried;
	*ret = end_move(h, &m);
	pages_heap_leave(h);
	if (*ret == 0)
		return REFUSED;
	pages_heap_hand_out(h, &h->extents.node[*ret]);
	if (how.keep)
		copy_rest(h, &m, carried);
	pages_probe_resize(pages_heap_block(h, old), pages_heap_length(h, old, old->used),
			   pages_heap_block(h, &h->extents.node[*ret]), how.size);
	pages_heap_take_in(h, old->first, old->first + old->used);
	if (how.at_limit) {	/* its whole units are not the heap's any more */
		pages_heap_forget(h, old->first, m.a * pages_heap_unit_pages(h));
		pages_heap_forget(h, m.b * pages_heap_unit_pages(h), old->first + old->used);
	} else {
		pages_heap_clean_freed(h, m.old);
	}
	pages_heap_free_slowly(h, m.old);
	return GROWN;
}

/*
 * Move block id of the small zone.  To leave the zone it has to be copied, once: so it does where
 * it is not sparse any more, or where the zone has no room.
 */
static enum outcome
grow_out_of_zone(struct pages_heap *h, uint32_t id, size_t pages, struct manner how,
		 uint32_t *ret)
{
	enum outcome o = NO_ROOM;

	if (pages_heap_is_sparse(h, id, pages)) {
		o = grow_by_move(h, id, pages, PAGES_ZONE_SMALL, how, ret);
		if (o == NO_ROOM &&
		    pages_heap_widen_small(h, pages + pages_heap_unit_pages(h)))
			o = grow_by_move(h, id, pages, PAGES_ZONE_SMALL, how, ret);
	}
	return o == NO_ROOM ? grow_by_move(h, id, pages, PAGES_ZONE_HUGE, how, ret) : o;
}

/* Resizing. --------------------------------------------------------------- */

/* Without the lock: clean and forget what is to be cut off.  False if the kernel refuses. */
static bool
clean_tail(struct pages_heap *h, uint32_t id, size_t pages)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t first = e->first + pages, end = e->first + e->used;

	if (pages_heap_is_tainted(h, first, end)) {
		e->note.torn = true;
		if (!pages_heap_clean(h, first, end))
			return false;
	}
	pages_heap_forget(h, first, end);
	pages_heap_take_in(h, first, end);
	return true;
}

/* Shorten block id, whose tail is clean. */
static void
shrink(struct pages_heap *h, uint32_t id, size_t pages) PAGES_LOCKED
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t end = pages_heap_unit_up(h, e->first + e->used), a;

	if (e->note.torn) {
		a = pages_heap_unit_down(h, e->first + pages);
		pages_splits_mix(&h->units.splits, a, end - a);
	}
	/* Its owner has had it for however long: it is to be marked. */
	pages_units_set_dirty(&h->units, pages_heap_unit_up(h, e->first + pages), end);
	pages_heap_shorten(h, id, (uint32_t)pages);
}

/* Grow or shrink block id, in place or to *ret. */
static enum outcome
resize(struct pages_heap *h, uint32_t id, size_t pages, struct manner how, uint32_t *ret)
{
	enum outcome o;

	*ret = id;
	if (pages_heap_is_too_long(h, pages))
		return NO_ROOM;
	if (!pages_heap_make_dense(h, id))
		return LOCKED_OUT;
	/* A tail that cannot be cleaned stays: a block that is too long will do. */
	if (pages < h->extents.node[id].used && !clean_tail(h, id, pages))
		return GROWN;
	if (!pages_heap_enter(h))
		return pages < h->extents.node[id].used ? GROWN : LOCKED_OUT;
	pages_heap_flush_caches(h);
	if (pages < h->extents.node[id].used) {
		shrink(h, id, pages);
		pages_heap_leave(h);
		return GROWN;
	}
	o = grow_in_place(h, id, pages);
	if (o != NO_ROOM)
		return o;
	if (PAGES_UNLIKELY(h->extents.node[id].zone == PAGES_ZONE_SMALL))
		return grow_out_of_zone(h, id, pages, how, ret);
	return grow_by_move(h, id, pages, PAGES_ZONE_HUGE, how, ret);
}

static void
count_declined(struct pages_heap *h, enum outcome why, size_t size)
{
	(void)pages_probe_decline(size, why == LOCKED_OUT ? PAGES_DECLINED_BUSY :
					why == REFUSED ? PAGES_DECLINED_REFUSED :
							 PAGES_DECLINED_NO_SPACE);
	if (why == LOCKED_OUT || !pages_heap_enter(h)) {
		pages_heap_count_busy(h);
		return;
	}
	if (why == REFUSED)
		h->stats.declined_refused++;
	else
		h->stats.declined_no_space++;
	pages_heap_unlock(h);
}

void *
pages_heap_resize(struct pages_heap *h, void *p, size_t size, bool keep)
{
	uint32_t id = pages_heap_checked(h, p, "realloc"), new;
	const struct pages_extent *e = &h->extents.node[id];
	size_t pages = pages_heap_pages(h, size + pages_heap_offset(e)), used = e->used;
	struct manner how = { .size = size, .keep = keep };
	enum outcome o;

	if (pages == used)
		return p;
	o = resize(h, id, pages, how, &new);
	/* Where a limit refuses a place, address space that serves no block goes back first. */
	if (o == REFUSED && pages_heap_release_space(h, SIZE_MAX) != 0)
		o = resize(h, id, pages, how, &new);
	/* So does what has been mapped in vain. */
	if (o == REFUSED) {
		(void)pages_heap_release_space(h, SIZE_MAX);
		how.at_limit = true;
		o = resize(h, id, pages, how, &new);
	}
	if (o != GROWN) {
		count_declined(h, o, size);
		return NULL;
	}
	if (new == id)
		pages_probe_resize(p, pages_heap_length(h, e, used), p, size);
	return pages_heap_block(h, &h->extents.node[new]);
}
