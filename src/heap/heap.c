/* SPDX-License-Identifier: MIT */
/*
 * heap.c - freeing, the lock, looking
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
	char line[64] = "pages: ";

	strcat(line, caller);
	strcat(line, "(): invalid pointer\n");
	pages_os_complain(line, strlen(line));
	abort();
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

/* With the lock: what a sweep took (nothing of it is used) is free again. */
static void
release_swept(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t first = pages_heap_unit_down(h, e->first);
	struct pages_unit_run run = { first, pages_heap_unit_down(h, e->first + e->count) - first };

	pages_units_done(&h->units, run, (enum pages_fate)e->note);
	if (e->note != PAGES_HOLE)
		(void)pages_extents_give(&h->extents, id);
}

void
pages_heap_count_gone(struct pages_heap *h, uint32_t id)
{
	h->stats.live_objects--;
	h->stats.frees++;
	pages_heap_count_live(h, 0, h->extents.node[id].used);
}

static void
release_block(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent e = h->extents.node[id];

	pages_heap_settle(h, id);
	if (PAGES_UNLIKELY((e.note & PAGES_NOTE_HOLE) != 0))
		return;		/* nobody's for ever */
	pages_heap_keep(h, e.first, e.first + e.used, pages_extents_give(&h->extents, id));
}

void
pages_heap_release(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent *e = &h->extents.node[id];

	if (PAGES_UNLIKELY(pages_extent_state(e) == PAGES_EXTENT_RENEWED)) {
		pages_heap_release_apart(h, id);
		return;
	}
	if (e->used == 0) {
		release_swept(h, id);
		return;
	}
	if (pages_extent_state(e) != PAGES_EXTENT_HOLLOW)
		pages_heap_count_gone(h, id);
	release_block(h, id);
}

/* Free id later: it waits on a stack, linked through the records (Treiber, 1986). */
static void
part(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	uint32_t head = atomic_load(&h->parting);

	do
		__atomic_store_n(&e->left, head, __ATOMIC_RELAXED);
	while (!atomic_compare_exchange_weak(&h->parting, &head, id));
}

static void
release_parting(struct pages_heap *h)
{
	uint32_t id = atomic_exchange(&h->parting, 0);

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
		part(h, id);
		return;
	}
	pages_heap_release(h, id);
	pages_heap_leave(h);
}

void
pages_heap_swept(struct pages_heap *h, uint32_t id, enum pages_fate fate)
{
	h->extents.node[id].note = fate;
	if (pages_heap_enter(h)) {
		pages_heap_release(h, id);
		pages_lock_release(&h->lock);
	} else {
		part(h, id);
	}
}

bool
pages_heap_enter(struct pages_heap *h)
{
	if (!pages_lock_acquire(&h->lock))
		return false;
	if (PAGES_UNLIKELY(atomic_load_explicit(&h->parting, memory_order_relaxed) != 0))
		release_parting(h);
	return true;
}

void
pages_heap_leave(struct pages_heap *h)
{
	size_t excess = pages_units_excess(&h->units);
	size_t leave = h->units.kept - excess;
	bool due = pages_heap_sweep_due(h), soiled = pages_heap_is_soiled(h);

	if (PAGES_UNLIKELY(due))
		pages_heap_empty_pockets(h);
	pages_lock_release(&h->lock);
	if (PAGES_UNLIKELY(due)) {
		(void)pages_heap_drop_sparse(h);
		(void)pages_heap_sweep(h, PAGES_OLD, 0);
	}
	if (PAGES_UNLIKELY(excess != 0))
		(void)pages_heap_sweep(h, PAGES_ALL, leave);
	if (PAGES_UNLIKELY(soiled))
		(void)pages_heap_sweep(h, PAGES_SOILED, 0);
}

/* Where nothing was freed for good, the clock need not be read each time. */
void
pages_heap_leave_quickly(struct pages_heap *h)
{
	if (PAGES_UNLIKELY(++h->ticks % 64 == 0 || pages_units_excess(&h->units) != 0 ||
			   pages_heap_is_soiled(h)))
		pages_heap_leave(h);
	else
		pages_lock_release(&h->lock);
}

/* Looking. ---------------------------------------------------------------- */

size_t
pages_heap_usable(struct pages_heap *h, const void *p)
{
	uint32_t id = pages_heap_find(h, p);

	if (PAGES_UNLIKELY(id == 0))
		return pages_heap_usable_apart(h, p);
	return (size_t)h->extents.node[id].used << h->arena.page_shift;
}

void
pages_heap_count_copy(struct pages_heap *h, size_t bytes)
{
	__atomic_fetch_add(&h->stats.copied_bytes, bytes, __ATOMIC_RELAXED);
}

void
pages_heap_stats(struct pages_heap *h, struct pages_stats *ret)
{
	const struct pages_units *u = &h->units;
	struct pages_pocket_counts pockets;
	bool locked = pages_heap_enter(h);

	if (locked)
		pages_heap_empty_pockets(h);
	pockets = pages_heap_count_pockets(h);
	*ret = h->stats;
	ret->requests += pockets.hits;
	ret->requested_bytes += pockets.hit_bytes;
	ret->frees += pockets.hits;
	ret->reused_bytes = u->reused * PAGES_UNIT + pockets.hit_bytes;
	ret->freed_bytes = u->freed * PAGES_UNIT + pockets.hit_bytes;
	ret->moved_free_bytes = u->funded * PAGES_UNIT;
	ret->inherited_bytes = u->inherited * PAGES_UNIT;
	ret->moved_bytes = u->moved * PAGES_UNIT;
	ret->fresh_bytes = u->fresh * PAGES_UNIT;
	ret->returned_bytes = u->returned * PAGES_UNIT;
	ret->resident_bytes = (u->held + u->kept) * PAGES_UNIT;
	ret->peak_resident_bytes = u->peak_resident * PAGES_UNIT;
	ret->kept_bytes = u->kept * PAGES_UNIT;
	ret->refused_moves = u->refused_moves;
	ret->mapping_seams = u->seams;
	ret->arena_bytes = h->arena.len;
	ret->declined_busy = atomic_load_explicit(&h->busy, memory_order_relaxed);
	pages_heap_count_waiting(h, ret);
	if (locked)
		pages_heap_leave(h);
}

/*
 * Units that overlap the used part of a block, of which the first seen ones are below
 * from.  What is apart uses its units to the end.
 */
static size_t
count_used(const struct pages_heap *h, const struct pages_extent *e, size_t *from)
{
	bool apart = pages_extent_state(e) == PAGES_EXTENT_APART ||
		     (e->note & PAGES_NOTE_SPARSE) != 0;
	size_t a = pages_max(pages_heap_unit_down(h, e->first), *from);
	size_t b = pages_heap_unit_up(h, e->first + (apart ? e->count : e->used));

	*from = pages_max(*from, b);
	return b > a ? b - a : 0;
}

bool
pages_heap_valid(struct pages_heap *h)
{
	const struct pages_units *u = &h->units;
	size_t kept = 0, held = 0, from = 0, soiled = 0;

	if (h->state != PAGES_HEAP_OPEN)
		return true;
	(void)pages_heap_drop_sparse(h);
	pages_heap_empty_pockets(h);
	for (uint32_t page = 0, id; page < h->extents.pages; page += h->extents.node[id].count) {
		const struct pages_extent *e = &h->extents.node[id = h->extents.edge[page]];
		size_t a = pages_heap_unit_up(h, page);
		size_t b = pages_heap_unit_down(h, page + e->count);

		if (pages_extent_state(e) == PAGES_EXTENT_FREE) {
			kept += a < b ? pages_units_count(u, a, b, false) : 0;
			soiled += a < b ? pages_units_soiled(u, a, b) : 0;
		} else if (pages_extent_state(e) == PAGES_EXTENT_LIVE ||
			   pages_extent_state(e) == PAGES_EXTENT_APART) {
			size_t n = count_used(h, e, &from);

			held += n;
			if (pages_units_count(u, from - n, from, true) != n)
				return false;
		}
	}
	return soiled == u->soiled && kept == u->kept && kept == pages_units_count(u, 0, u->count, false) &&
	       held == u->held && held == pages_units_count(u, 0, u->count, true) &&
	       pages_extents_valid(&h->extents);
}
