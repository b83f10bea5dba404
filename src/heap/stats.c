/* SPDX-License-Identifier: MIT */
/*
 * stats.c - the statistics of this process's heap, and its record of them
 *
 * To the program, blocks in front caches and deferred frees are freed, and their memory is kept.
 * In the heap's books they are live, and their units held.  So this file counts them again as
 * freed, and leaves them where they are: reading the statistics changes nothing.
 */
#include "os/bits.h"
#include "cache.h"
#include "lock.h"
#include "recorded.h"

static bool
is_freed(const struct pages_extent *e)
{
	return pages_extent_state(e) == PAGES_EXTENT_FREED;
}

/*
 * Would unit, at an end of freed block id, be free if all freed blocks were released?  Not if a
 * live block overlaps it.  Only the first freed block in a unit counts it.
 */
static bool
frees_unit(const struct pages_heap *h, size_t unit, uint32_t id) PAGES_LOCKED
{
	const struct pages_extents *x = &h->extents;
	size_t start = unit * pages_heap_unit_pages(h), end = start + pages_heap_unit_pages(h);
	const struct pages_extent *e = &x->node[id];

	while (e->first > start) {
		e = &x->node[x->edge[e->first - 1]];
		if (is_freed(e) || (pages_extent_state(e) != PAGES_EXTENT_FREE &&
				    e->first + e->used > start))
			return false;
	}
	for (e = &x->node[id]; e->first + e->count < end && e->first + e->count < x->pages; ) {
		e = &x->node[x->edge[e->first + e->count]];
		if (pages_extent_state(e) != PAGES_EXTENT_FREE && !is_freed(e))
			return false;
	}
	return true;
}

/* How many held units would become free with block id. */
static size_t
units_freed(const struct pages_heap *h, uint32_t id) PAGES_LOCKED
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t first = pages_heap_unit_down(h, e->first), a = pages_heap_unit_up(h, e->first);
	size_t end = pages_heap_unit_up(h, e->first + e->used);
	size_t b = pages_heap_unit_down(h, e->first + e->used), n = 0;

	if (a < b)
		n = pages_units_count(&h->units, a, b, true);
	if (first != a && frees_unit(h, first, id))
		n += pages_units_count(&h->units, first, first + 1, true);
	if (b != end && (b != first || first == a) && frees_unit(h, b, id))
		n += pages_units_count(&h->units, b, end, true);
	return n;
}

/* note: that of a deferred free; a block in a front cache may be in use again. */
static void
count_freed(const struct pages_heap *h, uint32_t id, struct pages_note note,
	    struct pages_stats *st) PAGES_LOCKED
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t bytes;

	if (!is_freed(e))
		return;		/* handed out meanwhile */
	if (e->used != 0 && !note.hollow) {
		st->live_objects--;
		st->frees++;
		st->live_bytes -= (size_t)e->used << h->arena.page_shift;
	}
	if (!note.empty) {
		bytes = units_freed(h, id) * PAGES_UNIT;
		st->kept_bytes += bytes;
	} else {
		bytes = (size_t)e->count << h->arena.page_shift;
		st->returned_bytes += bytes;
		st->resident_bytes -= bytes;
	}
	st->freed_bytes += bytes;
}

/* With the lock deferred frees stay freed; front caches may hand their blocks out meanwhile. */
static void
count_all_freed(const struct pages_heap *h, struct pages_stats *st) PAGES_LOCKED
{
	uint32_t id;

	for (int i = 0; i < PAGES_FRONT_CACHES; i++) {
		id = atomic_load_explicit(&h->caches[i].block, memory_order_acquire);
		if (id != 0 && id != PAGES_FRONT_CACHE_BUSY)
			count_freed(h, id, (struct pages_note){ .tick = 0 }, st);
	}
	for (id = atomic_load(&h->deferred); id != 0;
	     id = __atomic_load_n(&h->extents.node[id].left, __ATOMIC_RELAXED))
		count_freed(h, id, h->extents.node[id].note, st);
	pages_heap_count_waiting(h, st);
}

/*
 * For a reader without the lock, whose holder may be writing.  Each word is read in one piece;
 * they need not fit together.  The thread sanitizer would report that race.
 */
__attribute__((no_sanitize("thread"))) static void
copy_words(void *to, const void *from, size_t len)
{
	for (size_t i = 0; i < len / sizeof(uint64_t); i++)
		((uint64_t *)to)[i] = ((const volatile uint64_t *)from)[i];
}

void
pages_heap_stats(struct pages_heap *h, struct pages_stats *ret)
{
	struct pages_units u;

	static_assert(sizeof(u) % sizeof(uint64_t) == 0, "copied in words");
	static_assert(sizeof(*ret) % sizeof(uint64_t) == 0, "copied in words");
	if (pages_heap_enter(h)) {
		*ret = h->stats;
		pages_heap_fill(h, &h->units, ret);
		count_all_freed(h, ret);
		pages_heap_unlock(h);
		return;
	}
	/* For instance in a signal handler that interrupted this thread while it had the lock. */
	copy_words(ret, &h->stats, sizeof(*ret));
	copy_words(&u, &h->units, sizeof(u));
	pages_heap_fill(h, &u, ret);
}

/* The record. ------------------------------------------------------------- */

bool
pages_heap_record(struct pages_heap *h, struct pages_record *record, struct pages_record_slot *slot)
{
	if (!pages_heap_enter(h))
		return false;
	h->record = record;
	h->recording = true;
	pages_heap_count_in(h, slot);
	pages_heap_unlock(h);
	return true;
}

/* A child that has changed nothing has no slot, and needs none. */
void
pages_heap_record_end(struct pages_heap *h)
{
	struct pages_record_slot *s = atomic_load(&h->slot);

	if (s == NULL)
		return;
	if (pages_heap_enter(h)) {
		pages_heap_flush_caches(h);
		pages_heap_unlock(h);
	}
	atomic_store(&s->ended, 1);
}

void
pages_heap_note_background(struct pages_heap *h, bool started)
{
	struct pages_record_slot *s = atomic_load(&h->slot);

	atomic_fetch_add(started ? &h->background_threads : &h->background_refused, 1);
	if (s == NULL)
		return;
	atomic_store(&s->background_threads, atomic_load(&h->background_threads));
	atomic_store(&s->background_refused, atomic_load(&h->background_refused));
}
