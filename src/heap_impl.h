/* SPDX-License-Identifier: MIT */
/*
 * heap_impl.h - what the parts of the heap (heap*.c) share; for them only
 */
#ifndef PAGES_HEAP_IMPL_H
#define PAGES_HEAP_IMPL_H

#include "base.h"
#include "heap.h"

/* With the lock, once: reserve the arena; state says whether there is one. */
void pages_heap_open(struct pages_heap *h);

/* Take the lock and do what was left undone for want of it; false if it cannot be had. */
bool pages_heap_enter(struct pages_heap *h);

/*
 * With the lock: really free the blocks that wait in pockets.  Whoever looks at
 * extents or units as a whole does this first.
 */
void pages_heap_empty_pockets(struct pages_heap *h);

/* Without the lock: the block in this thread's pocket, live again, if it is so long; or 0. */
uint32_t pages_heap_take_pocket(struct pages_heap *h, size_t size);

/*
 * Without the lock: block id, which is parting, goes to this thread's pocket.  Returns
 * the block to free in its place, or 0.
 */
uint32_t pages_heap_put_pocket(struct pages_heap *h, uint32_t id);

/* In a forked child: who was busy with a pocket is not here. */
void pages_heap_reset_pockets(struct pages_heap *h);

/* What the pockets did. */
struct pages_pocket_counts {
	uint64_t hits, hit_bytes;
};
struct pages_pocket_counts pages_heap_count_pockets(struct pages_heap *h);

/* With the lock: the record of a parting block becomes free address space. */
void pages_heap_release(struct pages_heap *h, uint32_t id);

/*
 * Take block id out of its owner's hands in one step, so that of two threads that
 * free it one finds it gone.  Its state is PARTING or HOLLOW from now on.
 */
void pages_heap_claim(struct pages_heap *h, uint32_t id, uint32_t state, const char *caller);

/*
 * Without the lock: a claimed block becomes free space, at once or as soon as may be.
 * Not by way of the pocket, which promises that the memory is there: a hollow one has
 * moved away, in whole or in part.
 */
void pages_heap_free_claimed(struct pages_heap *h, uint32_t id);

/* Release the lock; then, without it, give back what is overdue. */
void pages_heap_leave(struct pages_heap *h);

/* The same, but looks at the clock only now and then. */
void pages_heap_leave_quickly(struct pages_heap *h);

/*
 * With the lock: a live extent for want, committed as far as it is used.  Returns
 * its id, or 0 and in *ret_why the counter of the reason.
 */
uint32_t pages_heap_place(struct pages_heap *h, const struct pages_want *want, uint32_t used,
			  uint64_t **ret_why);

/* With the lock: keep the units that became free when pages [first, end) joined span. */
void pages_heap_keep(struct pages_heap *h, size_t first, size_t end, struct pages_span span);

/*
 * Without the lock: give back kept units, of the old ones only if so asked, until
 * leave_units are left.  Returns the bytes given back.
 */
size_t pages_heap_sweep(struct pages_heap *h, bool old, size_t leave_units);

/* Without the lock: extent id, taken for a sweep, is swept; its memory is gone or not. */
void pages_heap_swept(struct pages_heap *h, uint32_t id, bool dropped);

/* With the lock: is it time to give back what is old?  Says so once. */
bool pages_heap_sweep_due(struct pages_heap *h);

/* The record of a live block whose address is p, or 0: it is apart, or there is none. */
uint32_t pages_heap_find(const struct pages_heap *h, const void *p);

/* The same; ends the process if there is none. */
uint32_t pages_heap_checked(struct pages_heap *h, const void *p, const char *caller);

/* With the lock: block id is no longer live. */
void pages_heap_count_gone(struct pages_heap *h, uint32_t id);

/* What heap.c leaves to heap_apart.c once p is no ordinary block. */
void pages_heap_free_apart(struct pages_heap *h, void *p);
size_t pages_heap_usable_apart(const struct pages_heap *h, const void *p);

/* With the lock: the record of a renewed extent becomes free address space. */
void pages_heap_release_apart(struct pages_heap *h, uint32_t id);

/* In a forked child, which owns the lock: what it did not inherit is no hole either. */
void pages_heap_close_holes(struct pages_heap *h);

static inline size_t
pages_heap_pages(const struct pages_heap *h, size_t size)
{
	size_t page = h->arena.page_size;

	return size == 0 ? 1 : (size + page - 1) >> h->arena.page_shift;
}

static inline char *
pages_heap_address(const struct pages_heap *h, size_t page)
{
	return h->arena.base + (page << h->arena.page_shift);
}

/* Pages in a unit, and the units that [first, end) of pages overlaps or contains. */
static inline size_t
pages_heap_unit_pages(const struct pages_heap *h)
{
	return PAGES_UNIT >> h->arena.page_shift;
}

static inline size_t
pages_heap_unit_down(const struct pages_heap *h, size_t page)
{
	return page / pages_heap_unit_pages(h);
}

static inline size_t
pages_heap_unit_up(const struct pages_heap *h, size_t page)
{
	return (page + pages_heap_unit_pages(h) - 1) / pages_heap_unit_pages(h);
}

static inline void
pages_heap_count_live(struct pages_heap *h, size_t plus_pages, size_t minus_pages)
{
	struct pages_stats *st = &h->stats;

	st->live_bytes += plus_pages << h->arena.page_shift;
	st->live_bytes -= minus_pages << h->arena.page_shift;
	if (st->live_bytes > st->peak_live_bytes)
		st->peak_live_bytes = st->live_bytes;
}

#endif /* PAGES_HEAP_IMPL_H */
