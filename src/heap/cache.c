/* SPDX-License-Identifier: MIT */
/*
 * cache.c - pages_heap_alloc() and pages_heap_free(), with the front caches, which serve a
 * temporary of the same size again and again without the lock
 */
#include "os/base.h"
#include "impl.h"
#include "os/lock.h"
#include "os/os.h"

#define BUSY PAGES_FRONT_CACHE_BUSY

/* Thread addresses differ in their middle bits: the hash spreads those over the caches. */
static unsigned
my_index(void)
{
	static_assert(PAGES_FRONT_CACHES == 16, "four bits of the hash");

	return pages_hash_32((uint32_t)(pages_lock_self() >> 6)) >> 28;
}

static uint64_t
read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Only the thread that made the cache BUSY writes its counters: no locked instruction needed. */
static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, read(counter) + n, memory_order_relaxed);
}

/* Take the block out of this thread's front cache if it has this size; or 0. */
static uint32_t
take(struct pages_heap *h, size_t size)
{
	struct pages_front_cache *k = &h->caches[my_index()];
	uint32_t id = atomic_load_explicit(&k->block, memory_order_acquire);
	struct pages_extent *e;
	size_t pages;

	if (id == 0 || id == BUSY)
		return 0;
	pages = pages_heap_pages(h, size);
	if (atomic_load_explicit(&k->pages, memory_order_relaxed) != pages ||
	    !atomic_compare_exchange_strong_explicit(&k->block, &id, BUSY, memory_order_acquire,
						     memory_order_relaxed))
		return 0;
	e = &h->extents.node[id];
	if (PAGES_UNLIKELY(e->used != pages)) {
		atomic_store_explicit(&k->block, id, memory_order_release);
		return 0;
	}
	add(&k->hits, 1);
	add(&k->hit_bytes, size);
	pages_extent_set_state(e, PAGES_EXTENT_LIVE);
	atomic_store_explicit(&k->block, 0, memory_order_release);
	return id;
}

/*
 * Put FREED block id into this thread's front cache.  Returns the block to release instead: the
 * one that was there, or id if it cannot be cached; 0 if there is none.
 */
static uint32_t
put(struct pages_heap *h, uint32_t id)
{
	unsigned i = my_index();
	struct pages_front_cache *k = &h->caches[i];
	const struct pages_extent *e = &h->extents.node[id];
	uint32_t before;

	/* As long as a block is cached, no other block could use its room. */
	if (e->used != e->count)
		return id;
	if (PAGES_UNLIKELY(!(atomic_load_explicit(&h->caches_used, memory_order_relaxed) >> i & 1)))
		atomic_fetch_or(&h->caches_used, 1u << i);
	before = atomic_exchange_explicit(&k->block, BUSY, memory_order_acq_rel);
	if (before == BUSY)
		return id;
	atomic_store_explicit(&k->pages, e->used, memory_order_relaxed);
	add(&k->frees, 1);
	/* One free in 256 takes the slow way, which reads the clock and purges. */
	if (PAGES_UNLIKELY(read(&k->frees) % 256 == 0)) {
		atomic_store_explicit(&k->block, before, memory_order_release);
		return id;
	}
	atomic_store_explicit(&k->block, id, memory_order_release);
	return before;
}

/* Callocs that are expected to stay sparse reuse the sparse block instead (sparse.c). */
void *
pages_heap_alloc(struct pages_heap *h, size_t size, size_t align, bool zero)
{
	struct pages_extent *e;
	uint32_t id = 0;
	char *p;

	if (align == 1 && !(zero && pages_heap_expects_sparse(h, size)))
		id = take(h, size);
	if (PAGES_UNLIKELY(id == 0))
		return pages_heap_alloc_slowly(h, size, align, zero);
	e = &h->extents.node[id];
	if (PAGES_UNLIKELY((e->note & PAGES_NOTE_MUZZY) != 0))
		pages_heap_unmark(h, e);
	p = pages_heap_address(h, e->first);
	if (zero)
		pages_heap_make_zero(h, p, size, (struct pages_span){ 0, 0 });
	return p;
}

/* Note when FREED block *e was freed, and mark it if it has lived for long; see mark.c. */
static void
note_death(struct pages_heap *h, struct pages_extent *e)
{
	uint32_t now;

	if (PAGES_UNLIKELY(pages_heap_is_short(h, e))) {
		e->note = PAGES_NOTE_DIRTY;
		return;
	}
	now = pages_os_tick();
	if (PAGES_UNLIKELY(pages_note_age(e->note, now) >= PAGES_LONG_TICKS))
		pages_heap_mark(h, e);
	/* If the front cache hands it out again, its age counts from now. */
	e->note = now << PAGES_NOTE_BITS | (e->note & ((1u << PAGES_NOTE_BITS) - 1));
}

void
pages_heap_free(struct pages_heap *h, void *p)
{
	uint32_t id = pages_heap_find(h, p);
	struct pages_extent *e = &h->extents.node[id];

	if (PAGES_UNLIKELY(id == 0)) {
		pages_heap_free_dedicated(h, p);
		return;
	}
	pages_heap_claim(h, id, PAGES_EXTENT_FREED, "free");
	if (PAGES_UNLIKELY((e->note & (PAGES_NOTE_CALLOC | PAGES_NOTE_SPARSE)) != 0)) {
		id = pages_heap_free_calloc(h, id);
		if (id == 0)
			return;
	}
	note_death(h, e);
	id = put(h, id);
	if (PAGES_UNLIKELY(id != 0))
		pages_heap_free_claimed(h, id);
}

/* Empty the front cache.  Returns its block; 0 if there is none, or a thread has it BUSY. */
static uint32_t
claim(struct pages_front_cache *k)
{
	uint32_t id = atomic_load_explicit(&k->block, memory_order_relaxed);

	if (id == 0 || id == BUSY ||
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
	uint32_t id = claim(&h->caches[my_index()]);

	pages_heap_flush_caches(h);
	return id;
}

void
pages_heap_reset_caches(struct pages_heap *h)
{
	for (int i = 0; i < PAGES_FRONT_CACHES; i++) {
		struct pages_front_cache *k = &h->caches[i];
		uint32_t busy = BUSY;

		/* The block that was on its way in or out leaks: nothing tells which it was. */
		(void)atomic_compare_exchange_strong(&k->block, &busy, 0);
		atomic_store(&k->hits, 0);
		atomic_store(&k->hit_bytes, 0);
	}
}

struct pages_cache_counts
pages_heap_count_hits(const struct pages_heap *h)
{
	struct pages_cache_counts sum = { 0, 0 };

	for (int i = 0; i < PAGES_FRONT_CACHES; i++) {
		sum.hits += read(&h->caches[i].hits);
		sum.hit_bytes += read(&h->caches[i].hit_bytes);
	}
	return sum;
}
