/* SPDX-License-Identifier: MIT */
/*
 * impl.h - functions and inline helpers that the files of src/heap share; private to them
 */
#ifndef PAGES_HEAP_IMPL_H
#define PAGES_HEAP_IMPL_H

#include "os/base.h"
#include "heap.h"
#include "locked.h"

/* At the first request: reserve the arena, and set state to OPEN or NONE. */
void pages_heap_open(struct pages_heap *h) PAGES_LOCKED;

/*
 * Take the lock; false if it was not to be had.  enter() also releases the deferred frees.
 */
bool pages_heap_lock(struct pages_heap *h) PAGES_TRY_LOCKS;
bool pages_heap_enter(struct pages_heap *h) PAGES_TRY_LOCKS;
void pages_heap_unlock(struct pages_heap *h) PAGES_UNLOCKS;

/*
 * check() returns the first inconsistency of the books, or NULL.  With --enable-checks,
 * check_now() ends the process if there is one; else it does nothing.
 */
const char *pages_heap_check(const struct pages_heap *h) PAGES_LOCKED;
void pages_heap_check_now(struct pages_heap *h) PAGES_LOCKED;

/* "pages: ", these two, together at most 100 bytes, and abort. */
_Noreturn void pages_heap_abort(const char *what, const char *more);

/*
 * Release the blocks in all front caches.  To be called before a search for free extents or
 * kept units, which would not find these blocks.
 */
void pages_heap_flush_caches(struct pages_heap *h) PAGES_LOCKED;

/*
 * Take the block out of this thread's front cache, and flush the other caches.  Returns its
 * id (its state stays FREED), or 0.
 */
uint32_t pages_heap_claim_cached(struct pages_heap *h) PAGES_LOCKED;

/* Without the lock: allocate a block that is not in a front cache. */
void *pages_heap_alloc_slowly(struct pages_heap *h, size_t size, size_t align, bool zero);

/* Without the lock, for the owner of block p: clear it, except for the pages known to be zero. */
void pages_heap_make_zero(struct pages_heap *h, char *p, size_t size, struct pages_span known);

/* In a forked child: end reservations of front caches by threads that are not there. */
void pages_heap_reset_caches(struct pages_heap *h);

/* Requests that front caches have served, and their bytes. */
struct pages_cache_counts {
	uint64_t hits, hit_bytes;
};
struct pages_cache_counts pages_heap_count_hits(const struct pages_heap *h);

/* An extent that its owner has freed, or that was purged, becomes free address space, or lost. */
void pages_heap_release(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/*
 * Change the state of block id from LIVE to FREED or HOLLOW in one atomic step.  If it is not
 * LIVE, because it was freed twice, the process ends.
 */
void pages_heap_claim(struct pages_heap *h, uint32_t id, uint32_t state, const char *caller);

/*
 * Without the lock: release a claimed block, now or, if the lock is not to be had, as a
 * deferred free.  It skips the front cache, which must not get a HOLLOW block: some of the
 * units of that have moved away.
 */
void pages_heap_free_claimed(struct pages_heap *h, uint32_t id);

/*
 * The note of a LIVE or FREED block: flags, and above them the tick from which its age counts.
 * That is when the block was allocated, or last freed if it came from a front cache.
 */
enum {
	PAGES_NOTE_MUZZY = 1,	/* the units wholly inside it are marked */
	PAGES_NOTE_DIRTY = 2,	/* it was written to, and its units are to be marked */
	PAGES_NOTE_CALLOC = 4,	/* a large calloc: when freed, look whether it stayed zero */
	PAGES_NOTE_SPARSE = 8,	/* a sparse block: small pages, whole units of its own */
	PAGES_NOTE_HOLE = 16,	/* the same, and its extent is lost when it is freed */
	PAGES_NOTE_BITS = 5,
};

/* Begin the age of block id, which is handed out now. */
void pages_heap_note_birth(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/*
 * Shorter blocks have few units wholly inside, so marking each would gain little: their units
 * become dirty at every free, and are marked by a purge.
 */
#define PAGES_MARK_FROM (2 * PAGES_UNIT)

static inline bool
pages_heap_is_short(const struct pages_heap *h, const struct pages_extent *e)
{
	return (size_t)e->used << h->arena.page_shift < PAGES_MARK_FROM;
}

/* Ticks since a note was made, modulo what fits into a note. */
static inline uint32_t
pages_note_age(uint32_t note, uint32_t now)
{
	return ((now << PAGES_NOTE_BITS) - note) >> PAGES_NOTE_BITS;
}

/* A block of this age is marked: it has lived for more than one tick of 4 ms. */
#define PAGES_LONG_TICKS 2

/*
 * Without the lock: make the memory of block *e muzzy, which is FREED and has lived for long.
 * Notes MUZZY, or DIRTY if it cannot be marked.
 */
void pages_heap_mark(struct pages_heap *h, struct pages_extent *e);

/* Without the lock: unmark block *e, which a front cache hands out again. */
void pages_heap_unmark(struct pages_heap *h, struct pages_extent *e);

/* Callocs of this size or more are tested for zero pages when they are freed. */
#define PAGES_SPARSE_FROM PAGES_MIB(8)

/* Is a calloc of size bytes expected to stay sparse? */
bool pages_heap_expects_sparse(struct pages_heap *h, size_t size);

/* Take a sparse block for a calloc, if that is expected to stay sparse; or 0. */
uint32_t pages_heap_take_sparse(struct pages_heap *h, size_t pages,
				struct pages_span *ret_zero) PAGES_LOCKED;

/*
 * Without the lock, for the owner of sparse block id: clear it, unless it is known to be zero.
 * Returns how many bytes were cleared.
 */
size_t pages_heap_clear_sparse(struct pages_heap *h, uint32_t id, struct pages_span zero);

/*
 * Without the lock: take note of how much of block id, a FREED large calloc, was written to.
 * Returns id, or 0 if it was a sparse block, which then waits for the next calloc or is gone.
 */
uint32_t pages_heap_free_calloc(struct pages_heap *h, uint32_t id);

/*
 * Without the lock, for its owner: turn block id into an ordinary one if it is sparse, so that
 * it can be resized.  False if that is not possible.
 */
bool pages_heap_make_dense(struct pages_heap *h, uint32_t id);

/* Count the sparse block that waits for the next calloc as freed, and its memory as kept. */
void pages_heap_count_waiting(const struct pages_heap *h, struct pages_stats *st) PAGES_LOCKED;

/*
 * Without the lock: free the sparse block that waits, if there is one.  Returns how many bytes
 * went back to the kernel.
 */
size_t pages_heap_drop_sparse(struct pages_heap *h);

/* Pass the DIRTY, MUZZY and SPARSE notes of block id on to its units, before it is free space. */
void pages_heap_settle(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Are so many kept units dirty that a purge should mark them? */
static inline bool
pages_heap_is_dirty(struct pages_heap *h) PAGES_LOCKED
{
	enum { UNITS = 8 };

	return h->units.dirty > UNITS && atomic_load_explicit(&h->marking, memory_order_relaxed);
}

/* Release the lock; then, without it, purge decayed, excess and dirty units. */
void pages_heap_leave(struct pages_heap *h) PAGES_UNLOCKS;

/* The same, but unless there is excess or dirty memory it reads the clock in one of 64 calls. */
void pages_heap_leave_quickly(struct pages_heap *h) PAGES_UNLOCKS;

/*
 * Take a live extent that fits want, and commit the used part.  Returns its id; or 0, and in
 * *ret_why the counter of declined requests that the caller should increment.
 */
uint32_t pages_heap_place(struct pages_heap *h, const struct pages_want *want, uint32_t used,
			  uint64_t **ret_why) PAGES_LOCKED;

/*
 * Give block id, which no other thread can reach, a length of pages where it is.  False if that
 * is not possible; then its length is unchanged.
 */
bool pages_heap_refit(struct pages_heap *h, uint32_t id, uint32_t pages) PAGES_LOCKED;

/* Pages [first, end) are free now, in free extent span: keep the units that became free. */
void pages_heap_keep(struct pages_heap *h, size_t first, size_t end,
		     struct pages_span span) PAGES_LOCKED;

/*
 * Without the lock: purge such units until leave_units are kept.  PAGES_DIRTY units are
 * marked, others are given back.  Returns the bytes that were purged.
 */
size_t pages_heap_purge(struct pages_heap *h, enum pages_which which, size_t leave_units);

/* Without the lock: release PURGING extent id; fate is what the purge did to its units. */
void pages_heap_purged(struct pages_heap *h, uint32_t id, enum pages_fate fate);

/*
 * When a move has left a hole, make that a lost extent.  lose_place() frees the rest of extent
 * id; lose_room() frees the rest of block id's room, which was held up to page end.  The latter
 * needs a record: see pages_extents_can_cut().
 */
void pages_heap_lose_place(struct pages_heap *h, uint32_t id) PAGES_LOCKED;
void pages_heap_lose_room(struct pages_heap *h, uint32_t id, size_t end) PAGES_LOCKED;

/* Is it time to purge old units?  True once in each interval. */
bool pages_heap_purge_due(struct pages_heap *h) PAGES_LOCKED;

/* The id of the live block at address p, or 0: it is dedicated, or there is none. */
uint32_t pages_heap_find(const struct pages_heap *h, const void *p);

/* The same; ends the process instead of returning 0. */
uint32_t pages_heap_checked(struct pages_heap *h, const void *p, const char *caller);

/* Count block id as freed. */
void pages_heap_count_gone(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* pages_heap_free() and pages_heap_usable() for a p that is no ordinary block. */
void pages_heap_free_dedicated(struct pages_heap *h, void *p);
size_t pages_heap_usable_dedicated(const struct pages_heap *h, const void *p);

/* RENEWED extent id becomes free address space; lost, if it could not be mapped anew. */
void pages_heap_release_dedicated(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Make extent id, which holds no memory, a lost one. */
void pages_heap_lose(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* In a forked child that has the lock: close the holes where it did not inherit a block. */
void pages_heap_close_holes(struct pages_heap *h);

static inline size_t
pages_heap_pages(const struct pages_heap *h, size_t size)
{
	size_t page = h->arena.page_size;

	return size == 0 ? 1 : (size + page - 1) >> h->arena.page_shift;
}

/* Is a block longer than the machine's memory, or the arena? */
static inline bool
pages_heap_is_too_long(const struct pages_heap *h, size_t pages)
{
	return pages > pages_heap_pages(h, h->memory) ||
	       pages > __atomic_load_n(&h->extents.pages, __ATOMIC_RELAXED);
}

static inline char *
pages_heap_address(const struct pages_heap *h, size_t page)
{
	return h->arena.base + (page << h->arena.page_shift);
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
