/* SPDX-License-Identifier: MIT */
/*
 * sparse.c - sparse blocks: callocs of which few pages are ever written
 *
 * Hash tables and matrices often stay zero for the most part.  With huge pages the first write
 * to any 2 MiB makes the kernel zero them all, and memory that was used before has to be cleared
 * as a whole.  So when the callocs of a size turn out to be zero nearly everywhere as they are
 * freed, the next calloc of that size gets small pages, in units of its own.  When that one is
 * freed it waits, with its contents, for the next calloc, which clears only the pages that were
 * written to.  That costs no page faults, and the kernel zeroes nothing.
 *
 * The units of a sparse block are never kept, and never moved under other blocks.
 */
#include <errno.h>
#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "lock.h"
#include "place.h"
#include "sparse.h"
#include "os/os.h"

/* A block is sparse if so many of so many sampled pages are zero. */
#define SAMPLES 32
#define SAMPLES_ZERO 30

/* A sparse block was not sparse after all if one page in so many had to be cleared. */
#define DENSE_SHARE 8

/*
 * The waiting block serves a shorter calloc only if no more than so many units are too many:
 * struct pages_stats promises at most 4 MiB of memory beyond each block.
 */
#define SPARE_UNITS 2

static char *
address(const struct pages_heap *h, const struct pages_extent *e)
{
	return pages_heap_address(h, e->first);
}

/* The length of all units: an earlier owner may have written behind the part used now. */
static size_t
length(const struct pages_heap *h, const struct pages_extent *e)
{
	return (size_t)e->count << h->arena.page_shift;
}

/* Whether callocs stay sparse is learnt for each power of two of their size. */
static uint64_t
size_bit(size_t pages)
{
	return (uint64_t)1 << pages_log2(pages);
}

static bool
expects(struct pages_heap *h, size_t pages)
{
	uint64_t sizes = atomic_load_explicit(&h->sparse_sizes, memory_order_relaxed);

	return (sizes & size_bit(pages)) != 0;
}

/* Load first, because to count pages needs an open heap: it is open if any bit is set. */
bool
pages_heap_expects_sparse(struct pages_heap *h, size_t size)
{
	return atomic_load_explicit(&h->sparse_sizes, memory_order_acquire) != 0 &&
	       expects(h, pages_heap_pages_coloured(h, size));
}

static void
learn(struct pages_heap *h, size_t pages, bool sparse)
{
	if (sparse)
		atomic_fetch_or_explicit(&h->sparse_sizes, size_bit(pages), memory_order_release);
	else if (expects(h, pages))
		atomic_fetch_and_explicit(&h->sparse_sizes, ~size_bit(pages), memory_order_relaxed);
}

/*
 * The samples are multiples of the golden ratio (Weyl): evenly spread, with no period.  To read
 * an absent page maps the zero page there; mincore() would not, but may not be called in every
 * sandbox.  First the pages are made readable again, which fails if some are not mapped.
 */
static bool
looks_sparse(const struct pages_heap *h, const struct pages_extent *e)
{
	size_t page_size = h->arena.page_size;
	unsigned zero = 0;

	if (pages_os_protect(address(h, e), (size_t)e->used << h->arena.page_shift,
			     PAGES_OS_READ | PAGES_OS_WRITE) != 0)
		return false;
	for (uint32_t i = 1; i <= SAMPLES; i++) {
		uint64_t page = (uint64_t)e->used * pages_hash_32(i) >> 32;

		zero += pages_is_zero(address(h, e) + (page << h->arena.page_shift), page_size);
		if (zero + SAMPLES - i < SAMPLES_ZERO)
			return false;
	}
	return true;
}

/* If it is long enough for pages, and not much longer. */
uint32_t
pages_heap_take_waiting(struct pages_heap *h, size_t pages)
{
	uint32_t id = atomic_load_explicit(&h->sparse_block, memory_order_acquire);
	struct pages_extent *e = &h->extents.node[id];
	size_t up = pages_heap_unit_pages(h);

	if (id == 0 || e->count < pages || e->count - pages > SPARE_UNITS * up ||
	    !atomic_compare_exchange_strong(&h->sparse_block, &id, 0))
		return 0;
	pages_heap_count_live(h, pages, e->used);
	e->used = (uint32_t)pages;
	pages_extent_set_state(e, PAGES_EXTENT_LIVE);
	h->stats.frees++;	/* its last owner's */
	h->units.freed += e->count / up;
	h->units.reused += e->count / up;
	return id;
}

/* Clear [p, p + len) without touching pages that are zero.  Returns how many bytes were cleared. */
static size_t
clear(char *p, size_t len)
{
	size_t cleared = 0;

	if (pages_can(PAGES_CAP_SCAN) && pages_os_clear(p, len, &cleared) == 0)
		return cleared;
	if (pages_can(PAGES_CAP_DISCARD) && pages_os_discard(p, len) == 0)
		return 0;
	memset(p, 0, len);
	return len;
}

size_t
pages_heap_clear_sparse(struct pages_heap *h, uint32_t id, bool fresh)
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t cleared;

	if (fresh) {
		if (pages_can(PAGES_CAP_SMALL))
			(void)pages_os_advise(address(h, e), length(h, e), PAGES_OS_NO_HUGE);
		return 0;
	}
	cleared = clear(address(h, e), length(h, e));
	if (pages_can(PAGES_CAP_SCAN))
		learn(h, e->used, cleared < length(h, e) / DENSE_SHARE);
	return cleared;
}

size_t
pages_heap_clear_small(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent *e = &h->extents.node[id];

	return clear(address(h, e), (size_t)e->used << h->arena.page_shift);
}

size_t
pages_heap_drop_sparse(struct pages_heap *h)
{
	uint32_t id = atomic_exchange(&h->sparse_block, 0);
	size_t len = id != 0 ? length(h, &h->extents.node[id]) : 0;

	if (id != 0)
		pages_heap_empty(h, id);
	return len;
}

uint32_t
pages_heap_free_calloc(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];

	if (!e->note.sparse) {
		if ((size_t)e->used << h->arena.page_shift >= PAGES_SPARSE_FROM)
			learn(h, e->used, looks_sparse(h, e));
		e->note.calloc = false;
		return id;
	}
	if (expects(h, e->used))
		id = atomic_exchange(&h->sparse_block, id);
	if (id != 0)
		pages_heap_empty(h, id);
	else
		pages_heap_refresh_record(h);
	return 0;
}

bool
pages_heap_make_dense(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t up = pages_heap_unit_pages(h), units = pages_heap_unit_up(h, e->used);
	size_t start = (size_t)e->first << h->arena.page_shift;
	uint32_t rest = 0;

	if (!e->note.sparse)
		return true;
	if (!pages_heap_enter(h))
		return false;
	/* The units behind the used part become free. */
	if (units * up < e->count) {
		rest = pages_heap_cut_units(h, id, (uint32_t)(units * up));
		if (rest == 0) {
			pages_heap_unlock(h);
			return false;
		}
	}
	e->note = (struct pages_note){ .tick = 0 };
	pages_heap_unlock(h);
	if (rest != 0)
		pages_heap_empty(h, rest);
	pages_arena_adopt(&h->arena, start, units * PAGES_UNIT);
	return true;
}
