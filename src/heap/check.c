/* SPDX-License-Identifier: MIT */
/*
 * check.c - tests whether extents, units, lists and counters of the heap are consistent
 *
 * It walks all extents and compares them with the rest.  It changes nothing: blocks in front
 * caches and deferred frees are counted where they are.  Meanwhile other threads take blocks
 * out of front caches and put them back, without the lock.  That only changes whether a block
 * is LIVE or FREED, and both are counted alike.
 */
#include "os/check.h"
#include "os/bits.h"
#include "impl.h"

struct tally {
	size_t held, kept, dirty;	/* units */
	size_t objects, pages;		/* of blocks that the statistics count as live */
	size_t extents;
	size_t lost;			/* pages */
	size_t seen;			/* units below this one are counted already */
};

/* Do the statistics count it?  Parts that are cut off a dedicated block have no used pages. */
static bool
counts(const struct pages_extent *e)
{
	return e->used != 0 && !e->note.hollow && pages_extent_state(e) != PAGES_EXTENT_LOST;
}

/* The pages of a block, or those that it is about to have. */
static size_t
used_pages(const struct pages_heap *h, const struct pages_extent *e)
{
	size_t pages = e->used;

	for (uint64_t used = h->changes_used; used != 0; used &= used - 1) {
		const struct pages_change *c = &h->changes[__builtin_ctzll(used)];

		if (&h->extents.node[c->id] == e)
			pages = pages_max(pages, c->used);
	}
	return pages;
}

/* The unit behind a block: dedicated and sparse blocks hold their extents to the end. */
static size_t
used_end(const struct pages_heap *h, const struct pages_extent *e)
{
	bool whole = e->note.dedicated || e->note.sparse;

	return pages_heap_unit_up(h, e->first + (whole ? e->count : used_pages(h, e)));
}

/* How many units of [a, b) no extent before had; *a becomes the first of them. */
static size_t
unseen(struct tally *t, size_t *a, size_t b)
{
	*a = pages_max(*a, t->seen);
	t->seen = pages_max(t->seen, b);
	return b > *a ? b - *a : 0;
}

/* Count the kept units between two pages. */
static void
count_kept(const struct pages_heap *h, size_t first, size_t end, struct tally *t) PAGES_LOCKED
{
	size_t a = pages_heap_unit_up(h, first), b = pages_heap_unit_down(h, end);

	if (a >= b)
		return;
	t->kept += pages_units_count(&h->units, a, b, false);
	t->dirty += pages_units_dirty(&h->units, a, b);
}

static const char *
check_used(const struct pages_heap *h, const struct pages_extent *e, struct tally *t) PAGES_LOCKED
{
	size_t a = pages_heap_unit_down(h, e->first), b = used_end(h, e), n = unseen(t, &a, b);
	size_t held = n != 0 ? pages_units_count(&h->units, a, b, true) : 0;

	t->held += held;
	if (e->note.hollow)	/* its room is cleared of kept units when the move has ended */
		count_kept(h, e->first + e->used, e->first + e->count, t);
	if (!(e->note.hollow && pages_extent_state(e) == PAGES_EXTENT_FREED) && held != n)
		return "a unit under a block is not held";
	if (n != 0 && pages_units_count(&h->units, a, b, false) != 0)
		return "a unit under a block is kept";
	if (counts(e)) {
		t->objects++;
		t->pages += e->used;
	}
	return NULL;
}

static const char *
check_free(const struct pages_heap *h, const struct pages_extent *e, struct tally *t) PAGES_LOCKED
{
	size_t a = pages_heap_unit_up(h, e->first);
	size_t b = pages_heap_unit_down(h, e->first + e->count);

	if (a >= b)
		return NULL;
	count_kept(h, e->first, e->first + e->count, t);
	return pages_units_count(&h->units, a, b, true) == 0 ? NULL :
		"a unit in free space is held";
}

/* Is all of an extent, but for what was never taken of the arena, in the zone that it says? */
static bool
is_in_zone(const struct pages_heap *h, const struct pages_extent *e)
{
	size_t a = pages_heap_unit_down(h, e->first), b = pages_heap_unit_up(h, e->first + e->count);
	bool small = e->zone == PAGES_ZONE_SMALL;

	return pages_bits_find(h->arena.small_bits, a, b, !small) == b;
}

static const char *
check_extent(const struct pages_heap *h, const struct pages_extent *e, struct tally *t) PAGES_LOCKED
{
	size_t a = pages_heap_unit_up(h, e->first);
	size_t b = pages_heap_unit_down(h, e->first + e->count);

	if (!is_in_zone(h, e))
		return "an extent lies in another zone";
	switch (pages_extent_state(e)) {
	case PAGES_EXTENT_FREE:
		return check_free(h, e, t);
	case PAGES_EXTENT_LOST:
		t->lost += e->count;
		if (e->note.lost)
			return check_used(h, e, t);
		return a >= b || pages_units_absent(&h->units, a, b) == b - a ? NULL :
			"a lost unit holds memory";
	default:
		return check_used(h, e, t);
	}
}

static const char *
check_units(const struct pages_units *u, const struct tally *t) PAGES_LOCKED
{
	size_t count = pages_max(u->mapped_end, u->busy_end), busy_held = 0;

	for (size_t w = 0; w < pages_bits_words(count); w++) {
		if ((u->held_bits[w] & u->kept_bits[w]) != 0)
			return "a unit is held and kept";
		if ((u->age_bits[0][w] & ~u->kept_bits[w]) != 0 ||
		    (u->age_bits[2][w] & ~u->age_bits[1][w]) != 0 ||
		    (u->age_bits[1][w] & ~u->age_bits[0][w]) != 0)
			return "a unit has an age that is not kept, or an odd one";
		if ((u->stale_bits[w] & ~(u->kept_bits[w] & u->dirty_bits[w])) != 0)
			return "a unit is stale that is not kept and dirty";
		if ((u->dirty_bits[w] & u->muzzy_bits[w]) != 0)
			return "a unit is muzzy and to be marked";
		if ((u->muzzy_bits[w] & ~(u->kept_bits[w] | u->held_bits[w] | u->busy_bits[w])) != 0)
			return "an absent unit is muzzy";
		if (((u->dirty_bits[w] & u->kept_bits[w]) | u->muzzy_bits[w]) & u->arena->small_bits[w])
			return "a unit of the small zone is marked, or to be marked";
		if ((u->busy_bits[w] & u->kept_bits[w]) != 0)
			return "a unit is busy and kept";
		if (((u->kept_bits[w] | (u->held_bits[w] & ~u->busy_bits[w])) &
		     ~u->mapped_bits[w]) != 0)
			return "a unit has memory and is not mapped";
		busy_held += pages_bits_popcount(u->busy_bits[w] & u->held_bits[w]);
	}
	if (busy_held > u->placing)
		return "the number of units that are being placed is wrong";
	if (u->mapped != pages_bits_count(u->mapped_bits, 0, count))
		return "the number of mapped units is wrong";
	if (u->kept != t->kept || u->kept != pages_units_count(u, 0, count, false))
		return "the number of kept units is wrong";
	if (u->held + u->placing != t->held || t->held != pages_units_count(u, 0, count, true))
		return "the number of held units is wrong";
	return u->dirty != t->dirty ? "the number of units to be marked is wrong" : NULL;
}

/* Every record is spare or belongs to an extent; record 0 is neither. */
static const char *
check_spare(const struct pages_extents *x, const struct tally *t)
{
	size_t n = 0;

	for (uint32_t id = x->spare; id != 0; id = x->node[id].left)
		if (n++ > x->nodes || pages_extent_state(&x->node[id]) != PAGES_EXTENT_SPARE)
			return "a record is spare and in use";
	return n + t->extents + 1 == x->nodes ? NULL : "a record is lost";
}

/* Other threads may push deferred frees meanwhile, but only the lock's holder takes them off. */
static const char *
check_deferred(const struct pages_heap *h)
{
	const struct pages_extent *node = h->extents.node;
	uint32_t id = atomic_load(&h->deferred);

	for (uint32_t n = 0; id != 0; n++) {
		if (n > h->extents.nodes || pages_extent_state(&node[id]) != PAGES_EXTENT_FREED)
			return "a block waits to be freed that is not, or twice";
		for (int i = 0; i < PAGES_FRONT_CACHES; i++)
			if (atomic_load(&h->caches[i].block) == id)
				return "a block waits to be freed and is in a front cache";
		id = __atomic_load_n(&node[id].left, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* A thread may reuse the block between the two loads, and free it again: then look again. */
static const char *
check_caches(const struct pages_heap *h)
{
	for (int i = 0; i < PAGES_FRONT_CACHES; i++) {
		const struct pages_front_cache *k = &h->caches[i];

		for (int tries = 0; ; tries++) {
			uint32_t id = atomic_load(&k->block);

			if (id == 0 || id == PAGES_FRONT_CACHE_BUSY ||
			    pages_extent_state(&h->extents.node[id]) == PAGES_EXTENT_FREED)
				break;
			if (tries == 100)
				return "a block in a front cache is not free";
			pages_os_yield();
		}
	}
	return NULL;
}

const char *
pages_heap_check(const struct pages_heap *h)
{
	const struct pages_extents *x = &h->extents;
	struct tally t = { 0 };
	const char *wrong = NULL;

	if (h->state != PAGES_HEAP_OPEN)
		return NULL;
	if (!pages_extents_valid(x))
		return "extents do not tile the arena, or the tree of free ones is wrong";
	for (uint32_t page = 0, id; wrong == NULL && page < x->pages; page += x->node[id].count) {
		wrong = check_extent(h, &x->node[id = x->edge[page]], &t);
		t.extents++;
	}
	if (wrong == NULL)
		wrong = check_units(&h->units, &t);
	if (wrong == NULL)
		wrong = check_spare(x, &t);
	if (wrong == NULL)
		wrong = check_deferred(h);
	if (wrong == NULL)
		wrong = check_caches(h);
	if (wrong == NULL && t.lost != h->lost)
		wrong = "the number of lost pages is wrong";
	if (wrong == NULL && (t.objects != h->stats.live_objects ||
			      t.pages << h->arena.page_shift != h->stats.live_bytes))
		wrong = "the number of live blocks, or of their bytes, is wrong";
	return wrong;
}

/* Checking a heap of many blocks each time would take too long. */
#define CHECK_ALWAYS 1000
#define CHECK_ONE_IN 64

void
pages_heap_check_now(struct pages_heap *h)
{
	const char *wrong;

	if (!PAGES_CHECKS || (h->stats.live_objects > CHECK_ALWAYS && ++h->checks % CHECK_ONE_IN != 0))
		return;
	wrong = pages_heap_check(h);
	if (wrong != NULL)
		pages_heap_abort("the heap is broken: %s", wrong);
}
