/* SPDX-License-Identifier: MIT */
/*
 * dedicated.c - dedicated blocks: whole units, about which the kernel gets advice
 *
 * Advice to the kernel (madvise) holds for all that will ever lie in a mapping.  So such a block
 * has whole units, which no neighbour shares.  They are mapped anew before the block gets them,
 * so that they are one mapping, and again when it is freed, before another block can get them.
 * If the kernel refuses the latter, the extent is lost.
 *
 * Slow work is done without the lock, on an extent that no other thread can reach.
 */
#include <errno.h>
#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "impl.h"
#include "os/hint.h"
#include "os/os.h"

#define ADVICE PAGES_DEDICATED_ADVICE

/* A dedicated block is a mapping of its own: two VMA splits. */
enum { SPLITS = 2 };

static uint32_t
find(const struct pages_heap *h, const void *p)
{
	size_t offset = (size_t)((const char *)p - h->arena.base);

	if ((offset & (h->arena.page_size - 1)) != 0)
		return 0;
	return pages_extents_dedicated_at(&h->extents, offset >> h->arena.page_shift);
}

static size_t
bytes(const struct pages_heap *h, size_t pages)
{
	return pages << h->arena.page_shift;
}

static struct pages_unit_run
units_of(const struct pages_heap *h, const struct pages_extent *e)
{
	size_t up = pages_heap_unit_pages(h);

	return (struct pages_unit_run){ e->first / up, e->count / up };
}

bool
pages_heap_is_dedicated(struct pages_heap *h, const void *p)
{
	return atomic_load_explicit(&h->dedicated, memory_order_relaxed) != 0 && find(h, p) != 0;
}

size_t
pages_heap_usable_dedicated(const struct pages_heap *h, const void *p)
{
	uint32_t id = find(h, p);

	return id != 0 ? bytes(h, h->extents.node[id].used) : 0;
}

/* Mapping, and back. ------------------------------------------------------ */

/*
 * Map extent id anew and give the advice.  Its note is the advice that the kernel has taken.
 * 0, or -errno if mapping or a must is refused.
 */
static int
map_anew(struct pages_heap *h, uint32_t id, struct pages_dedicated wish)
{
	struct pages_extent *e = &h->extents.node[id];
	char *p = pages_heap_address(h, e->first);
	size_t start = bytes(h, e->first), len = bytes(h, e->count);
	uint32_t taken = wish.advice & PAGES_DEDICATED_POOL;
	int err = pages_arena_renew(&h->arena, start, len);

	if (err == 0 && taken != 0 && pages_os_renew_pool(p, len) != 0) {
		taken = 0;
		err = pages_arena_heal(&h->arena, start, len);
		err = err == -EEXIST ? 0 : err;
	}
	for (unsigned i = 0; i < 31 && err == 0; i++) {
		if ((wish.advice & ADVICE(i)) == 0)
			continue;
		err = pages_hint_give(p, len, (enum pages_os_advice)i);
		if (err == 0)
			taken |= ADVICE(i);
		else if ((wish.musts & ADVICE(i)) == 0)
			err = 0;
	}
	e->note = taken;
	return err;
}

/* Without the lock: turn unused extent id into ordinary free space. */
static void
give_back(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t start = bytes(h, e->first), len = bytes(h, e->count);
	bool renewed = pages_arena_renew(&h->arena, start, len) == 0;

	if (!renewed)
		(void)pages_os_discard(h->arena.base + start, len);
	e->note = renewed;
	pages_extent_set_state(e, PAGES_EXTENT_RENEWED);
	pages_heap_free_claimed(h, id);
}

void
pages_heap_release_dedicated(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	struct pages_unit_run run = units_of(h, e);

	if (e->used != 0) {	/* a block, not the rest of one that has shrunk */
		pages_heap_count_gone(h, id);
		h->units.splits.count -= SPLITS;
		atomic_fetch_sub(&h->dedicated, 1);
	}
	pages_units_readmit(&h->units, run.first, run.first + run.count);
	if (e->note)
		(void)pages_extents_give(&h->extents, id);
	else
		pages_heap_lose(h, id);
}

/* Allocating and freeing. ------------------------------------------------- */

/* Take whole units for a block of so many pages; 0 if there are none. */
static uint32_t
take(struct pages_heap *h, size_t pages, size_t align) PAGES_LOCKED
{
	size_t up = pages_heap_unit_pages(h);
	struct pages_want want = { .count = (uint32_t)pages_round_up(pages, up) };
	struct pages_unit_run run;
	uint32_t id = 0, first;

	want.align = (uint32_t)pages_max(align >> h->arena.page_shift, up);
	want.offset = (uint32_t)(-(uintptr_t)h->arena.base >> h->arena.page_shift) &
		      (want.align - 1);
	/* Long enough to hold the block at any alignment. */
	if ((size_t)want.count + want.align - 1 <= h->extents.pages)
		id = pages_extents_next(&h->extents, want.count + want.align - 1, 0);
	if (id == 0 || h->units.splits.count + SPLITS > h->units.splits.max)
		return 0;
	(void)pages_extents_place(&h->extents, id, &want, &first);
	if (pages_arena_commit(&h->arena, bytes(h, (size_t)first + want.count)) != 0)
		return 0;
	id = pages_extents_take(&h->extents, id, first, want.count);
	if (id == 0)
		return 0;
	h->extents.node[id].used = (uint32_t)pages;
	h->extents.node[id].note = 0;
	pages_extent_set_state(&h->extents.node[id], PAGES_EXTENT_DEDICATED);
	run = units_of(h, &h->extents.node[id]);
	pages_units_seclude(&h->units, run.first, run.first + run.count);
	h->units.splits.count += SPLITS;
	return id;
}

static int
allocate(struct pages_heap *h, size_t size, size_t align, uint32_t *ret) PAGES_LOCKED
{
	size_t pages;

	if (h->state == PAGES_HEAP_UNOPENED)
		pages_heap_open(h);
	if (h->state != PAGES_HEAP_OPEN) {
		h->stats.declined_no_arena++;
		return -EOPNOTSUPP;
	}
	pages_heap_flush_caches(h);
	pages = pages_heap_pages(h, size);
	*ret = 0;
	if (!pages_heap_is_too_long(h, pages) && align <= h->arena.len)
		*ret = take(h, pages, align);
	if (*ret == 0) {
		h->stats.declined_no_space++;
		return -ENOMEM;
	}
	h->stats.requests++;
	h->stats.requested_bytes += size;
	h->stats.live_objects++;
	pages_heap_count_live(h, pages, 0);
	atomic_fetch_add(&h->dedicated, 1);
	return 0;
}

int
pages_heap_alloc_dedicated(struct pages_heap *h, size_t size, size_t align,
			   struct pages_dedicated wish, void **ret)
{
	uint32_t id;
	int err;

	if (!pages_heap_enter(h)) {
		atomic_fetch_add_explicit(&h->busy, 1, memory_order_relaxed);
		return -ENOMEM;
	}
	err = allocate(h, size, align, &id);
	pages_heap_leave(h);
	if (err != 0)
		return err;
	err = map_anew(h, id, wish);
	if (err != 0) {
		pages_extent_set_state(&h->extents.node[id], PAGES_EXTENT_FREED);
		give_back(h, id);
		return err;
	}
	*ret = pages_heap_address(h, h->extents.node[id].first);
	return 0;
}

void
pages_heap_free_dedicated(struct pages_heap *h, void *p)
{
	uint32_t id = find(h, p), state = PAGES_EXTENT_DEDICATED;

	if (id == 0 ||
	    !__atomic_compare_exchange_n(&h->extents.node[id].state, &state, PAGES_EXTENT_FREED,
					 false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		pages_heap_die("free");
	give_back(h, id);
}

/* Resizing. --------------------------------------------------------------- */

static void
shrink(struct pages_heap *h, uint32_t id, size_t pages)
{
	struct pages_extent *e = &h->extents.node[id];
	uint32_t keep = (uint32_t)pages_round_up(pages, pages_heap_unit_pages(h)), rest = 0;

	if (!pages_heap_enter(h))
		return;
	pages_heap_count_live(h, pages, e->used);
	e->used = (uint32_t)pages;
	if (keep < e->count)
		rest = pages_extents_split(&h->extents, id, keep);
	if (rest != 0) {
		h->extents.node[rest].used = 0;
		pages_extent_set_state(&h->extents.node[rest], PAGES_EXTENT_FREED);
	}
	pages_heap_leave(h);
	if (rest != 0)
		give_back(h, rest);
}

/* Take the units behind block id that it lacks for so many pages, as another extent. */
static uint32_t
take_behind(struct pages_heap *h, uint32_t id, size_t pages) PAGES_LOCKED
{
	struct pages_extent *e = &h->extents.node[id];
	size_t count = pages_round_up(pages, pages_heap_unit_pages(h)) - e->count;
	size_t end = bytes(h, e->first + e->count + count);
	struct pages_unit_run run;
	uint32_t next;

	if (end > h->arena.len || pages_arena_commit(&h->arena, end) != 0)
		return 0;
	next = pages_extents_take_behind(&h->extents, id, (uint32_t)count);
	if (next == 0)
		return 0;
	pages_extent_set_state(&h->extents.node[next], PAGES_EXTENT_FREED);
	h->extents.node[next].used = 0;
	run = units_of(h, &h->extents.node[next]);
	pages_units_seclude(&h->units, run.first, run.first + run.count);
	return next;
}

/* The block in extent id, which is long enough, has so many pages now. */
static void
set_used(struct pages_heap *h, uint32_t id, size_t pages) PAGES_LOCKED
{
	struct pages_extent *e = &h->extents.node[id];

	pages_heap_count_live(h, pages, e->used);
	h->stats.requested_bytes += bytes(h, pages - e->used);
	h->stats.grown_in_place++;
	e->used = (uint32_t)pages;
}

/* What a block grows by must have the same advice, except that the hugetlb pool may be empty. */
static struct pages_dedicated
same_as(const struct pages_extent *e)
{
	return (struct pages_dedicated){ e->note, e->note & ~PAGES_DEDICATED_POOL };
}

static bool
expand(struct pages_heap *h, uint32_t id, size_t pages)
{
	struct pages_extent *e = &h->extents.node[id];
	bool fits;
	uint32_t next = 0;

	if (pages_heap_is_too_long(h, pages) || !pages_heap_enter(h))
		return false;
	fits = pages <= e->count;
	if (fits) {
		set_used(h, id, pages);
	} else {
		pages_heap_flush_caches(h);
		next = take_behind(h, id, pages);
	}
	pages_heap_leave(h);
	if (next == 0)
		return fits;
	if (map_anew(h, next, same_as(e)) != 0 || !pages_heap_enter(h)) {
		give_back(h, next);
		return false;
	}
	pages_extents_absorb(&h->extents, id, next);
	set_used(h, id, pages);
	pages_heap_leave(h);
	return true;
}

bool
pages_heap_expand_dedicated(struct pages_heap *h, void *p, size_t size)
{
	uint32_t id = find(h, p);
	size_t pages = pages_heap_pages(h, size);

	return pages <= h->extents.node[id].used || expand(h, id, pages);
}

/* Bring the contents of block id to block new: move them, or else copy them. */
static int
move(struct pages_heap *h, uint32_t id, uint32_t new)
{
	const struct pages_extent *from = &h->extents.node[id], *to = &h->extents.node[new];
	char *src = pages_heap_address(h, from->first), *dst = pages_heap_address(h, to->first);
	size_t len = bytes(h, from->used);
	int err;

	/* Moved pages keep the advice about them. */
	if (pages_can(PAGES_CAP_MOVE) && pages_os_move(src, dst, len) == 0)
		return 0;
	err = pages_arena_heal(&h->arena, bytes(h, to->first), len);
	if (err == 0)
		err = map_anew(h, new, same_as(to));
	if (err == 0 || err == -EEXIST) {
		err = 0;
		memcpy(dst, src, len);
		pages_heap_count_copy(h, len);
	}
	return err;
}

void *
pages_heap_resize_dedicated(struct pages_heap *h, void *p, size_t size, bool keep)
{
	uint32_t id = find(h, p), new;
	const struct pages_extent *e = &h->extents.node[id];
	size_t pages = pages_heap_pages(h, size);
	void *q;

	if (pages < e->used)
		shrink(h, id, pages);
	if (pages <= e->used || expand(h, id, pages))
		return p;
	if (pages_heap_alloc_dedicated(h, size, 1, same_as(e), &q) != 0)
		return NULL;
	new = find(h, q);
	if (keep && move(h, id, new) != 0) {
		pages_heap_free_dedicated(h, q);
		return NULL;
	}
	pages_heap_free_dedicated(h, p);
	return q;
}

/* Advice. ----------------------------------------------------------------- */

int
pages_heap_advise_dedicated(struct pages_heap *h, void *p, enum pages_os_advice advice)
{
	static const struct {
		uint32_t ends;		/* earlier advice that it cancels */
		bool lasts;		/* it is a property of the mapping from now on */
	} effect[] = {
		[PAGES_OS_NORMAL] = { ADVICE(PAGES_OS_SEQUENTIAL) | ADVICE(PAGES_OS_RANDOM),
				      false },
		[PAGES_OS_SEQUENTIAL] = { ADVICE(PAGES_OS_RANDOM), true },
		[PAGES_OS_RANDOM] = { ADVICE(PAGES_OS_SEQUENTIAL), true },
		[PAGES_OS_HUGE] = { ADVICE(PAGES_OS_NO_HUGE), true },
		[PAGES_OS_NO_HUGE] = { ADVICE(PAGES_OS_HUGE), true },
		[PAGES_OS_DONT_FORK] = { 0, true },
		[PAGES_OS_DO_FORK] = { ADVICE(PAGES_OS_DONT_FORK), false },
		[PAGES_OS_WIPE_ON_FORK] = { 0, true },
		[PAGES_OS_KEEP_ON_FORK] = { ADVICE(PAGES_OS_WIPE_ON_FORK), false },
		[PAGES_OS_DONT_DUMP] = { 0, true },
		[PAGES_OS_DO_DUMP] = { ADVICE(PAGES_OS_DONT_DUMP), false },
		[PAGES_OS_MERGEABLE] = { 0, true },
		[PAGES_OS_UNMERGEABLE] = { ADVICE(PAGES_OS_MERGEABLE), false },
	};
	struct pages_extent *e = &h->extents.node[find(h, p)];
	int err = pages_hint_give(p, bytes(h, e->count), advice);

	if (err == 0)
		e->note = (e->note & ~effect[advice].ends) |
			   (effect[advice].lasts ? ADVICE(advice) : 0);
	return err;
}

/*
 * A block with DONT_FORK leaves a hole in the child's arena.  Another mapping could land there,
 * and freeing the block in the child would destroy that.  So close the hole with inaccessible
 * memory: touching it still faults.
 */
static void
close_hole(struct pages_heap *h, struct pages_extent *e) PAGES_LOCKED
{
	char *p = pages_heap_address(h, e->first);
	size_t len = bytes(h, e->count);

	if (pages_os_fill(p, len, PAGES_OS_READ | PAGES_OS_WRITE) == 0) {
		(void)pages_os_protect(p, len, PAGES_OS_NONE);
		e->note &= ~ADVICE(PAGES_OS_DONT_FORK);
	} else {
		/* Another mapping is there already, or the kernel refused: never free it. */
		e->note = 0;
		pages_heap_release_dedicated(h, (uint32_t)(e - h->extents.node));
	}
}

void
pages_heap_close_holes(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	struct pages_extents *x = &h->extents;

	if (atomic_load(&h->dedicated) == 0 || atomic_load(&h->lock.owner) != pages_lock_self())
		return;
	for (uint32_t page = 0; page < x->pages; page += x->node[x->edge[page]].count) {
		struct pages_extent *e = &x->node[x->edge[page]];

		if (pages_extent_state(e) == PAGES_EXTENT_DEDICATED &&
		    (e->note & ADVICE(PAGES_OS_DONT_FORK)) != 0)
			close_hole(h, e);
	}
}
