/* SPDX-License-Identifier: MIT */
/*
 * impl.h - what all files of src/heap share; private to them
 */
#ifndef PAGES_HEAP_IMPL_H
#define PAGES_HEAP_IMPL_H

#include "os/base.h"
#include "abort.h"
#include "heap.h"
#include "locked.h"
#include "poison.h"

/* facts.c: fill h->facts; only once, because later a sandbox may forbid to ask. */
void pages_heap_learn(struct pages_heap *h) PAGES_LOCKED;

/* open.c: at the first request: claim the arena, and set state to OPEN or NONE. */
void pages_heap_open(struct pages_heap *h) PAGES_LOCKED;

/*
 * check() returns the first inconsistency of the books, or NULL.  With --enable-checks,
 * check_now() ends the process if there is one; else it does nothing.
 */
const char *pages_heap_check(const struct pages_heap *h) PAGES_LOCKED;
void pages_heap_check_now(struct pages_heap *h) PAGES_LOCKED;

/* Lengths, addresses and units. ------------------------------------------- */

static inline size_t
pages_heap_pages(const struct pages_heap *h, size_t size)
{
	size_t page = h->arena.page_size;

	return size == 0 ? 1 : (size + page - 1) >> h->arena.page_shift;
}

/* How many pages a block has that may have any colour. */
static inline size_t
pages_heap_pages_coloured(const struct pages_heap *h, size_t size)
{
	return pages_heap_pages(h, h->options.colours ? size + PAGES_COLOUR_ROOM : size);
}

/* How far behind the start of its first page block e begins. */
static inline size_t
pages_heap_offset(const struct pages_extent *e)
{
	return (size_t)e->colour * PAGES_COLOUR_BYTES;
}

/* Usable bytes of block e if it has so many pages. */
static inline size_t
pages_heap_length(const struct pages_heap *h, const struct pages_extent *e, size_t pages)
{
	return (pages << h->arena.page_shift) - pages_heap_offset(e);
}

/* Is a block longer than the machine's memory, or the arena? */
static inline bool
pages_heap_is_too_long(const struct pages_heap *h, size_t pages)
{
	return pages > pages_heap_pages(h, h->memory) || pages > h->extents.pages;
}

/* The id of the block in this state at address p, or 0. */
static inline uint32_t
pages_heap_find(const struct pages_heap *h, const void *p, enum pages_extent_state state)
{
	size_t offset = (size_t)((const char *)p - h->arena.base);
	uint32_t id = pages_extents_find(&h->extents, offset >> h->arena.page_shift, state);

	if ((offset & (h->arena.page_size - 1)) != pages_heap_offset(&h->extents.node[id]))
		return 0;
	return id;
}

static inline char *
pages_heap_address(const struct pages_heap *h, size_t page)
{
	return h->arena.base + (page << h->arena.page_shift);
}

/* The address of block e. */
static inline char *
pages_heap_block(const struct pages_heap *h, const struct pages_extent *e)
{
	return pages_heap_address(h, e->first) + pages_heap_offset(e);
}

/* Block e, or pages [first, end), belong to the program now, or not any more: poison.h. */
static inline void
pages_heap_hand_out(const struct pages_heap *h, const struct pages_extent *e)
{
	pages_unpoison(pages_heap_address(h, e->first), (size_t)e->used << h->arena.page_shift);
}

static inline void
pages_heap_take_in(const struct pages_heap *h, size_t first, size_t end)
{
	pages_poison(pages_heap_address(h, first), (end - first) << h->arena.page_shift);
}

/*
 * Pages in a unit, and the unit that page lies in or the next that begins at or after it.
 * Pages [first, end) overlap units [down(first), up(end)) and contain [up(first), down(end)).
 */
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

/* The units of an extent that begins and ends with one. */
static inline struct pages_unit_run
pages_heap_units_of(const struct pages_heap *h, const struct pages_extent *e)
{
	size_t first = pages_heap_unit_down(h, e->first);

	return (struct pages_unit_run){ first, pages_heap_unit_down(h, e->first + e->count) - first };
}

/* The next run of kept units from that one on; its count is 0 if there is none. */
static inline struct pages_unit_run
pages_heap_next_kept(const struct pages_heap *h, size_t from) PAGES_LOCKED
{
	return pages_units_kept(&h->units, from, h->units.count, PAGES_ALL);
}

/* After units were mapped or unmapped: the heap owns what lies below the end of the last one. */
static inline void
pages_heap_set_reach(struct pages_heap *h) PAGES_LOCKED
{
	atomic_store_explicit(&h->len, h->units.mapped_end * PAGES_UNIT, memory_order_relaxed);
}

static inline void
pages_heap_count_live(struct pages_heap *h, size_t plus_pages, size_t minus_pages) PAGES_LOCKED
{
	struct pages_stats *st = &h->stats;

	st->live_bytes += plus_pages << h->arena.page_shift;
	st->live_bytes -= minus_pages << h->arena.page_shift;
	if (st->live_bytes > st->peak_live_bytes)
		st->peak_live_bytes = st->live_bytes;
}

/* Where threads count that do not hold the lock. */
static inline struct pages_other_counts *
pages_heap_other_counts(struct pages_heap *h)
{
	struct pages_record_slot *s = atomic_load_explicit(&h->slot, memory_order_acquire);

	return s != NULL ? &s->other : &h->own;
}

/* A request is declined because the lock was not to be had. */
static inline void
pages_heap_count_busy(struct pages_heap *h)
{
	atomic_fetch_add_explicit(&pages_heap_other_counts(h)->busy, 1, memory_order_relaxed);
}

#endif /* PAGES_HEAP_IMPL_H */
