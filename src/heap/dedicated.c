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
#include "block.h"
#include "cache.h"
#include "dedicated.h"
#include "lock.h"
#include "place.h"
#include "probe.h"
#include "purge.h"
#include "taint.h"
#include "os/hint.h"
#include "os/os.h"

#define ADVICE PAGES_DEDICATED_ADVICE

static uint32_t
find(const struct pages_heap *h, const void *p)
{
	return pages_heap_find(h, p, PAGES_EXTENT_DEDICATED);
}

static size_t
bytes(const struct pages_heap *h, size_t pages)
{
	return pages << h->arena.page_shift;
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
 * Map extent id anew and give the advice.  Its record has the advice that the kernel has taken.
 * 0, or -errno if mapping or a must is refused.
 */
static int
map_anew(struct pages_heap *h, uint32_t id, struct pages_dedicated how)
{
	struct pages_extent *e = &h->extents.node[id];
	char *p = pages_heap_address(h, e->first);
	size_t start = bytes(h, e->first), len = bytes(h, e->count);
	uint32_t taken = how.advice & PAGES_DEDICATED_POOL;
	int err = pages_arena_renew(&h->arena, start, len);

	if (err == 0 && taken != 0 && pages_os_renew_pool(p, len) != 0) {
		taken = 0;
		err = pages_arena_heal(&h->arena, start, len);
		err = err == -EEXIST ? 0 : err;
	}
	if (err == 0)
		pages_heap_untaint(h, e->first, e->first + e->count);
	e->note.unmapped = err == -EFAULT;
	for (unsigned i = 0; i < 31 && err == 0; i++) {
		if ((how.advice & ADVICE(i)) == 0)
			continue;
		err = pages_hint_give(p, len, (enum pages_os_advice)i);
		if (err == 0)
			taken |= ADVICE(i);
		else if ((how.musts & ADVICE(i)) == 0)
			err = 0;
	}
	e->advice = taken;
	return err;
}

/* Allocating and freeing. ------------------------------------------------- */

/* Take whole units for a block of so many pages; NULL if there are none.  See pages_heap_grow(). */
static struct pages_change *
take(struct pages_heap *h, size_t pages, size_t align, bool *ret_more) PAGES_LOCKED
{
	size_t up = pages_heap_unit_pages(h);
	struct pages_want want = { .count = (uint32_t)pages_round_up(pages, up) };
	struct pages_change *c;
	struct pages_extent *e;
	uint32_t id;

	want.align = (uint32_t)pages_max(align >> h->arena.page_shift, up);
	want.offset = (uint32_t)(-(uintptr_t)h->arena.base >> h->arena.page_shift) &
		      (want.align - 1);
	if (h->units.splits.count + PAGES_DEDICATED_SPLITS > h->units.splits.max)
		return NULL;
	c = pages_heap_change(h, 0);
	id = c != NULL ? pages_heap_place(h, &want, (uint32_t)pages) : 0;
	if (id == 0) {
		if (c != NULL)
			(void)pages_heap_end(h, c);
		return NULL;
	}
	e = &h->extents.node[id];
	h->stats.live_objects++;
	pages_heap_count_live(h, pages, 0);
	c->id = id;
	c->filling = PAGES_FILL_NONE;
	*ret_more = pages_heap_prepare(h, c, e->first);
	return c;
}

static struct pages_change *
allocate(struct pages_heap *h, size_t size, size_t align, bool *ret_more) PAGES_LOCKED
{
	size_t pages;
	struct pages_change *c = NULL;

	pages_heap_flush_caches(h);
	pages = pages_heap_pages(h, size);
	if (!pages_heap_is_too_long(h, pages) && align <= h->arena.len)
		c = take(h, pages, align, ret_more);
	if (c == NULL)
		h->stats.declined_no_space++;
	return c;
}

/* The change has been performed: make its block a dedicated one.  0 or -errno. */
static int
finish(struct pages_heap *h, struct pages_change *c, size_t size, uint32_t *ret) PAGES_LOCKED
{
	struct pages_extent *e = &h->extents.node[c->id];
	struct pages_unit_run run = pages_heap_units_of(h, e);
	int err;

	*ret = c->id;
	err = pages_heap_end(h, c);
	if (err != 0) {
		h->stats.declined_refused++;
		return -ENOMEM;
	}
	/* They are mapped anew presently. */
	pages_splits_heal(&h->units.splits, run.first, run.count);
	h->units.splits.count += PAGES_DEDICATED_SPLITS;
	atomic_fetch_add(&h->dedicated, 1);
	e->advice = 0;
	e->note = (struct pages_note){ .dedicated = true };
	pages_extent_set_state(e, PAGES_EXTENT_DEDICATED);
	h->stats.requests++;
	h->stats.requested_bytes += size;
	return 0;
}

/* Without the lock: take units for a block, not mapped anew yet.  0 or -errno. */
static int
place(struct pages_heap *h, size_t size, size_t align, uint32_t *ret)
{
	struct pages_change *c = NULL;
	bool more = false;
	int err = -ENOMEM;

	if (!pages_heap_enter(h)) {
		pages_heap_count_busy(h);
		return err;
	}
	if (h->state == PAGES_HEAP_UNOPENED)
		pages_heap_open(h);
	if (h->state == PAGES_HEAP_OPEN) {
		c = allocate(h, size, align, &more);
	} else {
		h->stats.declined_no_arena++;
		err = -EOPNOTSUPP;
	}
	if (more) {
		pages_heap_unlock(h);
		if (!pages_heap_perform(h, c))
			return err;
	}
	if (c != NULL)
		err = finish(h, c, size, ret);
	pages_heap_leave(h);
	return err;
}

/* Allocate a block for the program, or for one that moves.  0 or -errno. */
static int
place_anew(struct pages_heap *h, size_t size, size_t align, struct pages_dedicated how,
	   void **ret)
{
	uint32_t id;
	int err = place(h, size, align, &id);

	if (err != 0)
		return err;
	err = map_anew(h, id, how);
	if (err != 0) {
		pages_extent_set_state(&h->extents.node[id], PAGES_EXTENT_FREED);
		pages_heap_empty(h, id);
		return err;
	}
	pages_heap_hand_out(h, &h->extents.node[id]);
	*ret = pages_heap_address(h, h->extents.node[id].first);
	return 0;
}

int
pages_heap_alloc_dedicated(struct pages_heap *h, size_t size, size_t align,
			   struct pages_dedicated how, void **ret)
{
	int err = place_anew(h, size, align, how, ret);

	if (err == 0)
		(void)pages_probe_allocate(*ret, size);
	return err;
}

static void
discard(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent *e = &h->extents.node[id];

	pages_heap_claim(h, id, PAGES_EXTENT_DEDICATED, "free");
	pages_heap_take_in(h, e->first, e->first + e->used);
	pages_heap_empty(h, id);
}

bool
pages_heap_free_dedicated(struct pages_heap *h, void *p)
{
	uint32_t id = find(h, p);

	if (id == 0) {
		if (!pages_heap_maps(h, p))
			return false;
		pages_heap_die(h, p, "free");
	}
	pages_probe_free(p, &h->extents.node[id].used, &h->arena.page_size);
	discard(h, id);
	return true;
}

/* Resizing. --------------------------------------------------------------- */

static void
shrink(struct pages_heap *h, uint32_t id, size_t pages)
{
	struct pages_extent *e = &h->extents.node[id];
	uint32_t rest;

	if (!pages_heap_enter(h))
		return;
	pages_heap_take_in(h, e->first + pages, e->first + e->used);
	pages_heap_count_live(h, pages, e->used);
	e->used = (uint32_t)pages;
	rest = pages_heap_cut_units(h, id,
				    (uint32_t)pages_round_up(pages, pages_heap_unit_pages(h)));
	pages_heap_unlock(h);
	if (rest != 0)
		pages_heap_empty(h, rest);
}

/* Take the units behind block id that it lacks for so many pages, as another extent. */
static struct pages_change *
take_behind(struct pages_heap *h, uint32_t id, size_t pages, bool *ret_more) PAGES_LOCKED
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t up = pages_heap_unit_pages(h);
	size_t count = pages_round_up(pages, up) - e->count, end = e->first + e->count;
	struct pages_change *c;
	uint32_t next;

	if (end + count > h->extents.pages ||
	    pages_units_busy_end(&h->units, end / up, (end + count) / up) != end / up)
		return NULL;
	c = pages_heap_change(h, 0);
	next = c != NULL ? pages_extents_take_behind(&h->extents, id, (uint32_t)count) : 0;
	if (next == 0) {
		if (c != NULL)
			(void)pages_heap_end(h, c);
		return NULL;
	}
	*ret_more = pages_heap_prepare_units(h, c, next);
	return c;
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
	pages_heap_hand_out(h, e);
}

/* What a block grows by must have the same advice, except that the hugetlb pool may be empty. */
static struct pages_dedicated
same_as(const struct pages_extent *e)
{
	return (struct pages_dedicated){ e->advice, e->advice & ~PAGES_DEDICATED_POOL };
}

/* Take what block id lacks for so many pages, as another extent; 0 if it lacks nothing. */
static bool
lengthen(struct pages_heap *h, uint32_t id, size_t pages, uint32_t *ret_next)
{
	struct pages_change *c = NULL;
	bool more = false, fits;

	*ret_next = 0;
	if (pages_heap_is_too_long(h, pages) || !pages_heap_enter(h))
		return false;
	fits = pages <= h->extents.node[id].count;
	if (fits) {
		set_used(h, id, pages);
	} else {
		pages_heap_flush_caches(h);
		c = take_behind(h, id, pages, &more);
	}
	if (more) {
		pages_heap_unlock(h);
		if (!pages_heap_perform(h, c))
			return false;
	}
	if (c != NULL)
		*ret_next = pages_heap_end_units(h, c);
	pages_heap_leave(h);
	return fits || *ret_next != 0;
}

static bool
expand(struct pages_heap *h, uint32_t id, size_t pages)
{
	uint32_t next;

	if (!lengthen(h, id, pages, &next))
		return false;
	if (next == 0)
		return true;
	if (map_anew(h, next, same_as(&h->extents.node[id])) != 0 || !pages_heap_enter(h)) {
		pages_heap_empty(h, next);
		return false;
	}
	pages_extents_absorb(&h->extents, id, next);
	set_used(h, id, pages);
	pages_heap_unlock(h);
	return true;
}

bool
pages_heap_expand_dedicated(struct pages_heap *h, void *p, size_t size)
{
	uint32_t id = find(h, p);
	size_t pages = pages_heap_pages(h, size), used = h->extents.node[id].used;

	if (pages <= used)
		return true;
	if (!expand(h, id, pages))
		return false;
	pages_probe_resize(p, bytes(h, used), p, size);
	return true;
}

/* Move the pages of block id to block new.  -EEXIST: refused, and block new is as it was. */
static int
move(struct pages_heap *h, uint32_t id, uint32_t new)
{
	const struct pages_extent *from = &h->extents.node[id];
	struct pages_extent *to = &h->extents.node[new];
	char *src = pages_heap_address(h, from->first), *dst = pages_heap_address(h, to->first);
	size_t start = bytes(h, to->first), len = bytes(h, from->used);
	int err;

	if (!pages_units_may_move(&h->units) ||
	    pages_heap_is_tainted(h, from->first, from->first + from->used))
		return -EEXIST;
	/* Moved pages keep the advice about them. */
	if (pages_os_move(src, dst, len) == 0) {
		pages_probe_move(src, dst, len);
		return 0;
	}
	err = pages_arena_heal(&h->arena, start, len);
	if (err == 0)
		err = map_anew(h, new, same_as(to));
	else if (err == -EFAULT)	/* a hole; none of the block is mapped from now on */
		pages_arena_unmap(&h->arena, start + len, bytes(h, to->count) - len);
	to->note.unmapped = err == -EFAULT;
	return err != 0 ? err : -EEXIST;
}

/* Bring the contents of block id to block new: move them, or else copy them. */
static int
bring(struct pages_heap *h, uint32_t id, uint32_t new)
{
	const struct pages_extent *from = &h->extents.node[id];
	size_t len = bytes(h, from->used);
	int err = move(h, id, new);

	if (err != -EEXIST)
		return err;
	memcpy(pages_heap_address(h, h->extents.node[new].first),
	       pages_heap_address(h, from->first), len);
	pages_heap_count_copy(h, len);
	return 0;
}

void *
pages_heap_resize_dedicated(struct pages_heap *h, void *p, size_t size, bool keep)
{
	uint32_t id = find(h, p), new;
	const struct pages_extent *e = &h->extents.node[id];
	size_t pages = pages_heap_pages(h, size), used = e->used;
	void *q;

	if (pages == used)
		return p;
	if (pages < used)
		shrink(h, id, pages);
	if (pages < used || expand(h, id, pages)) {
		pages_probe_resize(p, bytes(h, used), p, size);
		return p;
	}
	if (place_anew(h, size, 1, same_as(e), &q) != 0)
		return NULL;
	new = find(h, q);
	if (keep && bring(h, id, new) != 0) {
		discard(h, new);
		return NULL;
	}
	pages_probe_resize(p, bytes(h, used), q, size);
	discard(h, id);
	return q;
}
