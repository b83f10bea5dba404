/* SPDX-License-Identifier: MIT */
/*
 * purge.c - gives kept memory and unused address space back to the kernel
 */
#include <stdlib.h>

#include "block.h"
#include "cache.h"
#include "lock.h"
#include "mark.h"
#include "purge.h"
#include "sparse.h"
#include "os/bits.h"
#include "os/os.h"

#define PACE_MIN_MS 50

/* What a call purges that should take no more than about a millisecond. */
#define BRIEF_UNITS ((size_t)32)

/*
 * When more than DIRTY_FEW kept units are dirty, a purge every 32 ms marks those that were so
 * at the last one: memory that is soon used again is worth no marking.  Dirty units beyond
 * DIRTY_MOST and half of what is held are marked at once: a program that frees all it has may
 * make no more calls.  But as many as were used again since the last purge may stay dirty, or
 * a program that frees all and allocates it again, in turn, would have all marked each time.
 */
enum { DIRTY_FEW = 8, DIRTY_MOST = 14, DIRTY_TICKS = 8 };

/*
 * Decay has steps: each purge that is due gives back what has become old, and makes all others
 * older.  So a unit stays for three to four of these intervals, on average for retain_ms, and
 * never more than a seventh less or more than that.
 */
static uint64_t
purge_interval_ms(const struct pages_heap *h)
{
	return (uint64_t)h->options.retain_ms * 2 / (2 * PAGES_AGES + 1);
}

/* How long ago was the last purge of old units? */
static uint64_t
since_purge_ms(const struct pages_heap *h)
{
	return pages_os_now_ms() - atomic_load_explicit(&h->last_purge, memory_order_relaxed);
}

/* Is it time to purge old units?  True once in each interval. */
static bool
is_due(struct pages_heap *h) PAGES_LOCKED
{
	if (h->units.kept == 0 && atomic_load_explicit(&h->sparse_block, memory_order_relaxed) == 0)
		return false;
	if (PAGES_UNLIKELY(atomic_load_explicit(&h->units.keeps_all, memory_order_relaxed)))
		return false;
	if (since_purge_ms(h) < purge_interval_ms(h))
		return false;
	atomic_store_explicit(&h->last_purge, pages_os_now_ms(), memory_order_relaxed);
	return true;
}

/* Plan to purge runs of such units, at most max units in all. */
static void
take_kept(struct pages_heap *h, enum pages_which which, size_t max,
	  struct pages_change *c) PAGES_LOCKED
{
	bool mark = which == PAGES_DIRTY || which == PAGES_STALE;
	enum pages_step_kind kind = mark ? PAGES_STEP_MARK : PAGES_STEP_DROP;
	struct pages_unit_run run = { 0, 0 };

	while (max > 0 && c->steps < PAGES_STEPS) {
		run = pages_units_kept(&h->units, run.first + run.count, h->units.count, which);
		run.count = pages_min(run.count, max);
		if (run.count == 0)
			break;
		pages_change_take(&h->units, c, kind, run);
		max -= run.count;
	}
}

/* Plan to unmap runs of units that are not in use, the highest first, at most max units. */
static void
take_unused(struct pages_heap *h, size_t max, struct pages_change *c) PAGES_LOCKED
{
	struct pages_units *u = &h->units;
	size_t end = u->mapped_end;

	while (max > 0 && c->steps < PAGES_STEPS && end > 0) {
		size_t first = end;

		for (; first > 0 && end - first < max; first--)
			if (!pages_bits_test(u->mapped_bits, first - 1) ||
			    pages_bits_test(u->held_bits, first - 1) ||
			    pages_bits_test(u->busy_bits, first - 1))
				break;
		if (first < end) {
			pages_change_take(u, c, PAGES_STEP_UNMAP,
					  (struct pages_unit_run){ first, end - first });
			max -= end - first;
		}
		end = first > 0 ? first - 1 : 0;
	}
	pages_heap_set_reach(h);
}

/*
 * Without the lock: purge units of that kind until leave_units are kept, at most max.  Dirty and
 * stale ones are marked, others are given back.  What is freed meanwhile, by other threads or by a
 * hook of the system calls, does not make it any longer.  Returns the bytes that were purged.
 */
static size_t
purge_some(struct pages_heap *h, enum pages_which which, size_t leave_units, size_t max)
{
	size_t bytes = 0, done = 1, most = SIZE_MAX;

	while (done != 0 && bytes < max * PAGES_UNIT && pages_heap_enter(h)) {
		struct pages_change *c = pages_heap_change(h, 0);

		most = pages_min(most, h->units.kept - pages_min(h->units.kept, leave_units));
		if (c != NULL && most > 0)
			take_kept(h, which, pages_min(most, max - bytes / PAGES_UNIT), c);
		if (c == NULL || c->steps == 0) {
			if (which == PAGES_OLD)
				pages_units_age(&h->units);
			if (which == PAGES_STALE)
				pages_units_age_dirty(&h->units);
			if (c != NULL)
				(void)pages_heap_end(h, c);
			pages_heap_unlock(h);
			break;
		}
		pages_heap_unlock(h);
		if (!pages_heap_perform(h, c))
			break;
		done = c->done;
		(void)pages_heap_end(h, c);
		pages_heap_unlock(h);
		if (done == 0 && (which == PAGES_DIRTY || which == PAGES_STALE))
			atomic_store_explicit(&h->marking, false, memory_order_relaxed);
		bytes += done * PAGES_UNIT;
		most -= done;
	}
	return bytes;
}

static size_t
purge(struct pages_heap *h, enum pages_which which, size_t leave_units)
{
	return purge_some(h, which, leave_units, SIZE_MAX / PAGES_UNIT);
}

/* Leaving. ---------------------------------------------------------------- */

/* Which dirty units are to be marked now?  PAGES_ALL: none. */
static enum pages_which
dirty_due(struct pages_heap *h) PAGES_LOCKED
{
	const struct pages_units *u = &h->units;
	uint64_t again = u->unmarked - h->unmarked;
	uint32_t now;

	if (PAGES_LIKELY(u->dirty <= DIRTY_FEW) || !pages_heap_may_mark(h))
		return PAGES_ALL;
	if (u->dirty > DIRTY_MOST + u->held / 2 + again)
		return PAGES_DIRTY;
	now = pages_os_tick();
	if (now - h->last_mark < DIRTY_TICKS)
		return PAGES_ALL;
	h->last_mark = now;
	h->unmarked = u->unmarked;
	return PAGES_STALE;
}

void
pages_heap_leave(struct pages_heap *h)
{
	size_t excess = pages_units_excess(&h->units);
	size_t leave = h->units.kept - excess;
	enum pages_which dirty = dirty_due(h);
	bool due = is_due(h);

	pages_heap_set_mark_from(h);
	if (PAGES_UNLIKELY(due))
		pages_heap_flush_caches(h);
	pages_heap_unlock(h);
	if (PAGES_UNLIKELY(due)) {
		(void)pages_heap_drop_sparse(h);
		(void)purge(h, PAGES_OLD, 0);
	}
	if (PAGES_UNLIKELY(excess != 0))
		(void)purge(h, PAGES_ALL, leave);
	if (PAGES_UNLIKELY(dirty != PAGES_ALL))
		(void)purge(h, dirty, 0);
}

/* For allocations, which seldom add kept or dirty units. */
void
pages_heap_leave_quickly(struct pages_heap *h)
{
	if (PAGES_UNLIKELY(++h->ticks % 64 == 0 || pages_units_excess(&h->units) != 0))
		pages_heap_leave(h);
	else
		pages_heap_unlock(h);
}

void
pages_heap_free_slowly(struct pages_heap *h, uint32_t id)
{
	if (!pages_heap_enter(h)) {
		pages_heap_defer(h, id);
		return;
	}
	pages_heap_release(h, id);
	pages_heap_leave(h);
}

/* For callers outside. ---------------------------------------------------- */

unsigned
pages_heap_pace(const struct pages_heap *h)
{
	uint64_t interval = purge_interval_ms(h);
	uint64_t since = since_purge_ms(h);

	/* Overdue: purges are not wanted here, or another thread is about to. */
	return (unsigned)pages_max(since < interval ? interval - since : interval, PACE_MIN_MS);
}

static bool
keeps_any(const struct pages_heap *h) PAGES_LOCKED
{
	return h->units.kept != 0 || atomic_load(&h->sparse_block) != 0;
}

bool
pages_heap_tend(struct pages_heap *h)
{
	bool kept;

	if (!pages_heap_enter(h))
		return true;
	pages_heap_flush_caches(h);
	pages_heap_unlock(h);
	/* First, because what is marked is as young as if it were freed now. */
	if (pages_heap_may_mark(h))
		(void)purge(h, PAGES_DIRTY, 0);
	if (!pages_heap_enter(h))
		return true;
	pages_heap_leave(h);
	if (!pages_heap_enter(h))
		return true;
	kept = keeps_any(h);
	pages_heap_unlock(h);
	return kept;
}

/* For requests to another allocator. -------------------------------------- */

bool
pages_heap_tend_briefly(struct pages_heap *h)
{
	bool due, kept = true;

	if (!pages_heap_enter(h))
		return true;
	if (since_purge_ms(h) >= purge_interval_ms(h)) {
		pages_heap_flush_caches(h);
		kept = keeps_any(h);
	}
	due = is_due(h);
	pages_heap_unlock(h);
	if (!due)
		return kept;
	(void)pages_heap_drop_sparse(h);
	/* What is left is due at the next call. */
	if (purge_some(h, PAGES_OLD, 0, BRIEF_UNITS) >= BRIEF_UNITS * PAGES_UNIT)
		atomic_fetch_sub(&h->last_purge, purge_interval_ms(h));
	return true;
}

/* What the process has in memory; guess if that cannot be learnt. */
static size_t
resident_bytes(const struct pages_heap *h, size_t guess)
{
	char text[64], *end;

	if (pages_os_read_file("/proc/self/statm", text, sizeof(text)) != 0)
		return guess;
	(void)strtoul(text, &end, 10);
	return strtoul(end, NULL, 10) << h->arena.page_shift;
}

static size_t
in_arena(const struct pages_heap *h) PAGES_LOCKED
{
	return (h->units.held + h->units.kept) * PAGES_UNIT;
}

/*
 * What requests have asked for is no more than a guess of what is in use: blocks were freed, too.
 * So the kernel is asked when the guess exceeds what there is, and again after 1/64 of that.
 */
void
pages_heap_make_room(struct pages_heap *h, size_t bytes)
{
	size_t most, guess, resident, other, excess, leave;
	bool ask;

	if (atomic_load_explicit(&h->marking, memory_order_relaxed) || !pages_heap_enter(h))
		return;
	h->other_bytes += bytes;
	most = h->units.resident_max * PAGES_UNIT;
	guess = in_arena(h) + h->other_bytes;
	if (PAGES_UNLIKELY(guess > most))
		pages_heap_flush_caches(h);
	ask = guess > most && h->units.kept != 0;
	pages_heap_unlock(h);
	if (PAGES_LIKELY(!ask))
		return;
	resident = resident_bytes(h, guess);
	if (!pages_heap_enter(h))
		return;
	other = resident - pages_min(resident, in_arena(h));
	h->other_bytes = other - pages_min(other, most / 64);
	excess = resident - pages_min(resident, most);
	leave = h->units.kept - pages_min(h->units.kept, (excess + PAGES_UNIT - 1) / PAGES_UNIT);
	pages_heap_unlock(h);
	if (excess != 0)
		(void)purge(h, PAGES_ALL, leave);
}

void
pages_heap_keep_still(struct pages_heap *h, bool all) PAGES_LOCK_UNCHECKED
{
	bool locked = pages_heap_enter(h);

	/* If the lock is not to be had, flags are set all the same: each is read on its own. */
	if (h->options.moves != PAGES_MOVES_ON) {
		h->options.moves = PAGES_MOVES_OFF;
		h->keeps_all |= all;
		atomic_store(&h->units.moves, false);
		atomic_store(&h->units.keeps_all, h->keeps_all);
		atomic_store(&h->marking, false);
	}
	if (locked)
		pages_heap_unlock(h);
}

size_t
pages_heap_trim(struct pages_heap *h, size_t keep)
{
	size_t bytes = pages_heap_drop_sparse(h);

	if (!pages_heap_enter(h))
		return bytes;
	pages_heap_flush_caches(h);
	pages_heap_unlock(h);
	return bytes + purge(h, PAGES_ALL, keep / PAGES_UNIT);
}

/* Unmap up to max unused units.  Returns how many that were. */
static size_t
unmap(struct pages_heap *h, size_t max)
{
	size_t units = 0, done = 1;

	while (done != 0 && units < max && pages_heap_enter(h)) {
		struct pages_change *c = NULL;

		pages_heap_flush_caches(h);
		if (h->state == PAGES_HEAP_OPEN)
			c = pages_heap_change(h, 0);
		if (c == NULL) {
			pages_heap_unlock(h);
			break;
		}
		take_unused(h, max - units, c);
		pages_heap_unlock(h);
		if (!pages_heap_perform(h, c))
			break;
		done = c->done;
		(void)pages_heap_end(h, c);
		pages_heap_unlock(h);
		units += done;
	}
	return units;
}

/* In a sandbox the limit that was learnt has to do. */
static size_t
address_limit(struct pages_heap *h)
{
	return atomic_load(&h->confined) ? h->facts.os.address_limit : pages_os_address_limit();
}

/* A limit counts what is reserved, too: cut off for good what lies behind the last unit. */
static size_t
cut_reserve(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_units *u = &h->units;
	size_t end, len;

	if (h->state != PAGES_HEAP_OPEN || h->arena.reserved == NULL)
		return 0;
	end = pages_max(u->mapped_end, pages_bits_end(u->busy_bits, u->busy_end)) * PAGES_UNIT;
	len = h->arena.len - end;
	if (len == 0 || address_limit(h) == SIZE_MAX)
		return 0;
	pages_os_release(h->arena.base + end, len);
	h->arena.len = end;
	pages_table_cut(&h->extents.edges);
	pages_table_cut(&h->extents.records);
	pages_table_cut(&h->units.shifts);
	pages_table_cut(&h->units.taints);
	return len;
}

static size_t
release_reserve(struct pages_heap *h)
{
	size_t len;

	if (!pages_heap_enter(h))
		return 0;
	len = cut_reserve(h);
	pages_heap_unlock(h);
	return len;
}

size_t
pages_heap_release_space(struct pages_heap *h, size_t len)
{
	size_t max = len / PAGES_UNIT + 1, units = unmap(h, max);

	if (units < max)
		units += pages_heap_drop_sparse(h) / PAGES_UNIT;
	if (units < max)
		units += unmap(h, max - units);
	return units * PAGES_UNIT + release_reserve(h);
}
