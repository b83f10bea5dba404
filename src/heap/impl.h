/* SPDX-License-Identifier: MIT */
/*
 * impl.h - what the files of this folder share; for nobody else
 */
#ifndef PAGES_HEAP_IMPL_H
#define PAGES_HEAP_IMPL_H

#include "os/base.h"
#include "heap.h"
#include "locked.h"

/* Once: reserve the arena; state says whether there is one. */
void pages_heap_open(struct pages_heap *h) PAGES_LOCKED;

/*
 * The lock; false if it cannot be had.  enter() also frees what could not be freed for
 * want of it.
 */
bool pages_heap_lock(struct pages_heap *h) PAGES_TRY_LOCKS;
bool pages_heap_enter(struct pages_heap *h) PAGES_TRY_LOCKS;
void pages_heap_unlock(struct pages_heap *h) PAGES_UNLOCKS;

/* What does not agree in the books, or NULL.  Ends the process with --enable-checks. */
const char *pages_heap_check(const struct pages_heap *h) PAGES_LOCKED;
void pages_heap_check_now(struct pages_heap *h) PAGES_LOCKED;

/*
 * Really free the blocks that wait in pockets.  Whoever looks at
 * extents or units as a whole does this first.
 */
void pages_heap_flush_caches(struct pages_heap *h) PAGES_LOCKED;

/*
 * The block in this thread's pocket, parting still, or 0; the other
 * pockets are emptied.
 */
uint32_t pages_heap_claim_cached(struct pages_heap *h) PAGES_LOCKED;

/* Without the lock: a block that is in no pocket. */
void *pages_heap_alloc_slowly(struct pages_heap *h, size_t size, size_t align, bool zero);

/* Without the lock, for its owner: make block p zero but for the pages that are known to be. */
void pages_heap_make_zero(struct pages_heap *h, char *p, size_t size, struct pages_span known);

/* In a forked child: who was busy with a pocket is not here. */
void pages_heap_reset_caches(struct pages_heap *h);

/* What the pockets did. */
struct pages_cache_counts {
	uint64_t hits, hit_bytes;
};
struct pages_cache_counts pages_heap_count_hits(const struct pages_heap *h);

/* The record of a parting block becomes free address space. */
void pages_heap_release(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

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

/*
 * What is noted about a live or parting block: when it was handed out, or the last
 * time before that, in ticks, and what became of its memory.
 */
enum {
	PAGES_NOTE_MUZZY = 1,	/* its memory is left to the kernel */
	PAGES_NOTE_DIRTY = 2,	/* it is not, and was written to */
	PAGES_NOTE_CALLOC = 4,	/* it is worth a look whether it stayed zero */
	PAGES_NOTE_SPARSE = 8,	/* small pages, in units of its own */
	PAGES_NOTE_HOLE = 16,	/* the same, and a part of its place is not to be used again */
	PAGES_NOTE_BITS = 5,
};

/* Block id is handed out just now. */
void pages_heap_note_birth(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Blocks of less have not much that can be marked: they always soil. */
#define PAGES_MARK_FROM (2 * PAGES_UNIT)

static inline bool
pages_heap_is_short(const struct pages_heap *h, const struct pages_extent *e)
{
	return (size_t)e->used << h->arena.page_shift < PAGES_MARK_FROM;
}

/* Ticks since a note was made, in the bits that it has room for. */
static inline uint32_t
pages_note_age(uint32_t note, uint32_t now)
{
	return ((now << PAGES_NOTE_BITS) - note) >> PAGES_NOTE_BITS;
}

/* So many are a long life: ticks are 4 ms, these more than one of them, and up to two. */
#define PAGES_LONG_TICKS 2

/*
 * Without the lock: leave the memory of a parting block that lived for long to the
 * kernel, and note whether that was possible.
 */
void pages_heap_mark(struct pages_heap *h, struct pages_extent *e);

/* Without the lock: block *e, which was marked so, is handed out again as it is. */
void pages_heap_unmark(struct pages_heap *h, struct pages_extent *e);

/* A calloc of so many bytes is worth a look whether it stayed sparse. */
#define PAGES_SPARSE_FROM PAGES_MIB(8)

/* Is one of size bytes expected to? */
bool pages_heap_expects_sparse(struct pages_heap *h, size_t size);

/* A block for a calloc that is expected to stay sparse; or 0. */
uint32_t pages_heap_take_sparse(struct pages_heap *h, size_t pages, struct pages_span *ret_zero) PAGES_LOCKED;

/* Without the lock, for its new owner: make block id zero, of which *zero is known to be so. */
size_t pages_heap_clear_sparse(struct pages_heap *h, uint32_t id, struct pages_span zero);

/*
 * Without the lock: block id, which is parting, came from a large calloc.  Returns it, or
 * 0 if it is taken care of.
 */
uint32_t pages_heap_free_calloc(struct pages_heap *h, uint32_t id);

/*
 * Without the lock: its owner treats block id as any other from now on; false if that
 * cannot be, now.
 */
bool pages_heap_make_dense(struct pages_heap *h, uint32_t id);

/* That block counts as freed and kept. */
void pages_heap_count_waiting(const struct pages_heap *h, struct pages_stats *st) PAGES_LOCKED;

/*
 * Without the lock: free the sparse block that waits for the next calloc, if there is one.
 * Returns how many bytes went back to the kernel.
 */
size_t pages_heap_drop_sparse(struct pages_heap *h);

/* Tell the units what is noted about block id. */
void pages_heap_settle(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Have so many free units been soiled that they should be marked? */
static inline bool
pages_heap_is_dirty(struct pages_heap *h) PAGES_LOCKED
{
	enum { UNITS = 8 };

	return h->units.dirty > UNITS && atomic_load_explicit(&h->marking, memory_order_relaxed);
}

/* Release the lock; then, without it, give back what is overdue. */
void pages_heap_leave(struct pages_heap *h) PAGES_UNLOCKS;

/* The same, but looks at the clock only now and then. */
void pages_heap_leave_quickly(struct pages_heap *h) PAGES_UNLOCKS;

/*
 * A live extent for want, committed as far as it is used.  Returns
 * its id, or 0 and in *ret_why the counter of the reason.
 */
uint32_t pages_heap_place(struct pages_heap *h, const struct pages_want *want, uint32_t used,
			  uint64_t **ret_why) PAGES_LOCKED;

/*
 * Make block id, which nobody else knows, pages pages long where it is;
 * false if it cannot be, and then its size is unchanged.
 */
bool pages_heap_refit(struct pages_heap *h, uint32_t id, uint32_t pages) PAGES_LOCKED;

/* Keep the units that became free when pages [first, end) joined span. */
void pages_heap_keep(struct pages_heap *h, size_t first, size_t end, struct pages_span span) PAGES_LOCKED;

/*
 * Without the lock: give back kept units until leave_units are left; or mark those that
 * are soiled.  Returns the bytes.
 */
size_t pages_heap_purge(struct pages_heap *h, enum pages_which which, size_t leave_units);

/* Without the lock: extent id, taken for a sweep, is swept; what became of its memory. */
void pages_heap_purged(struct pages_heap *h, uint32_t id, enum pages_fate fate);

/*
 * When units are broken: free extent id, or the room of block id, of
 * which units were held up to page end; but for the hole, which nobody gets again.
 * Room is cut off, for which there has to be a record.
 */
void pages_heap_lose_place(struct pages_heap *h, uint32_t id) PAGES_LOCKED;
void pages_heap_lose_room(struct pages_heap *h, uint32_t id, size_t end) PAGES_LOCKED;

/* Is it time to give back what is old?  Says so once. */
bool pages_heap_purge_due(struct pages_heap *h) PAGES_LOCKED;

/* The record of a live block whose address is p, or 0: it is apart, or there is none. */
uint32_t pages_heap_find(const struct pages_heap *h, const void *p);

/* The same; ends the process if there is none. */
uint32_t pages_heap_checked(struct pages_heap *h, const void *p, const char *caller);

/* Block id is no longer live. */
void pages_heap_count_gone(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* What heap.c leaves to dedicated.c once p is no ordinary block. */
void pages_heap_free_dedicated(struct pages_heap *h, void *p);
size_t pages_heap_usable_dedicated(const struct pages_heap *h, const void *p);

/* The record of a renewed extent becomes free address space. */
void pages_heap_release_dedicated(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Extent id, which holds no memory, goes to nobody any more. */
void pages_heap_lose(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* In a forked child, which owns the lock: what it did not inherit is no hole either. */
void pages_heap_close_holes(struct pages_heap *h);

static inline size_t
pages_heap_pages(const struct pages_heap *h, size_t size)
{
	size_t page = h->arena.page_size;

	return size == 0 ? 1 : (size + page - 1) >> h->arena.page_shift;
}

/* More than the machine, or the arena, could ever hold? */
static inline bool
pages_heap_is_too_long(const struct pages_heap *h, size_t pages)
{
	return pages > pages_heap_pages(h, h->memory) || pages > h->extents.pages;
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
pages_heap_count_live(struct pages_heap *h, size_t plus_pages, size_t minus_pages) PAGES_LOCKED
{
	struct pages_stats *st = &h->stats;

	st->live_bytes += plus_pages << h->arena.page_shift;
	st->live_bytes -= minus_pages << h->arena.page_shift;
	if (st->live_bytes > st->peak_live_bytes)
		st->peak_live_bytes = st->live_bytes;
}

#endif /* PAGES_HEAP_IMPL_H */
