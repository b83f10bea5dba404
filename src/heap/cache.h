/* SPDX-License-Identifier: MIT */
/*
 * cache.h - the front caches: they serve a temporary of the same size again and again, without
 *	the lock.  Inline, because nothing else costs as little.
 */
#ifndef PAGES_HEAP_CACHE_H
#define PAGES_HEAP_CACHE_H

#include "impl.h"
#include "os/lock.h"

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

/* What is counted without the lock is counted in slot s from now on, or if NULL in the heap. */
void pages_heap_count_in(struct pages_heap *h, struct pages_record_slot *s);

/* Thread addresses differ in their middle bits: the hash spreads those over the caches. */
static inline unsigned
pages_cache_index(void)
{
	static_assert(PAGES_FRONT_CACHES == 16, "four bits of the hash");

	return pages_hash_32((uint32_t)(pages_lock_self() >> 6)) >> 28;
}

static inline uint64_t
pages_cache_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Only the thread that reserved the cache writes its counters: no locked instruction needed. */
static inline void
pages_cache_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, pages_cache_read(counter) + n, memory_order_relaxed);
}

/* Take the block out of this thread's front cache if it is as long as one of this size; or 0. */
static inline uint32_t
pages_cache_take(struct pages_heap *h, size_t size)
{
	struct pages_front_cache *k = &h->caches[pages_cache_index()];
	uint32_t id = atomic_load_explicit(&k->block, memory_order_acquire);
	struct pages_cache_counts *c;
	struct pages_extent *e;
	size_t pages;

	if (id == 0 || id == PAGES_FRONT_CACHE_BUSY)
		return 0;
	pages = pages_heap_pages_coloured(h, size);
	if (atomic_load_explicit(&k->pages, memory_order_relaxed) != pages ||
	    !atomic_compare_exchange_strong_explicit(&k->block, &id, PAGES_FRONT_CACHE_BUSY,
						     memory_order_acquire, memory_order_relaxed))
		return 0;
	e = &h->extents.node[id];
	if (PAGES_UNLIKELY(e->used != pages)) {
		atomic_store_explicit(&k->block, id, memory_order_release);
		return 0;
	}
	c = atomic_load_explicit(&k->counts, memory_order_relaxed);
	pages_cache_add(&c->hits, 1);
	pages_cache_add(&c->hit_bytes, size);
	if (size >= PAGES_ALWAYS_MAPPED)
		pages_cache_add(&c->large_bytes, size);
	atomic_store_explicit(&c->waiting, 0, memory_order_relaxed);
	pages_extent_set_state(e, PAGES_EXTENT_LIVE);
	atomic_store_explicit(&k->block, 0, memory_order_release);
	return id;
}

/*
 * Put FREED block id into this thread's front cache.  Returns the block to release instead: the
 * one that was there, or id if it cannot be cached; 0 if there is none.
 */
static inline uint32_t
pages_cache_put(struct pages_heap *h, uint32_t id)
{
	unsigned i = pages_cache_index();
	struct pages_front_cache *k = &h->caches[i];
	const struct pages_extent *e = &h->extents.node[id];
	struct pages_cache_counts *c;
	uint32_t before;

	/* As long as a block is cached, no other block could use its room. */
	if (e->used != __atomic_load_n(&e->count, __ATOMIC_RELAXED))
		return id;
	if (PAGES_UNLIKELY(!(atomic_load_explicit(&h->caches_used, memory_order_relaxed) >> i & 1)))
		atomic_fetch_or(&h->caches_used, 1u << i);
	before = atomic_exchange_explicit(&k->block, PAGES_FRONT_CACHE_BUSY, memory_order_acq_rel);
	if (before == PAGES_FRONT_CACHE_BUSY)
		return id;
	atomic_store_explicit(&k->pages, e->used, memory_order_relaxed);
	pages_cache_add(&k->frees, 1);
	/* One free in 256 takes the slow way, which reads the clock and purges. */
	if (PAGES_UNLIKELY(pages_cache_read(&k->frees) % 256 == 0)) {
		atomic_store_explicit(&k->block, before, memory_order_release);
		return id;
	}
	c = atomic_load_explicit(&k->counts, memory_order_relaxed);
	atomic_store_explicit(&c->waiting, e->used, memory_order_relaxed);
	atomic_store_explicit(&k->block, id, memory_order_release);
	return before;
}

#endif /* PAGES_HEAP_CACHE_H */
