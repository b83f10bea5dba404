/* SPDX-License-Identifier: MIT */
/*
 * purge.c - gives kept memory and unused address space back to the kernel
 */
#include "impl.h"
#include "os/muzzy.h"
#include "os/os.h"

#define PACE_MIN_MS 50

/*
 * Decay has two steps: units that are kept when a purge ends are old, and those that are still
 * old at the next purge are given back.  So a unit stays for one to two of these intervals, on
 * average for retain_ms.
 */
static uint64_t
purge_interval_ms(const struct pages_heap *h)
{
	return h->options.retain_ms * 2 / 3;
}

bool
pages_heap_purge_due(struct pages_heap *h)
{
	uint64_t now;

	if (h->units.kept == 0 && atomic_load_explicit(&h->sparse_block, memory_order_relaxed) == 0)
		return false;
	now = pages_os_now_ms();
	if (now - h->last_purge < purge_interval_ms(h))
		return false;
	h->last_purge = now;
	return true;
}

/*
 * Find a run of at most max such units, and make its place a PURGING extent, so that it cannot
 * be allocated while its memory is given back.  Returns the id, or 0 if there is no such run.
 */
static uint32_t
take_kept(struct pages_heap *h, enum pages_which which, size_t max,
	  struct pages_unit_run *ret) PAGES_LOCKED
{
	struct pages_extents *x = &h->extents;
	size_t up = pages_heap_unit_pages(h);
	struct pages_unit_run run = { 0, 0 };
	uint32_t id;

	for (id = pages_extents_next(x, (uint32_t)up, 0); id != 0;
	     id = pages_extents_next(x, x->node[id].count, x->node[id].first + 1)) {
		const struct pages_extent *e = &x->node[id];

		run = pages_units_kept(&h->units, pages_heap_unit_up(h, e->first),
				       pages_heap_unit_down(h, e->first + e->count), which);
		if (run.count != 0)
			break;
	}
	if (id == 0)
		return 0;
	run.count = pages_min(run.count, max);
	id = pages_extents_take(x, id, (uint32_t)(run.first * up), (uint32_t)(run.count * up));
	if (id != 0) {
		pages_extent_set_state(&x->node[id], PAGES_EXTENT_PURGING);
		x->node[id].used = 0;
		pages_units_leave(&h->units, run);
		*ret = run;
	}
	return id;
}

/* Without the lock. */
static enum pages_fate
purge_run(struct pages_heap *h, enum pages_which which, struct pages_unit_run run)
{
	if (which != PAGES_DIRTY)
		return pages_units_drop(&h->units, run);
	if (pages_muzzy_mark(h->arena.base + run.first * PAGES_UNIT, run.count * PAGES_UNIT))
		return PAGES_MARKED;
	atomic_store_explicit(&h->marking, false, memory_order_relaxed);
	return PAGES_STAYED;
}

size_t
pages_heap_purge(struct pages_heap *h, enum pages_which which, size_t leave_units)
{
	enum pages_fate fate = PAGES_DROPPED;
	size_t bytes = 0;

	while (fate != PAGES_STAYED && fate != PAGES_HOLE && pages_heap_enter(h)) {
		struct pages_unit_run run;
		size_t kept = h->units.kept;
		uint32_t id = 0;

		if (kept > leave_units)
			id = take_kept(h, which, kept - leave_units, &run);
		if (id == 0 && which == PAGES_OLD)
			pages_units_age(&h->units);
		pages_heap_unlock(h);
		if (id == 0)
			break;
		fate = purge_run(h, which, run);
		pages_heap_purged(h, id, fate);
		bytes += fate != PAGES_STAYED ? run.count * PAGES_UNIT : 0;
	}
	return bytes;
}

unsigned
pages_heap_pace(const struct pages_heap *h)
{
	return (unsigned)pages_max(purge_interval_ms(h), PACE_MIN_MS);
}

bool
pages_heap_tend(struct pages_heap *h)
{
	bool kept;

	if (!pages_heap_enter(h))
		return true;
	pages_heap_flush_caches(h);
	pages_heap_leave(h);
	if (!pages_heap_enter(h))
		return true;
	kept = h->units.kept != 0 || atomic_load(&h->sparse_block) != 0;
	pages_heap_unlock(h);
	return kept;
}

size_t
pages_heap_trim(struct pages_heap *h, size_t keep)
{
	size_t bytes = pages_heap_drop_sparse(h);

	if (!pages_heap_enter(h))
		return bytes;
	pages_heap_flush_caches(h);
	pages_heap_unlock(h);
	return bytes + pages_heap_purge(h, PAGES_ALL, keep / PAGES_UNIT);
}

/* The kept units of [a, b) are about to be unmapped. */
static void
drop_units(struct pages_heap *h, size_t a, size_t b) PAGES_LOCKED
{
	struct pages_unit_run run;

	while ((run = pages_units_kept(&h->units, a, b, PAGES_ALL)).count != 0) {
		pages_units_leave(&h->units, run);
		pages_units_done(&h->units, run, PAGES_DROPPED);
	}
}

/*
 * Cut off the free end of the arena, all behind the last block but for keep bytes in all.
 * Returns how many bytes that are, and in *ret where they start; the caller unmaps them.
 */
static size_t
cut_end(struct pages_heap *h, size_t keep, char **ret) PAGES_LOCKED
{
	struct pages_extents *x = &h->extents;
	const struct pages_extent *e = &x->node[x->edge[x->pages - 1]];
	size_t up = pages_heap_unit_pages(h), pages = x->pages, top, committed;

	if (pages_extent_state(e) != PAGES_EXTENT_FREE)
		return 0;
	/* One unit stays: an arena is never empty. */
	top = pages_max(pages_heap_unit_up(h, e->first), 1) * up;
	top = pages_max(top, keep / PAGES_UNIT * up);
	if (top >= pages)
		return 0;
	drop_units(h, top / up, pages / up);
	committed = h->arena.committed / PAGES_UNIT;
	if (top / up < committed)
		pages_splits_heal(&h->units.splits, top / up, committed - top / up);
	*ret = pages_heap_address(h, top);
	/* First of all: once it is unmapped the program may map something of its own there. */
	atomic_store(&h->len, top << h->arena.page_shift);
	h->arena.len = top << h->arena.page_shift;
	h->arena.committed = pages_min(h->arena.committed, h->arena.len);
	pages_extents_truncate(x, (uint32_t)top);
	return (pages - top) << h->arena.page_shift;
}

static bool
release_end(struct pages_heap *h, size_t keep)
{
	size_t len = 0;
	char *p = NULL;

	if (!pages_heap_enter(h))
		return false;
	if (h->state == PAGES_HEAP_OPEN) {
		pages_heap_flush_caches(h);
		len = cut_end(h, keep, &p);
	}
	pages_heap_unlock(h);
	if (len != 0)
		pages_os_release(p, len);
	return len != 0;
}

bool
pages_heap_release_reserve(struct pages_heap *h)
{
	size_t committed;

	if (!pages_heap_enter(h))
		return false;
	committed = h->arena.committed;
	pages_heap_unlock(h);
	return release_end(h, committed);
}

void
pages_heap_shrink(struct pages_heap *h, size_t keep)
{
	/* Unmapping first: at a limit, which counts it, nothing else may succeed. */
	if (keep >= atomic_load(&h->len))
		return;
	(void)pages_heap_drop_sparse(h);
	(void)release_end(h, keep);
	(void)pages_heap_trim(h, 0);
	/* Once more: what another thread was purging just now lay in between. */
	(void)release_end(h, keep);
}
