/* SPDX-License-Identifier: MIT */
/*
 * counts.c - computes struct pages_stats from what a heap, or a copy of one, has counted
 *
 * pages-stat calls this for copies of other processes' heaps, so nothing here follows a pointer
 * but h->slot.
 */
#include "recorded.h"

static void
fill_units(const struct pages_units *u, struct pages_stats *ret)
{
	ret->reused_bytes = u->reused * PAGES_UNIT;
	ret->freed_bytes = u->freed * PAGES_UNIT;
	ret->moved_free_bytes = u->moved_free * PAGES_UNIT;
	ret->inherited_bytes = u->inherited * PAGES_UNIT;
	ret->moved_bytes = u->moved * PAGES_UNIT;
	ret->fresh_bytes = u->fresh * PAGES_UNIT;
	ret->returned_bytes = u->returned * PAGES_UNIT;
	ret->resident_bytes = (u->held + u->kept + u->leaving) * PAGES_UNIT;
	ret->peak_resident_bytes = u->peak_resident * PAGES_UNIT;
	ret->kept_bytes = (u->kept + u->leaving) * PAGES_UNIT;
	ret->refused_moves = u->refused_moves;
	ret->vma_splits = u->splits.count;
	ret->arena_bytes = u->mapped * PAGES_UNIT;
}

static void
add_other(const struct pages_other_counts *c, struct pages_stats *ret)
{
	ret->declined_busy += atomic_load_explicit(&c->busy, memory_order_relaxed);
	ret->cleared_bytes += atomic_load_explicit(&c->cleared_bytes, memory_order_relaxed);
	ret->copied_bytes += atomic_load_explicit(&c->copied_bytes, memory_order_relaxed);
}

void
pages_heap_fill_own(const struct pages_heap *h, const struct pages_units *u, struct pages_stats *ret)
{
	fill_units(u, ret);
	add_other(&h->own, ret);
	for (uint32_t used = pages_heap_caches_used(h); used != 0; used &= used - 1)
		pages_stats_add_hits(ret, &h->caches[__builtin_ctz(used)].own);
}

void
pages_heap_fill(const struct pages_heap *h, const struct pages_units *u, struct pages_stats *ret)
{
	const struct pages_record_slot *s = atomic_load_explicit(&h->slot, memory_order_acquire);

	pages_heap_fill_own(h, u, ret);
	if (s == NULL)
		return;
	add_other(&s->other, ret);
	for (uint32_t used = pages_heap_caches_used(h); used != 0; used &= used - 1)
		pages_stats_add_hits(ret, &s->caches[__builtin_ctz(used)].counts);
}

/* Ends reservations by threads that are not there. */
static void
reset_caches(struct pages_heap *h)
{
	for (int i = 0; i < PAGES_FRONT_CACHES; i++) {
		struct pages_front_cache *k = &h->caches[i];
		uint32_t busy = PAGES_FRONT_CACHE_BUSY;

		/* The block that was on its way in or out leaks: nothing tells which it was. */
		(void)atomic_compare_exchange_strong(&k->block, &busy, 0);
		atomic_store(&k->own.hits, 0);
		atomic_store(&k->own.hit_bytes, 0);
		atomic_store(&k->own.large_bytes, 0);
	}
}

void
pages_heap_count_anew(struct pages_heap *h)
{
	struct pages_stats *st = &h->stats;
	struct pages_units *u = &h->units;

	*st = (struct pages_stats){
		.live_objects = st->live_objects,
		.live_bytes = st->live_bytes,
		.peak_live_bytes = st->live_bytes,
		.inherited_objects = st->live_objects,
	};
	u->moved = u->reused = u->fresh = u->returned = u->moved_free = u->refused_moves = 0;
	u->freed = u->kept;
	u->inherited = u->peak_resident = u->held + u->kept;
	atomic_store(&h->own.busy, 0);
	atomic_store(&h->own.cleared_bytes, 0);
	atomic_store(&h->own.copied_bytes, 0);
	atomic_store(&h->background_threads, 0);
	atomic_store(&h->background_refused, 0);
	reset_caches(h);
}
