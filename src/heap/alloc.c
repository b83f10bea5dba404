/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - allocates blocks: picks a free extent, holds its units, clears it for calloc
 */
#include <string.h>

#include "os/base.h"
#include "impl.h"

/* How many free extents to compare. */
#define CANDIDATES 6

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
		      pages_units_absent(&h->units, a, b);

	if (cost < best->cost)
		*best = (struct place){ id, first, cost };
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
	uint32_t id = pages_extents_next(x, want->count, 0);

	for (int i = 0; i < CANDIDATES && id != 0; i++) {
		uint32_t first, end = x->node[id].first + x->node[id].count;

		if (pages_extents_place(x, id, want, &first)) {
			consider(h, id, first, used, &best);
			if (want->align == 1 && end != x->pages)
				consider(h, id, end - want->count, used, &best);
		}
		id = pages_extents_next(x, x->node[id].count, x->node[id].first + 1);
	}
	*ret_first = best.first;
	if (best.id != 0)
		return best.id;
	/* None is aligned well: take one long enough to hold the block at any alignment. */
	if ((size_t)want->count + want->align - 1 > x->pages)
		return 0;
	id = pages_extents_next(x, want->count + want->align - 1, 0);
	if (id != 0)
		(void)pages_extents_place(x, id, want, ret_first);
	return id;
}

uint32_t
pages_heap_place(struct pages_heap *h, const struct pages_want *want, uint32_t used,
		 uint64_t **ret_why)
{
	uint32_t first = 0, id = 0;

	*ret_why = &h->stats.declined_no_space;
	if (h->state == PAGES_HEAP_OPEN)	/* NONE after give_up() in fork.c */
		id = choose(h, want, used, &first);
	if (id == 0)
		return 0;
	if (pages_arena_commit(&h->arena, (size_t)(first + used) << h->arena.page_shift) != 0) {
		*ret_why = &h->stats.declined_refused;
		return 0;
	}
	id = pages_extents_take(&h->extents, id, first, want->count);
	if (id != 0)
		h->extents.node[id].used = used;
	return id;
}

/* Allocate a block.  Stores the pages of it that are known to be zero. */
static uint32_t
take_memory(struct pages_heap *h, const struct pages_want *want, bool zero,
	    struct pages_span *ret_zero) PAGES_LOCKED
{
	size_t up = pages_heap_unit_pages(h), first;
	struct pages_unit_run absent;
	uint64_t *why;
	uint32_t id;

	id = pages_heap_place(h, want, want->count, &why);
	if (id == 0) {
		(*why)++;
		return 0;
	}
	first = h->extents.node[id].first;
	/* For calloc no kept units are moved in: absent ones are zero, kept ones need clearing. */
	absent = pages_units_hold(&h->units, pages_heap_unit_down(h, first),
				  pages_heap_unit_up(h, first + want->count), !zero);
	if (PAGES_UNLIKELY(pages_units_broken(&h->units))) {
		pages_heap_lose_place(h, id);
		h->stats.declined_refused++;
		return 0;
	}
	*ret_zero = (struct pages_span){ (uint32_t)(absent.first * up),
					 (uint32_t)(absent.count * up) };
	pages_heap_note_birth(h, id);
	h->stats.live_objects++;
	pages_heap_count_live(h, want->count, 0);
	return id;
}

/* Does block id lie above all others, with nothing but free space behind it? */
static bool
is_top(const struct pages_heap *h, uint32_t id)
{
	const struct pages_extents *x = &h->extents;
	const struct pages_extent *last = &x->node[x->edge[x->pages - 1]], *e = &x->node[id];

	return e->first + e->count == last->first && pages_extent_state(last) == PAGES_EXTENT_FREE;
}

/*
 * Reuse the block in this thread's front cache in another length.  That saves the search for
 * a place, and joining and splitting free extents.  Only for the top block, which a temporary
 * often is: lower in the arena, best fit leaves fewer gaps.
 */
static uint32_t
refit_cached(struct pages_heap *h, uint32_t pages) PAGES_LOCKED
{
	uint32_t id = pages_heap_claim_cached(h);

	if (id == 0)
		return 0;
	pages_heap_settle(h, id);
	if (!is_top(h, id) || !pages_heap_refit(h, id, pages)) {
		pages_heap_release(h, id);
		return 0;
	}
	pages_units_unmark(&h->units, pages_heap_unit_down(h, h->extents.node[id].first),
			   pages_heap_unit_up(h, h->extents.node[id].first + pages));
	/* The tick of its last free is near enough; a short block has none. */
	if (h->extents.node[id].note == 0)
		pages_heap_note_birth(h, id);
	pages_extent_set_state(&h->extents.node[id], PAGES_EXTENT_LIVE);
	h->stats.frees++;	/* its last owner's */
	return id;
}

static char *
allocate(struct pages_heap *h, size_t size, size_t align, bool zero,
	 struct pages_span *ret_zero) PAGES_LOCKED
{
	size_t pages = pages_heap_pages(h, size);
	struct pages_want want = { (uint32_t)pages, 1, 0 };
	uint32_t id = 0;

	if (pages_heap_is_too_long(h, pages) || align > h->arena.len) {
		h->stats.declined_no_space++;
		return NULL;
	}
	if (align > h->arena.page_size) {
		/* Places count from the base, which is aligned to a unit only. */
		want.align = (uint32_t)(align >> h->arena.page_shift);
		want.offset = (uint32_t)(-(uintptr_t)h->arena.base >> h->arena.page_shift) &
			      (want.align - 1);
	}
	if (want.align == 1 && !zero)
		id = refit_cached(h, want.count);
	else
		pages_heap_flush_caches(h);
	if (want.align == 1 && zero)
		id = pages_heap_take_sparse(h, pages, ret_zero);
	if (id == 0)
		id = take_memory(h, &want, zero, ret_zero);
	if (id == 0)
		return NULL;
	h->stats.requests++;
	h->stats.requested_bytes += size;
	return pages_heap_address(h, h->extents.node[id].first);
}

/* Clear [p, p + len) except for span, which is zero.  Returns how many bytes were cleared. */
static size_t
clear(const struct pages_heap *h, char *p, size_t len, struct pages_span span)
{
	char *zero = pages_heap_address(h, span.first);
	char *zero_end = pages_heap_address(h, span.first + span.count);
	size_t head, tail;

	if (span.count == 0)
		zero = zero_end = p;
	head = zero > p ? (size_t)(zero - p) : 0;
	tail = zero_end < p + len ? (size_t)(p + len - pages_max((size_t)zero_end, (size_t)p)) : 0;
	memset(p, 0, head);
	memset(p + len - tail, 0, tail);
	return head + tail;
}

void
pages_heap_make_zero(struct pages_heap *h, char *p, size_t size, struct pages_span known_zero)
{
	size_t page = (size_t)(p - h->arena.base) >> h->arena.page_shift;
	uint32_t id = pages_extents_at(&h->extents, page);
	struct pages_extent *e = &h->extents.node[id];
	size_t cleared;

	if ((e->note & PAGES_NOTE_SPARSE) != 0) {
		cleared = pages_heap_clear_sparse(h, id, known_zero);
	} else {
		cleared = clear(h, p, size, known_zero);
		e->note |= size >= PAGES_SPARSE_FROM ? PAGES_NOTE_CALLOC : 0;
	}
	atomic_fetch_add_explicit(&h->cleared_bytes, cleared, memory_order_relaxed);
}

static char *
from_extents(struct pages_heap *h, size_t size, size_t align, bool zero,
	     struct pages_span *ret_zero)
{
	char *p = NULL;

	if (!pages_heap_enter(h)) {
		atomic_fetch_add_explicit(&h->busy, 1, memory_order_relaxed);
		return NULL;
	}
	if (PAGES_UNLIKELY(h->state == PAGES_HEAP_UNOPENED))
		pages_heap_open(h);
	if (h->state == PAGES_HEAP_OPEN)
		p = allocate(h, size, align, zero, ret_zero);
	else
		h->stats.declined_no_arena++;
	pages_heap_leave_quickly(h);
	return p;
}

void *
pages_heap_alloc_slowly(struct pages_heap *h, size_t size, size_t align, bool zero)
{
	struct pages_span known_zero = { 0, 0 };
	char *p = from_extents(h, size, align, zero, &known_zero);

	if (p != NULL && zero)
		pages_heap_make_zero(h, p, size, known_zero);
	return p;
}
