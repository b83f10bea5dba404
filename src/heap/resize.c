/* SPDX-License-Identifier: MIT */
/*
 * resize.c - grows and shrinks blocks without copying them
 *
 * A block grows into its room, or into free space right behind it.  If neither is long enough,
 * the block moves to a slot: an extent of at least twice the length, if there is one, because a
 * block that has grown will grow again.  The slot begins at the same offset within a unit, so
 * the whole units of the block move by page tables.  Only the pages at its two ends, which
 * share their units with neighbours, are copied.
 */
#include <string.h>

#include "os/base.h"
#include "impl.h"

/*
 * Lengthen the used part of block id to pages; its extent is long enough.  False if a refused
 * move left a hole, which is a lost extent then.
 */
static bool
set_used(struct pages_heap *h, uint32_t id, uint32_t pages) PAGES_LOCKED
{
	struct pages_extent *e = &h->extents.node[id];
	size_t old_end = e->first + e->used, end = e->first + pages;

	/* The unit in which the block ends is held already. */
	(void)pages_units_hold(&h->units, pages_heap_unit_up(h, old_end),
			       pages_heap_unit_up(h, end), true);
	if (PAGES_UNLIKELY(pages_units_broken(&h->units))) {
		pages_heap_lose_room(h, id, end);
		return false;
	}
	pages_heap_count_live(h, pages, e->used);
	e->used = pages;
	return true;
}

static bool
grow_in_place(struct pages_heap *h, uint32_t id, uint32_t pages) PAGES_LOCKED
{
	struct pages_extent *e = &h->extents.node[id];
	size_t end = (size_t)(e->first + pages) << h->arena.page_shift;

	/* If a move leaves a hole, pages_heap_lose_room() will need a record. */
	if (h->state != PAGES_HEAP_OPEN || end > h->arena.len ||
	    pages_arena_commit(&h->arena, end) != 0 || !pages_extents_can_cut(&h->extents))
		return false;
	if (pages > e->count && !pages_extents_extend(&h->extents, id, pages - e->count))
		return false;
	return set_used(h, id, pages);
}

static void
shrink(struct pages_heap *h, uint32_t id, uint32_t pages) PAGES_LOCKED
{
	struct pages_extent *e = &h->extents.node[id];
	size_t first = e->first + pages, end = e->first + e->used;
	struct pages_span span = pages_extents_cut(&h->extents, id, pages);

	if (span.count == 0)
		return;	/* no record for the rest: the block stays as long as it is */
	pages_heap_count_live(h, pages, e->used);
	e->used = pages;
	pages_heap_keep(h, first, end, span);
}

bool
pages_heap_refit(struct pages_heap *h, uint32_t id, uint32_t pages)
{
	struct pages_extent *e = &h->extents.node[id];

	if (pages > e->used)
		return grow_in_place(h, id, pages);
	if (pages < e->used)
		shrink(h, id, pages);
	return e->used == pages;
}

/* Count the growth of a block from used to pages in *how. */
static void
count_growth(struct pages_heap *h, uint64_t *how, size_t used, size_t pages) PAGES_LOCKED
{
	(*how)++;
	h->stats.requested_bytes += (pages - used) << h->arena.page_shift;
}

bool
pages_heap_expand(struct pages_heap *h, void *p, size_t size)
{
	uint32_t id = pages_heap_checked(h, p, "pages_try_expand");
	size_t pages = pages_heap_pages(h, size), used = h->extents.node[id].used;
	bool done = pages <= used;

	if (done || pages_heap_is_too_long(h, pages) || !pages_heap_make_dense(h, id) ||
	    !pages_heap_enter(h))
		return done;
	pages_heap_flush_caches(h);
	done = grow_in_place(h, id, (uint32_t)pages);
	if (done)
		count_growth(h, &h->stats.grown_in_place, used, pages);
	pages_heap_leave(h);
	return done;
}

/* A part of a moved block that is to be copied once the lock is released. */
struct pages_copy {
	char *from, *to;
	size_t len;
};

struct pages_moved {
	uint32_t id;
	struct pages_copy copies[3];	/* head, refused units, tail */
};

static struct pages_copy
copy_of(const struct pages_heap *h, size_t from, size_t end, size_t to)
{
	return (struct pages_copy){ pages_heap_address(h, from), pages_heap_address(h, to),
				    (end - from) << h->arena.page_shift };
}

/*
 * Move units [a, b), the whole ones of a block, by distance units to another extent.  Returns
 * the first unit that was not moved, or b.
 */
static size_t
transfer(struct pages_heap *h, size_t a, size_t b, ptrdiff_t distance) PAGES_LOCKED
{
	while (a < b) {
		size_t n = pages_splits_alike(&h->units.splits, a, b - a);

		if (!pages_units_transfer(&h->units, a, (size_t)((ptrdiff_t)a + distance), n))
			break;
		a += n;
	}
	return a;
}

/* Undo transfer() by copying the units back, because another move could be refused, too. */
static void
undo_transfer(struct pages_heap *h, size_t a, size_t b, ptrdiff_t distance) PAGES_LOCKED
{
	char *from = h->arena.base + (size_t)((ptrdiff_t)a + distance) * PAGES_UNIT;

	(void)pages_units_hold(&h->units, a, b, false);
	pages_units_set_dirty(&h->units, a, b);
	memcpy(h->arena.base + a * PAGES_UNIT, from, (b - a) * PAGES_UNIT);
}

/*
 * Kept units must lie in free extents, or purges and moves would not find them.  So if the room
 * of a new slot covers any, cut the extent off in front of them.
 */
static void
trim_room(struct pages_heap *h, uint32_t id) PAGES_LOCKED
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t up = pages_heap_unit_pages(h);
	struct pages_unit_run kept =
		pages_units_kept(&h->units, pages_heap_unit_up(h, e->first + e->used),
				 pages_heap_unit_down(h, e->first + e->count), PAGES_ALL);

	if (kept.count != 0)
		(void)pages_extents_cut(&h->extents, id, (uint32_t)(kept.first * up) - e->first);
}

/*
 * Find a slot for block id with its new length, and move the block's whole units there.  *ret
 * says what is left to be copied.
 */
static bool
move_to_slot(struct pages_heap *h, uint32_t id, uint32_t pages,
	     struct pages_moved *ret) PAGES_LOCKED
{
	const struct pages_extent old = h->extents.node[id];
	uint32_t up = (uint32_t)pages_heap_unit_pages(h);
	struct pages_want want = { .align = up, .offset = old.first % up };
	size_t a = pages_heap_unit_up(h, old.first);
	size_t b = pages_heap_unit_down(h, old.first + old.used);
	size_t whole = b > a ? b - a : 0, done, first, slot;
	ptrdiff_t distance;
	uint64_t *why;

	/* The slot ends with a unit, so that no unit lies half in its room and half in a block. */
	slot = want.offset + pages_pow2_at_least(2 * (size_t)pages);
	slot = pages_round_up(slot, up) - want.offset;
	want.count = (uint32_t)pages_min(slot, h->extents.pages);
	ret->id = pages_heap_place(h, &want, pages, &why);
	if (ret->id == 0) {
		want.count = pages;
		ret->id = pages_heap_place(h, &want, pages, &why);
	}
	if (ret->id == 0) {
		(*why)++;
		return false;
	}

	h->extents.node[ret->id].note = old.note;
	first = h->extents.node[ret->id].first;
	distance = ((ptrdiff_t)first - (ptrdiff_t)old.first) / (ptrdiff_t)up;
	if (whole == 0)
		a = b = pages_heap_unit_down(h, old.first + old.used);
	done = transfer(h, a, b, distance);

	(void)pages_units_hold(&h->units, pages_heap_unit_down(h, first),
			       pages_heap_unit_up(h, first + pages), true);
	if (PAGES_UNLIKELY(pages_units_broken(&h->units))) {
		undo_transfer(h, a, done, distance);
		pages_heap_lose_place(h, ret->id);
		h->stats.declined_refused++;
		return false;
	}
	trim_room(h, ret->id);
	ret->copies[0] = copy_of(h, old.first, whole != 0 ? a * up : old.first + old.used, first);
	ret->copies[1] = copy_of(h, done * up, b * up, (size_t)((ptrdiff_t)done + distance) * up);
	ret->copies[2] = copy_of(h, b * up, old.first + old.used,
				 (size_t)((ptrdiff_t)b + distance) * up);
	if (whole == 0)
		ret->copies[1].len = ret->copies[2].len = 0;
	pages_heap_claim(h, id, PAGES_EXTENT_HOLLOW, "realloc");
	pages_heap_count_live(h, pages, old.used);
	return true;
}

static char *
finish_move(struct pages_heap *h, uint32_t old, const struct pages_moved *m, bool keep)
{
	char *p = pages_heap_address(h, h->extents.node[m->id].first);
	size_t copied = 0;

	for (int i = 0; i < 3 && keep; i++) {
		if (m->copies[i].len != 0)
			memcpy(m->copies[i].to, m->copies[i].from, m->copies[i].len);
		copied += m->copies[i].len;
	}
	pages_heap_count_copy(h, copied);
	pages_heap_free_claimed(h, old);
	return p;
}

/* Grow in place, or move to a slot as *moved says; false if neither is possible. */
static bool
grow(struct pages_heap *h, uint32_t id, size_t pages, struct pages_moved *moved) PAGES_LOCKED
{
	size_t used = h->extents.node[id].used;

	if (pages_heap_is_too_long(h, pages)) {
		h->stats.declined_no_space++;
		return false;
	}
	if (grow_in_place(h, id, (uint32_t)pages)) {
		count_growth(h, &h->stats.grown_in_place, used, pages);
		return true;
	}
	if (!move_to_slot(h, id, (uint32_t)pages, moved))
		return false;
	count_growth(h, &h->stats.grown_by_move, used, pages);
	return true;
}

void *
pages_heap_resize(struct pages_heap *h, void *p, size_t size, bool keep)
{
	uint32_t id = pages_heap_checked(h, p, "realloc");
	size_t pages = pages_heap_pages(h, size), used = h->extents.node[id].used;
	struct pages_moved moved = { .id = 0 };
	bool done = true;

	if (pages == used)
		return p;
	if (!pages_heap_make_dense(h, id) || !pages_heap_enter(h)) {
		atomic_fetch_add_explicit(&h->busy, 1, memory_order_relaxed);
		return NULL;
	}
	pages_heap_flush_caches(h);
	if (pages < used) {
		size_t first = h->extents.node[id].first;

		/* Its owner has had it for however long: it is to be marked. */
		pages_units_set_dirty(&h->units, pages_heap_unit_up(h, first + pages),
				      pages_heap_unit_up(h, first + used));
		shrink(h, id, (uint32_t)pages);
	}
	else
		done = grow(h, id, pages, &moved);
	pages_heap_leave(h);

	if (!done)
		return NULL;
	return moved.id != 0 ? finish_move(h, id, &moved, keep) : p;
}
