/* SPDX-License-Identifier: MIT */
/*
 * impl.h - functions and inline helpers that the files of src/heap share; private to them
 *
 * By file, from the bottom; each calls only files above it in this list.
 */
#ifndef PAGES_HEAP_IMPL_H
#define PAGES_HEAP_IMPL_H

#include "os/base.h"
#include "heap.h"
#include "locked.h"

/* open.c: at the first request: claim the arena, and set state to OPEN or NONE. */
void pages_heap_open(struct pages_heap *h) PAGES_LOCKED;

/* check.c --------------------------------------------------------------- */

/*
 * check() returns the first inconsistency of the books, or NULL.  With --enable-checks,
 * check_now() ends the process if there is one; else it does nothing.
 */
const char *pages_heap_check(const struct pages_heap *h) PAGES_LOCKED;
void pages_heap_check_now(struct pages_heap *h) PAGES_LOCKED;

/* "pages: ", these two, together at most 100 bytes, and abort. */
_Noreturn void pages_heap_abort(const char *what, const char *more);

/* mark.c ---------------------------------------------------------------- */

/* A block of this age is marked when it is freed: more than one tick of 4 ms. */
#define PAGES_LONG_TICKS 2

/* Begin the age of block id, which is handed out now. */
void pages_heap_note_birth(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/*
 * Without the lock: note when FREED block *e was freed, and make it muzzy if it has lived for
 * long, or else dirty.
 */
void pages_heap_note_death(struct pages_heap *h, struct pages_extent *e);

/* Set from which length on blocks are marked, by how much memory is in use. */
void pages_heap_set_mark_from(struct pages_heap *h) PAGES_LOCKED;

/* Without the lock: unmark block *e, which a front cache hands out again. */
void pages_heap_unmark(struct pages_heap *h, struct pages_extent *e);

/* Pass what is noted of the memory of block id on to its units, before it is free space. */
void pages_heap_settle(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* block.c --------------------------------------------------------------- */

/* The id of the live block at p that is not dedicated.  Ends the process if there is none. */
uint32_t pages_heap_checked(struct pages_heap *h, const void *p, const char *caller);

/*
 * Change the state of block id from state to FREED in one atomic step.  If it has another,
 * because the block was freed twice, the process ends.
 */
void pages_heap_claim(struct pages_heap *h, uint32_t id, uint32_t state, const char *caller);

/* FREED block id becomes free address space, and its memory kept memory. */
void pages_heap_release(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Pages [first, end) are free now, in free extent span: keep the units that became free. */
void pages_heap_keep(struct pages_heap *h, size_t first, size_t end,
		     struct pages_span span) PAGES_LOCKED;

/*
 * Kept units must lie in free extents, or no block is placed where they are.  So if the room
 * of block id covers any, or busy ones, cut its extent off in front of them.
 */
void pages_heap_trim_room(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Make extent id, which holds no memory, a lost one. */
void pages_heap_lose(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Block id, which is new or has grown, cannot have its memory: take it back.  See change.h. */
void pages_heap_take_back(struct pages_heap *h, const struct pages_change *c) PAGES_LOCKED;

/* lock.c ---------------------------------------------------------------- */

/*
 * Take the lock; false if it was not to be had.  enter() also does what other threads could
 * not, for want of the lock: it releases deferred frees, and settles changes.
 */
bool pages_heap_lock(struct pages_heap *h) PAGES_TRY_LOCKS;
bool pages_heap_enter(struct pages_heap *h) PAGES_TRY_LOCKS;
void pages_heap_unlock(struct pages_heap *h) PAGES_UNLOCKS;

/*
 * Without the lock: release FREED block id later, with the lock.  free_claimed() releases it
 * now, if the lock is to be had.
 */
void pages_heap_defer(struct pages_heap *h, uint32_t id);
void pages_heap_free_claimed(struct pages_heap *h, uint32_t id);

/*
 * A change for block id, or for none, with the other fields zero.  NULL if too many are under
 * way.  pages_heap_end() ends it and returns c->err; if that is set, a new block or one from a
 * front cache is free afterwards, and a live one as long as it was.
 */
struct pages_change *pages_heap_change(struct pages_heap *h, uint32_t id) PAGES_LOCKED;
int pages_heap_end(struct pages_heap *h, struct pages_change *c) PAGES_LOCKED;

/*
 * Without the lock: perform what is planned of a change, round by round.  True, and the lock is
 * held, when nothing is left or c->err is set.  False if the lock was not to be had: the next
 * thread that has it ends the change as failed.
 */
bool pages_heap_perform(struct pages_heap *h, struct pages_change *c) PAGES_TRY_LOCKS;

/* In a forked child with the lock: undo the changes of threads that are not there. */
void pages_heap_undo_changes(struct pages_heap *h) PAGES_LOCKED;

/* cache.c --------------------------------------------------------------- */

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

/* In a forked child: end reservations of front caches by threads that are not there. */
void pages_heap_reset_caches(struct pages_heap *h);

/* Requests that front caches have served, and their bytes. */
struct pages_cache_counts {
	uint64_t hits, hit_bytes;
};
struct pages_cache_counts pages_heap_count_hits(const struct pages_heap *h);

/* place.c --------------------------------------------------------------- */

/*
 * Take a live extent that fits want; used pages of it are the block, the rest is room.  No unit
 * of it is busy.  0 if there is none.
 */
uint32_t pages_heap_place(struct pages_heap *h, const struct pages_want *want,
			  uint32_t used) PAGES_LOCKED;

/* Take whole units behind all others, which hold no memory; 0 if there are none. */
uint32_t pages_heap_place_behind(struct pages_heap *h, size_t pages) PAGES_LOCKED;

/*
 * Prepare the units of block id, from page from on; c has what that needs.  True if calls have
 * to be made without the lock: release it, and call pages_heap_perform().
 */
bool pages_heap_prepare(struct pages_heap *h, struct pages_change *c, size_t from) PAGES_LOCKED;

/*
 * Lengthen block id where it is, to pages.  NULL if that is not possible; then its length is
 * unchanged.  Else a change to be performed if *ret_more, and then ended.
 */
struct pages_change *pages_heap_grow(struct pages_heap *h, uint32_t id, uint32_t pages,
				     bool *ret_more) PAGES_LOCKED;

/* Shorten block id, unless there is no record for the rest. */
void pages_heap_shorten(struct pages_heap *h, uint32_t id, uint32_t pages) PAGES_LOCKED;

/*
 * Without the lock, for the owner of FREED extent id, which is whole units: give their memory
 * back, by mapping them anew, and free them.
 */
void pages_heap_empty(struct pages_heap *h, uint32_t id);

/*
 * Cut block id, which is whole units, to keep pages; the rest becomes a FREED extent, for
 * pages_heap_empty().  Returns its id; 0 if there is nothing to cut or no record for it.
 */
uint32_t pages_heap_cut_units(struct pages_heap *h, uint32_t id, uint32_t keep) PAGES_LOCKED;

/* sparse.c -------------------------------------------------------------- */

/* Callocs of this size or more are tested for zero pages when they are freed. */
#define PAGES_SPARSE_FROM PAGES_MIB(8)

/* Is a calloc of size bytes expected to stay sparse? */
bool pages_heap_expects_sparse(struct pages_heap *h, size_t size);

/* Take the sparse block that waits for such a calloc, or 0; its contents are left. */
uint32_t pages_heap_take_waiting(struct pages_heap *h, size_t pages) PAGES_LOCKED;

/*
 * Without the lock, for the owner of sparse block id: clear it, unless it is fresh.  Returns how
 * many bytes were cleared.
 */
size_t pages_heap_clear_sparse(struct pages_heap *h, uint32_t id, bool fresh);

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

/* purge.c --------------------------------------------------------------- */

/* Release the lock; then, without it, purge decayed, excess and dirty units. */
void pages_heap_leave(struct pages_heap *h) PAGES_UNLOCKS;

/* The same, but unless there is excess memory it looks for the rest in one of 64 calls. */
void pages_heap_leave_quickly(struct pages_heap *h) PAGES_UNLOCKS;

/* Without the lock: release FREED block id, or defer that; then do what is overdue. */
void pages_heap_free_slowly(struct pages_heap *h, uint32_t id);

/* dedicated.c, advice.c ------------------------------------------------- */

/* pages_heap_free() and pages_heap_usable() for a p that is no ordinary block. */
bool pages_heap_free_dedicated(struct pages_heap *h, void *p);
size_t pages_heap_usable_dedicated(const struct pages_heap *h, const void *p);

/* In a forked child that has the lock: close the holes where it did not inherit a block. */
void pages_heap_close_holes(struct pages_heap *h);

/* Helpers. -------------------------------------------------------------- */

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
	return pages > pages_heap_pages(h, h->memory) || pages > h->extents.pages;
}

/* The id of the block in this state at address p, or 0. */
static inline uint32_t
pages_heap_find(const struct pages_heap *h, const void *p, enum pages_extent_state state)
{
	size_t offset = (size_t)((const char *)p - h->arena.base);

	if ((offset & (h->arena.page_size - 1)) != 0)
		return 0;
	return pages_extents_find(&h->extents, offset >> h->arena.page_shift, state);
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

/* The units of an extent that begins and ends with one. */
static inline struct pages_unit_run
pages_heap_units_of(const struct pages_heap *h, const struct pages_extent *e)
{
	size_t first = pages_heap_unit_down(h, e->first);

	return (struct pages_unit_run){ first, pages_heap_unit_down(h, e->first + e->count) - first };
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
