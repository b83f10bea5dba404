/* SPDX-License-Identifier: MIT */
/*
 * heap.c - releases freed blocks; takes and leaves the lock, with deferred frees and purging
 */
#include "heap.h"

#include <stdlib.h>
#include <string.h>

#include "os/base.h"
#include "impl.h"
#include "os/os.h"

/* Freeing. ---------------------------------------------------------------- */

void
pages_heap_die(const char *caller)
{
	pages_heap_abort(caller, "(): invalid pointer");
}

uint32_t
pages_heap_find(const struct pages_heap *h, const void *p)
{
	size_t offset = (size_t)((const char *)p - h->arena.base);

	if ((offset & (h->arena.page_size - 1)) != 0)
		return 0;
	return pages_extents_at(&h->extents, offset >> h->arena.page_shift);
}

uint32_t
pages_heap_checked(struct pages_heap *h, const void *p, const char *caller)
{
	uint32_t id = pages_heap_find(h, p);

	if (id == 0)
		pages_heap_die(caller);
	return id;
}

void
pages_heap_keep(struct pages_heap *h, size_t first, size_t end, struct pages_span span)
{
	size_t free_first = pages_heap_unit_up(h, span.first);
	size_t free_end = pages_heap_unit_down(h, span.first + span.count);
	size_t a = pages_max(pages_heap_unit_down(h, first), free_first);
	size_t b = pages_min(pages_heap_unit_up(h, end), free_end);

	if (a < b)
		pages_units_keep(&h->units, a, b);
}

/* Free a PURGING extent again, once its units are purged; its note is their fate. */
static void
release_purged(struct pages_heap *h, uint32_t id) PAGES_LOCKED
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t first = pages_heap_unit_down(h, e->first);
	struct pages_unit_run run = { first, pages_heap_unit_down(h, e->first + e->count) - first };

	pages_units_done(&h->units, run, (enum pages_fate)e->note);
	if (e->note == PAGES_HOLE)
		pages_heap_lose(h, id);
	else
		(void)pages_extents_give(&h->extents, id);
}

void
pages_heap_lose(struct pages_heap *h, uint32_t id)
{
	pages_extent_set_state(&h->extents.node[id], PAGES_EXTENT_LOST);
	h->lost += h->extents.node[id].count;
}

void
pages_heap_count_gone(struct pages_heap *h, uint32_t id)
{
	h->stats.live_objects--;
	h->stats.frees++;
	pages_heap_count_live(h, 0, h->extents.node[id].used);
}

static void
release_block(struct pages_heap *h, uint32_t id) PAGES_LOCKED
{
	const struct pages_extent e = h->extents.node[id];

	pages_heap_settle(h, id);
	if (PAGES_UNLIKELY((e.note & PAGES_NOTE_HOLE) != 0)) {
		pages_heap_lose(h, id);
		return;
	}
	pages_heap_keep(h, e.first, e.first + e.used, pages_extents_give(&h->extents, id));
}

void
pages_heap_release(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent *e = &h->extents.node[id];

	if (PAGES_UNLIKELY(pages_extent_state(e) == PAGES_EXTENT_RENEWED)) {
		pages_heap_release_dedicated(h, id);
		return;
	}
	if (pages_extent_state(e) == PAGES_EXTENT_PURGING) {
		release_purged(h, id);
		return;
	}
	if (pages_extent_state(e) != PAGES_EXTENT_HOLLOW)
		pages_heap_count_gone(h, id);
	release_block(h, id);
}

/* Release extent id later: push it on a stack that is linked through records (Treiber, 1986). */
static void
defer(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	uint32_t head = atomic_load(&h->deferred);

	do
		__atomic_store_n(&e->left, head, __ATOMIC_RELAXED);
	while (!atomic_compare_exchange_weak(&h->deferred, &head, id));
}

static void
release_deferred(struct pages_heap *h) PAGES_LOCKED
{
	uint32_t id = atomic_exchange(&h->deferred, 0);

	while (id != 0) {
		uint32_t next = __atomic_load_n(&h->extents.node[id].left, __ATOMIC_RELAXED);

		pages_heap_release(h, id);
		id = next;
	}
}

void
pages_heap_claim(struct pages_heap *h, uint32_t id, uint32_t state, const char *caller)
{
	uint32_t live = PAGES_EXTENT_LIVE;

	if (!__atomic_compare_exchange_n(&h->extents.node[id].state, &live, state, false,
					 __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		pages_heap_die(caller);
}

void
pages_heap_free_claimed(struct pages_heap *h, uint32_t id)
{
	if (!pages_heap_enter(h)) {
		defer(h, id);
		return;
	}
	pages_heap_release(h, id);
	pages_heap_leave(h);
}

void
pages_heap_purged(struct pages_heap *h, uint32_t id, enum pages_fate fate)
{
	h->extents.node[id].note = fate;
	if (pages_heap_enter(h)) {
		pages_heap_release(h, id);
		pages_heap_unlock(h);
	} else {
		defer(h, id);
	}
}

bool
pages_heap_lock(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	if (!pages_lock_acquire(&h->lock))
		return false;
	pages_heap_check_now(h);
	return true;
}

void
pages_heap_unlock(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	pages_heap_check_now(h);
	pages_lock_release(&h->lock);
}

bool
pages_heap_enter(struct pages_heap *h)
{
	if (!pages_heap_lock(h))
		return false;
	if (PAGES_UNLIKELY(atomic_load_explicit(&h->deferred, memory_order_relaxed) != 0))
		release_deferred(h);
	return true;
}

void
pages_heap_leave(struct pages_heap *h)
{
	size_t excess = pages_units_excess(&h->units);
	size_t leave = h->units.kept - excess;
	bool due = pages_heap_purge_due(h), dirty = pages_heap_is_dirty(h);

	if (PAGES_UNLIKELY(due))
		pages_heap_flush_caches(h);
	pages_heap_unlock(h);
	if (PAGES_UNLIKELY(due)) {
		(void)pages_heap_drop_sparse(h);
		(void)pages_heap_purge(h, PAGES_OLD, 0);
	}
	if (PAGES_UNLIKELY(excess != 0))
		(void)pages_heap_purge(h, PAGES_ALL, leave);
	if (PAGES_UNLIKELY(dirty))
		(void)pages_heap_purge(h, PAGES_DIRTY, 0);
}

/* For allocations, which seldom add kept units: read the clock only now and then. */
void
pages_heap_leave_quickly(struct pages_heap *h)
{
	if (PAGES_UNLIKELY(++h->ticks % 64 == 0 || pages_units_excess(&h->units) != 0 ||
			   pages_heap_is_dirty(h)))
		pages_heap_leave(h);
	else
		pages_heap_unlock(h);
}

/* Queries. ---------------------------------------------------------------- */

size_t
pages_heap_usable(struct pages_heap *h, const void *p)
{
	uint32_t id = pages_heap_find(h, p);

	if (PAGES_UNLIKELY(id == 0))
		return pages_heap_usable_dedicated(h, p);
	return (size_t)h->extents.node[id].used << h->arena.page_shift;
}

void
pages_heap_count_copy(struct pages_heap *h, size_t bytes)
{
	atomic_fetch_add_explicit(&h->copied_bytes, bytes, memory_order_relaxed);
}

bool
pages_heap_valid(struct pages_heap *h)
{
	bool valid = false;

	if (pages_heap_lock(h)) {
		valid = pages_heap_check(h) == NULL;
		pages_heap_unlock(h);
	}
	return valid;
}
