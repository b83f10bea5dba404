/* SPDX-License-Identifier: MIT */
/*
 * alloc.c - allocates and frees blocks: from the front caches, or from free extents
 */
#include <errno.h>
#include <string.h>

#include "block.h"
#include "cache.h"
#include "dedicated.h"
#include "density.h"
#include "lock.h"
#include "mark.h"
#include "place.h"
#include "probe.h"
#include "purge.h"
#include "sparse.h"
#include "taint.h"

/* Allocating, with the lock. ---------------------------------------------- */

struct request {
	size_t size;
	struct pages_want want;
	bool zero;
	bool anywhere;	/* its alignment allows any page, and any colour */
	bool sparse;	/* a calloc that is expected to stay sparse */
};

/* Has a block this alignment at any page, and in any colour?  The heap must be open. */
static inline bool
is_aligned_anywhere(const struct pages_heap *h, size_t align)
{
	return align <= (h->options.colours ? (size_t)PAGES_COLOUR_BYTES : h->arena.page_size);
}

static size_t
pages_for(const struct pages_heap *h, size_t size, size_t align)
{
	return is_aligned_anywhere(h, align) ? pages_heap_pages_coloured(h, size) :
					       pages_heap_pages(h, size);
}

/*
 * Blocks that follow each other differ by seven colours, 448 bytes.  By one, a loop that reads an
 * array and writes the next one would load from addresses that equal, modulo the page, those of
 * stores a few elements before: the processor takes them for the same for a moment.
 */
static uint8_t
next_colour(struct pages_heap *h) PAGES_LOCKED
{
	h->colour = (h->colour + 7) % PAGES_COLOURS;
	return (uint8_t)h->colour;
}

/*
 * Take address space and units for a block.  Returns a change to be performed if *ret_more, and
 * then ended; NULL if there is no place.
 */
static struct pages_change *
take_place(struct pages_heap *h, const struct request *r, bool *ret_more) PAGES_LOCKED
{
	uint32_t pages = r->want.count, id = 0;
	struct pages_change *c = pages_heap_change(h, 0);
	struct pages_extent *e;
	bool sparse;

	if (c == NULL)
		return NULL;
	sparse = r->sparse && (id = pages_heap_place_absent(h, pages)) != 0;
	if (id == 0)
		id = pages_heap_place(h, &r->want, pages);
	if (id == 0) {
		(void)pages_heap_end(h, c);
		return NULL;
	}
	e = &h->extents.node[id];
	if (r->anywhere && h->options.colours)
		e->colour = next_colour(h);
	pages_heap_note_birth(h, id);
	h->stats.live_objects++;
	pages_heap_count_live(h, pages, 0);
	c->id = id;
	/* For calloc no kept units are moved in: absent ones are zero, kept ones need clearing. */
	c->filling = r->zero ? PAGES_FILL_ZERO : PAGES_FILL;
	if (sparse)
		e->note = (struct pages_note){ .sparse = true };
	*ret_more = pages_heap_prepare(h, c, e->first);
	return c;
}

/* Does block id lie above all others, with nothing but free space behind it? */
static bool
is_top(const struct pages_heap *h, uint32_t id)
{
	const struct pages_extents *x = &h->extents;
	const struct pages_extent *last = &x->node[x->last], *e = &x->node[id];

	return e->first + e->count == last->first && pages_extent_state(last) == PAGES_EXTENT_FREE;
}

/*
 * Reuse the block in this thread's front cache in another length.  That saves the search for
 * a place, and joining and splitting free extents.  Only for the top block, which a temporary
 * often is: lower in the arena, best fit leaves fewer gaps.  Returns as take_place().
 */
static struct pages_change *
refit_cached(struct pages_heap *h, uint32_t pages, bool *ret_more) PAGES_LOCKED
{
	uint32_t id = pages_heap_claim_cached(h);
	struct pages_change *c = NULL;

	if (id == 0)
		return NULL;
	pages_heap_settle(h, id);
	if (is_top(h, id)) {
		if (pages < h->extents.node[id].used)
			pages_heap_shorten(h, id, pages);
		if (pages >= h->extents.node[id].used)
			c = pages_heap_grow(h, id, pages, ret_more);
	}
	if (c == NULL)
		pages_heap_release(h, id);
	return c;
}

/* Where may the block lie?  False if it is too long for any place. */
static bool
set_want(struct pages_heap *h, struct request *r, size_t align)
{
	size_t pages = pages_for(h, r->size, align);

	if (pages_heap_is_too_long(h, pages) || align > h->arena.len)
		return false;
	r->want.count = (uint32_t)pages;
	r->want.align = 1;
	if (align > h->arena.page_size) {
		/* Places count from the base, which is aligned to a unit only. */
		r->want.align = (uint32_t)(align >> h->arena.page_shift);
		r->want.offset = (uint32_t)(-(uintptr_t)h->arena.base >> h->arena.page_shift) &
				 (r->want.align - 1);
	}
	r->anywhere = is_aligned_anywhere(h, align);
	r->sparse = r->zero && r->anywhere && pages_heap_expects_sparse(h, r->size);
	return true;
}

static struct pages_change *
take(struct pages_heap *h, const struct request *r, bool *ret_more) PAGES_LOCKED
{
	struct pages_change *c = NULL;

	if (r->anywhere && !r->zero)
		c = refit_cached(h, r->want.count, ret_more);
	else
		pages_heap_flush_caches(h);
	if (c == NULL)
		c = take_place(h, r, ret_more);
	if (c == NULL && r->want.zone == PAGES_ZONE_HUGE)
		h->stats.declined_no_space++;
	return c;
}

struct result {
	uint32_t id;
	struct pages_span zero;	/* pages that are known to be zero */
	int err;		/* the kernel would not map the place */
	struct pages_span fresh;	/* pages that no block had before, as far as is known */
	bool narrow;		/* the zone has no place */
	enum pages_declined why;	/* there is no block, if it is neither of these */
};

/* A long block has got all its memory but fresh units from what was kept. */
static void
count_large(struct pages_heap *h, uint32_t id, size_t fresh) PAGES_LOCKED
{
	size_t len = (size_t)h->extents.node[id].used << h->arena.page_shift;

	if (len >= PAGES_ALWAYS_MAPPED)
		h->stats.large_reused_bytes += len - pages_min(fresh * PAGES_UNIT, len);
}

/* The change has been performed. */
static void
finish(struct pages_heap *h, struct pages_change *c, struct result *ret) PAGES_LOCKED
{
	struct pages_extent *e = &h->extents.node[c->id];
	uint32_t up = (uint32_t)pages_heap_unit_pages(h), id = c->id;
	bool cached = c->cached;
	size_t fresh = c->fresh;

	ret->zero = (struct pages_span){ (uint32_t)c->zero.first * up, (uint32_t)c->zero.count * up };
	ret->err = pages_heap_end(h, c);
	if (PAGES_UNLIKELY(ret->err != 0)) {
		h->stats.declined_refused++;
		return;
	}
	ret->id = id;
	if (cached) {
		/* The tick of its last free is near enough; a short block has none. */
		if (e->note.tick == 0)
			pages_heap_note_birth(h, id);
		pages_extent_set_state(e, PAGES_EXTENT_LIVE);
		h->stats.frees++;	/* its last owner's */
	} else {
		ret->fresh = pages_heap_fresh_part(h, id);
	}
	count_large(h, id, fresh);
}

/* Allocating, without the lock. ------------------------------------------- */

static struct result
from_extents(struct pages_heap *h, enum pages_zone zone, size_t size, size_t align, bool zero)
{
	struct request r = { .size = size, .zero = zero, .want = { .zone = zone } };
	struct result ret = { .id = 0 };
	struct pages_change *c = NULL;
	bool more = false;

	if (!pages_heap_enter(h)) {
		pages_heap_count_busy(h);
		return ret;
	}
	if (PAGES_UNLIKELY(h->state == PAGES_HEAP_UNOPENED))
		pages_heap_open(h);
	if (h->state != PAGES_HEAP_OPEN) {
		h->stats.declined_no_arena++;
		ret.why = PAGES_DECLINED_NO_ARENA;
	} else if (!set_want(h, &r, align)) {
		h->stats.declined_no_space++;
		ret.why = PAGES_DECLINED_NO_SPACE;
	} else if (!r.sparse || (ret.id = pages_heap_take_waiting(h, r.want.count)) == 0)
		ret.narrow = (c = take(h, &r, &more)) == NULL;
	if (more) {
		pages_heap_unlock(h);
		if (!pages_heap_perform(h, c)) {
			pages_heap_count_busy(h);
			return ret;
		}
	}
	if (c != NULL)
		finish(h, c, &ret);
	if (ret.id != 0) {
		h->stats.requests++;
		h->stats.requested_bytes += size;
	}
	pages_heap_leave_quickly(h);
	return ret;
}

/* Clear [p, p + len) except for span, which is zero.  Returns how many bytes were cleared. */
static size_t
clear(const struct pages_heap *h, char *p, size_t len, struct pages_span span)
{
	char *zero = pages_heap_address(h, span.first);
	char *zero_end = pages_heap_address(h, span.first + span.count);
	size_t head, tail;

	if (span.count == 0)
		zero = zero_end = p;
	head = zero > p ? (size_t)(zero - p) : 0;
	tail = zero_end < p + len ? (size_t)(p + len - pages_max((size_t)zero_end, (size_t)p)) : 0;
	memset(p, 0, head);
	memset(p + len - tail, 0, tail);
	return head + tail;
}

/* Is all of a block in span, which is zero? */
static bool
is_zero(const struct pages_extent *e, struct pages_span span)
{
	return span.first <= e->first && e->first + e->used <= span.first + span.count;
}

/* For the owner of block id: clear it, except for the pages known to be zero. */
static void
make_zero(struct pages_heap *h, uint32_t id, size_t size, struct pages_span zero)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t cleared;

	if (e->note.sparse) {
		cleared = pages_heap_clear_sparse(h, id, zero.count != 0);
	} else if (e->zone == PAGES_ZONE_SMALL) {
		cleared = is_zero(e, zero) ? 0 : pages_heap_clear_small(h, id);
		e->note.calloc = size >= PAGES_SPARSE_FROM;
	} else {
		cleared = clear(h, pages_heap_block(h, e), size, zero);
		e->note.calloc = size >= PAGES_SPARSE_FROM;
	}
	atomic_fetch_add_explicit(&pages_heap_other_counts(h)->cleared_bytes, cleared,
				  memory_order_relaxed);
}

/*
 * A block of a sparse class goes to the small zone, which is made longer for it; but for callocs
 * that sparse.c knows, and for high alignments, which would make the zone long.
 */
static struct result
from_zones(struct pages_heap *h, size_t size, size_t align, bool zero)
{
	struct result r = { .narrow = true };
	size_t pages = 0;

	if (PAGES_UNLIKELY(atomic_load_explicit(&h->small_sizes, memory_order_acquire) != 0))
		pages = pages_for(h, size, align);
	if (pages != 0 && align <= PAGES_UNIT && pages_heap_zone_for(h, pages) == PAGES_ZONE_SMALL) {
		r = from_extents(h, PAGES_ZONE_SMALL, size, align, zero);
		if (r.narrow && pages_heap_widen_small(h, pages + pages_heap_pages(h, align)))
			r = from_extents(h, PAGES_ZONE_SMALL, size, align, zero);
	}
	return r.narrow ? from_extents(h, PAGES_ZONE_HUGE, size, align, zero) : r;
}

/* Where a limit refuses a place, address space that serves no block goes back first. */
static void *
alloc_slowly(struct pages_heap *h, size_t size, size_t align, bool zero)
{
	struct result r = from_zones(h, size, align, zero);
	struct pages_extent *e;

	if (PAGES_UNLIKELY(r.err == -EEXIST ||
			   (r.err != 0 && pages_heap_release_space(h, size) != 0)))
		r = from_zones(h, size, align, zero);
	if (PAGES_UNLIKELY(r.err != 0) && pages_heap_release_space(h, SIZE_MAX) != 0)
		r = from_zones(h, size, align, zero);
	if (r.id == 0)
		return pages_probe_decline(size, r.err != 0 ? PAGES_DECLINED_REFUSED :
						 r.narrow ? PAGES_DECLINED_NO_SPACE : r.why);
	e = &h->extents.node[r.id];
	pages_heap_hand_out(h, e);
	if (!pages_heap_clean_new(h, r.id))
		return pages_probe_decline(size, PAGES_DECLINED_REFUSED);
	pages_heap_learn_density(h, r.id, r.fresh);
	if (zero)
		make_zero(h, r.id, size, r.zero);
	return pages_probe_allocate(pages_heap_block(h, e), size);
}

/* Callocs that are expected to stay sparse reuse the sparse block instead (sparse.c). */
static void *
alloc(struct pages_heap *h, size_t size, size_t align, bool zero)
{
	struct pages_extent *e;
	uint32_t id = 0;

	/* Any block begins with a cache line at least; and the heap may not be open yet. */
	if (align <= PAGES_COLOUR_BYTES && !(zero && pages_heap_expects_sparse(h, size)))
		id = pages_cache_take(h, size);
	if (PAGES_UNLIKELY(id == 0))
		return alloc_slowly(h, size, align, zero);
	e = &h->extents.node[id];
	pages_heap_hand_out(h, e);
	if (PAGES_UNLIKELY(!pages_heap_clean_new(h, id)))
		return pages_probe_decline(size, PAGES_DECLINED_REFUSED);
	if (PAGES_UNLIKELY(e->note.muzzy))
		pages_heap_unmark(h, e);
	if (zero)
		make_zero(h, id, size, (struct pages_span){ 0, 0 });
	return pages_probe_allocate(pages_heap_block(h, e), size);
}

void *
pages_heap_alloc(struct pages_heap *h, size_t size, size_t align, bool zero)
{
	void *p = alloc(h, size, align, zero);
	int fill = atomic_load_explicit(&h->perturb, memory_order_relaxed);

	if (PAGES_UNLIKELY(fill != 0) && p != NULL && !zero)
		memset(p, ~fill & 0xff, size);
	return p;
}

void
pages_heap_perturb(struct pages_heap *h, int value)
{
	atomic_store(&h->perturb, value & 0xff);
}

/* Freeing, and asking. ---------------------------------------------------- */

/*
 * FREED block id has tainted pages, or is to be forgotten: no front cache may have it, and no
 * calloc wait for it.
 */
static void
free_at_once(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];

	if (e->note.sparse) {
		pages_heap_empty(h, id);
		return;
	}
	pages_heap_clean_freed(h, id);
	e->note.calloc = false;
	e->note.dirty = true;
	pages_heap_free_slowly(h, id);
}

bool
pages_heap_free(struct pages_heap *h, void *p)
{
	uint32_t id = pages_heap_find(h, p, PAGES_EXTENT_LIVE);
	struct pages_extent *e = &h->extents.node[id];

	if (PAGES_UNLIKELY(id == 0))
		return pages_heap_free_dedicated(h, p);
	/* It is live: only if another thread frees it at this moment the process ends. */
	pages_probe_free(p, &e->used, &h->arena.page_size);
	pages_heap_claim(h, id, PAGES_EXTENT_LIVE, "free");
	pages_heap_take_in(h, e->first, e->first + e->used);
	if (PAGES_UNLIKELY(h->options.forgets ||
			   pages_heap_is_tainted(h, e->first, e->first + e->used))) {
		free_at_once(h, id);
		return true;
	}
	if (PAGES_UNLIKELY(e->note.calloc || e->note.sparse)) {
		id = pages_heap_free_calloc(h, id);
		if (id == 0)
			return true;
	}
	if (PAGES_UNLIKELY(e->zone == PAGES_ZONE_SMALL)) {
		pages_heap_leave_small(h, id);
		pages_heap_free_slowly(h, id);
		return true;
	}
	pages_heap_note_death(h, e);
	id = pages_cache_put(h, id);
	if (PAGES_UNLIKELY(id != 0))
		pages_heap_free_slowly(h, id);
	return true;
}

size_t
pages_heap_usable(struct pages_heap *h, const void *p)
{
	uint32_t id = pages_heap_find(h, p, PAGES_EXTENT_LIVE);

	if (PAGES_UNLIKELY(id == 0))
		return pages_heap_usable_dedicated(h, p);
	return pages_heap_length(h, &h->extents.node[id], h->extents.node[id].used);
}
