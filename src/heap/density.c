/* SPDX-License-Identifier: MIT */
/*
 * density.c - learns which size classes are sparse, and makes the small zone
 */
#include "density.h"

#include "os/base.h"
#include "os/caps.h"
#include "lock.h"
#include "place.h"
#include "probe.h"
#include "purge.h"
#include "taint.h"
#include "os/bits.h"
#include "os/os.h"

/* A span is sparse if at most a quarter of it is written to; in the small zone, at most half. */
enum { SPARSE_SHARE = 4, STILL_SPARSE_SHARE = 2 };

/*
 * So many looks in a row make a class sparse, or dense again.  Each time that it turns dense again,
 * four times as many looks are needed to make it sparse.
 */
enum { LOOKS_SPARSE = 3, LOOKS_DENSE = 2, MOST_TURNS = 5 };

/* The more often blocks were dense, the fewer are looked at: one in so many, at last. */
enum { MOST_QUIET = 256 };

/* After so many looks at a block that nothing was written to, another one takes its place. */
enum { MOST_UNTOUCHED = 8 };

/* Of a longer block only windows are looked at, evenly spread; and only so many pages are read. */
#define SPAN_MAX PAGES_MIB(16)
#define PAGES_MAX 512
enum { WINDOWS = 8 };

/* The small zone grows by half, but by no less than this and no more than that. */
#define WIDEN_MIN (PAGES_MIB(32) / PAGES_UNIT)
#define WIDEN_MAX (PAGES_MIB(512) / PAGES_UNIT)

enum verdict { UNTOUCHED, SPARSE, DENSE };

/* Looking. ---------------------------------------------------------------- */

/*
 * Find the next run of resident pages.  mincore() is cheap, but counts pages that were only read;
 * exact does without those, where the kernel can tell.
 */
static int
scan(const char *p, size_t len, bool exact, size_t *at, size_t *ret_len)
{
	return exact && pages_can(PAGES_CAP_SCAN) ? pages_os_scan(p, len, false, at, ret_len) :
						    pages_os_scan_mincore(p, len, at, ret_len);
}

/* How many bytes of [p, p + len) are resident; 0 if the kernel does not say. */
static size_t
count_resident(const char *p, size_t len, bool exact)
{
	size_t at = 0, run = 0, sum = 0;

	while (at < len && scan(p, len, exact, &at, &run) == 0 && run != 0) {
		sum += run;
		at += run;
	}
	return sum;
}

/* Other threads may be writing there, or freeing it: the kernel reads, and may fail. */
static bool
is_written(struct pages_heap *h, const char *p)
{
	for (size_t i = 0; i < h->arena.page_size; i += sizeof(h->peek)) {
		if (pages_os_peek(p + i, h->peek, sizeof(h->peek)) != 0)
			return false;
		if (!pages_is_zero(h->peek, sizeof(h->peek)))
			return true;
	}
	return false;
}

/*
 * How many bytes of [p, p + len), of which so many are resident, are not zero; about, and no more
 * than max.  Only resident pages are read: to read another one would make it resident.
 */
static size_t
count_written(struct pages_heap *h, const char *p, size_t len, size_t resident, size_t max)
{
	size_t page = h->arena.page_size;
	size_t step = pages_max(page, pages_round_up(resident / PAGES_MAX, page));
	size_t at = 0, run = 0, sum = 0;

	while (sum <= max && at < len && pages_os_scan_mincore(p, len, &at, &run) == 0 && run != 0)
		for (size_t end = at + run; at < end && sum <= max; at += step)
			sum += is_written(h, p + at) ? step : 0;
	return sum;
}

/* A part of a block that is looked at. */
struct window {
	const char *p;
	size_t len;
};

static unsigned
count_windows(size_t len)
{
	return len > SPAN_MAX ? WINDOWS : 1;
}

static struct window
window(const struct pages_heap *h, const char *p, size_t len, unsigned i)
{
	size_t step = pages_round_down(len / WINDOWS, h->arena.page_size);

	if (count_windows(len) == 1)
		return (struct window){ p, len };
	return (struct window){ p + i * step, SPAN_MAX / WINDOWS };
}

static size_t
seen(size_t len)
{
	return pages_min(len, SPAN_MAX);
}

static enum verdict
judge(size_t bytes, size_t len, size_t share)
{
	return bytes == 0 ? UNTOUCHED : bytes > len / share ? DENSE : SPARSE;
}

static size_t
sum_resident(const struct pages_heap *h, const char *p, size_t len, bool exact)
{
	size_t sum = 0;

	for (unsigned i = 0; i < count_windows(len); i++) {
		struct window w = window(h, p, len, i);

		sum += count_resident(w.p, w.len, exact);
	}
	return sum;
}

static size_t
sum_written(struct pages_heap *h, const char *p, size_t len, size_t resident, size_t max)
{
	size_t sum = 0;

	for (unsigned i = 0; i < count_windows(len) && sum <= max; i++) {
		struct window w = window(h, p, len, i);

		sum += count_written(h, w.p, w.len, resident, max);
	}
	return sum;
}

/* In the small zone.  Pages that were only read look resident at first. */
static enum verdict
look_small(const struct pages_heap *h, const char *p, size_t len)
{
	enum verdict v = judge(sum_resident(h, p, len, false), seen(len), STILL_SPARSE_SHARE);

	if (v == DENSE && pages_can(PAGES_CAP_SCAN))
		v = judge(sum_resident(h, p, len, true), seen(len), STILL_SPARSE_SHARE);
	return v;
}

static enum verdict
look_huge(struct pages_heap *h, const char *p, size_t len)
{
	size_t resident = sum_resident(h, p, len, false), max = seen(len) / SPARSE_SHARE;
	enum verdict v;

	if (resident == 0 || atomic_exchange_explicit(&h->peeking, true, memory_order_acquire))
		return UNTOUCHED;
	v = judge(sum_written(h, p, len, resident, max), seen(len), SPARSE_SHARE);
	atomic_store_explicit(&h->peeking, false, memory_order_release);
	return v;
}

/* Look at pages that were fresh when a block got them; it may be gone by now. */
static enum verdict
look(struct pages_heap *h, struct pages_span span)
{
	const char *p = pages_heap_address(h, span.first);
	size_t len = (size_t)span.count << h->arena.page_shift;
	size_t unit = pages_heap_unit_down(h, span.first);

	if (pages_heap_is_tainted(h, span.first, span.first + span.count))
		return UNTOUCHED;
	return pages_arena_zone(&h->arena, unit) == PAGES_ZONE_SMALL ? look_small(h, p, len) :
								     look_huge(h, p, len);
}

/* Learning. --------------------------------------------------------------- */

static uint64_t
class_bit(size_t pages)
{
	return (uint64_t)1 << pages_log2(pages);
}

enum pages_zone
pages_heap_zone_for(struct pages_heap *h, size_t pages)
{
	uint64_t small = atomic_load_explicit(&h->small_sizes, memory_order_relaxed);

	return (small & class_bit(pages)) != 0 ? PAGES_ZONE_SMALL : PAGES_ZONE_HUGE;
}

static uint32_t
add(_Atomic uint32_t *counter)
{
	return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) + 1;
}

static void
reset(struct pages_density *d)
{
	atomic_store_explicit(&d->sparse, 0, memory_order_relaxed);
	atomic_store_explicit(&d->dense, 0, memory_order_relaxed);
	atomic_store_explicit(&d->quiet, 0, memory_order_relaxed);
}

static void
found_sparse(struct pages_heap *h, struct pages_density *d, uint64_t bit)
{
	uint32_t turns = atomic_load_explicit(&d->turns, memory_order_relaxed);

	atomic_store_explicit(&d->dense, 0, memory_order_relaxed);
	if (add(&d->sparse) < (uint32_t)LOOKS_SPARSE << 2 * (turns < MOST_TURNS ? turns : MOST_TURNS))
		return;
	reset(d);
	if (pages_can(PAGES_CAP_SMALL))
		atomic_fetch_or_explicit(&h->small_sizes, bit, memory_order_release);
}

static void
found_dense(struct pages_heap *h, struct pages_density *d, uint64_t bit)
{
	uint32_t dense = add(&d->dense);

	atomic_store_explicit(&d->sparse, 0, memory_order_relaxed);
	if ((atomic_load_explicit(&h->small_sizes, memory_order_relaxed) & bit) == 0) {
		dense = dense < MOST_QUIET ? dense : MOST_QUIET;
		atomic_store_explicit(&d->quiet, dense, memory_order_relaxed);
	} else if (dense >= LOOKS_DENSE) {
		atomic_fetch_and_explicit(&h->small_sizes, ~bit, memory_order_relaxed);
		(void)add(&d->turns);
		reset(d);
	}
}

/* All of a block or none of it, because half of one says too little. */
struct pages_span
pages_heap_fresh_part(const struct pages_heap *h, uint32_t id)
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t a = pages_heap_unit_down(h, e->first), b = pages_heap_unit_up(h, e->first + e->used);

	if (pages_bits_find(h->units.fresh_bits, a, b, false) != b)
		return (struct pages_span){ 0, 0 };
	return (struct pages_span){ e->first, e->used };
}

/* Not in a sandbox: pages_confine() takes the right to look away. */
static bool
may_look(const struct pages_heap *h)
{
	return h->arena.huge && h->facts.huge_pages && pages_can(PAGES_CAP_LOOK);
}

/*
 * Look at the oldest candidate, and let go of it if that says something.  Another thread may be
 * about to write to it, because its first page fault takes a while: so it is not let go of at once.
 */
static enum verdict
look_at_one(struct pages_heap *h, struct pages_density *d)
{
	uint32_t at = add(&d->next);
	enum verdict v = UNTOUCHED;

	for (uint32_t i = 0; i < PAGES_DENSITY_CANDIDATES; i++) {
		struct pages_candidate *c = &d->candidate[(at + i) % PAGES_DENSITY_CANDIDATES];
		uint64_t span = atomic_load_explicit(&c->span, memory_order_relaxed);

		if (span == 0)
			continue;
		v = look(h, (struct pages_span){ (uint32_t)(span >> 32), (uint32_t)span });
		if (v != UNTOUCHED || add(&c->untouched) >= MOST_UNTOUCHED)
			atomic_store_explicit(&c->span, 0, memory_order_relaxed);
		break;
	}
	return v;
}

static void
conclude(struct pages_heap *h, size_t pages, enum verdict v)
{
	struct pages_density *d = &h->density[pages_log2(pages)];

	switch (v) {
	case UNTOUCHED:
		break;
	case SPARSE:
		found_sparse(h, d, class_bit(pages));
		break;
	case DENSE:
		found_dense(h, d, class_bit(pages));
	}
}

static void
add_candidate(struct pages_density *d, struct pages_span fresh)
{
	for (uint32_t i = 0; i < PAGES_DENSITY_CANDIDATES; i++) {
		struct pages_candidate *c = &d->candidate[i];

		if (atomic_load_explicit(&c->span, memory_order_relaxed) != 0)
			continue;
		atomic_store_explicit(&c->untouched, 0, memory_order_relaxed);
		atomic_store_explicit(&c->span, (uint64_t)fresh.first << 32 | fresh.count,
				      memory_order_relaxed);
		return;
	}
}

void
pages_heap_learn_density(struct pages_heap *h, uint32_t id, struct pages_span fresh)
{
	const struct pages_extent *e = &h->extents.node[id];
	struct pages_density *d = &h->density[pages_log2(e->used)];
	uint32_t quiet;

	if (fresh.count == 0 || e->note.sparse || !may_look(h))
		return;
	quiet = atomic_load_explicit(&d->quiet, memory_order_relaxed);
	if (quiet != 0) {
		atomic_store_explicit(&d->quiet, quiet - 1, memory_order_relaxed);
		return;
	}
	conclude(h, e->used, look_at_one(h, d));
	add_candidate(d, fresh);
}

bool
pages_heap_is_sparse(struct pages_heap *h, uint32_t id, size_t pages)
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t len = (size_t)e->used << h->arena.page_shift;

	if (pages_heap_zone_for(h, pages) == PAGES_ZONE_SMALL)
		return true;
	return len > PAGES_UNIT && may_look(h) &&
	       look_small(h, pages_heap_address(h, e->first), len) != DENSE;
}

void
pages_heap_leave_small(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t len = (size_t)e->used << h->arena.page_shift;
	char *p = pages_heap_address(h, e->first);

	if (may_look(h))
		conclude(h, e->used, look_small(h, p, len));
	e->note = (struct pages_note){ .torn = e->note.torn };
	e->note.clean = pages_can(PAGES_CAP_DISCARD) && pages_os_discard(p, len) == 0;
	if (e->note.clean)
		pages_probe_purge(p, len, PAGES_PURGED_NOW);
}

/* The small zone. --------------------------------------------------------- */

/* Take whole units that hold no memory; NULL if there are none.  See pages_heap_grow(). */
static struct pages_change *
take_units(struct pages_heap *h, size_t units, bool *ret_more) PAGES_LOCKED
{
	struct pages_change *c;
	uint32_t id;

	if (h->state != PAGES_HEAP_OPEN ||
	    h->units.splits.count + PAGES_DEDICATED_SPLITS > h->units.splits.max)
		return NULL;
	c = pages_heap_change(h, 0);
	id = c != NULL ? pages_heap_place_behind(h, units * pages_heap_unit_pages(h)) : 0;
	if (id == 0) {
		if (c != NULL)
			(void)pages_heap_end(h, c);
		return NULL;
	}
	*ret_more = pages_heap_prepare_units(h, c, id);
	return c;
}

/* The change has been performed: its units, which are to be mapped anew, belong to the zone now. */
static uint32_t
join_zone(struct pages_heap *h, struct pages_change *c) PAGES_LOCKED
{
	uint32_t id = pages_heap_end_units(h, c);
	struct pages_extent *e = &h->extents.node[id];
	struct pages_unit_run run = pages_heap_units_of(h, e);

	if (id == 0)
		return 0;
	h->units.splits.count += PAGES_DEDICATED_SPLITS;
	atomic_fetch_add_explicit(&h->small_units, run.count, memory_order_relaxed);
	e->zone = PAGES_ZONE_SMALL;
	pages_units_set_small(&h->units, run.first, run.first + run.count);
	return id;
}

/* Without the lock: lengthen the zone by so many units. */
static bool
widen(struct pages_heap *h, size_t units)
{
	struct pages_change *c;
	bool more = false;
	uint32_t id = 0;

	if (!pages_heap_enter(h))
		return false;
	c = take_units(h, units, &more);
	if (more) {
		pages_heap_unlock(h);
		if (!pages_heap_perform(h, c))
			return false;
	}
	if (c != NULL)
		id = join_zone(h, c);
	pages_heap_leave(h);
	if (id != 0)
		pages_heap_empty(h, id);
	return id != 0;
}

bool
pages_heap_widen_small(struct pages_heap *h, size_t pages)
{
	size_t least = pages_heap_unit_up(h, pages);
	size_t small = atomic_load_explicit(&h->small_units, memory_order_relaxed);
	size_t units = pages_max(WIDEN_MIN, pages_min(WIDEN_MAX, small / 2));

	if (!pages_can(PAGES_CAP_SMALL))
		return false;
	/* Near a limit of address space, no more than this block needs. */
	return widen(h, pages_max(units, least)) || (units > least && widen(h, least));
}
