/* SPDX-License-Identifier: MIT */
/*
 * cache.c - flushes the front caches, and says where they count
 */
#include "block.h"
#include "cache.h"

/* Empty the front cache.  Returns its block; 0 if there is none, or a thread has reserved it. */
static uint32_t
claim(struct pages_front_cache *k)
{
	uint32_t id = atomic_load_explicit(&k->block, memory_order_relaxed);

	if (id == 0 || id == PAGES_FRONT_CACHE_BUSY ||
	    !atomic_compare_exchange_strong_explicit(&k->block, &id, 0, memory_order_acquire,
						     memory_order_relaxed))
		return 0;
	return id;
}

void
pages_heap_flush_caches(struct pages_heap *h)
{
	uint32_t used = atomic_load_explicit(&h->caches_used, memory_order_relaxed);

	for (; used != 0; used &= used - 1) {
		uint32_t id = claim(&h->caches[__builtin_ctz(used)]);

		if (id != 0)
			pages_heap_release(h, id);
	}
}

uint32_t
pages_heap_claim_cached(struct pages_heap *h)
{
	uint32_t id = claim(&h->caches[pages_cache_index()]);

	pages_heap_flush_caches(h);
	return id;
}

void
pages_heap_count_in(struct pages_heap *h, struct pages_record_slot *s)
{
	atomic_store(&h->slot, s);
	for (int i = 0; i < PAGES_FRONT_CACHES; i++)
		atomic_store(&h->caches[i].counts,
			     s != NULL ? &s->caches[i].counts : &h->caches[i].own);
}
