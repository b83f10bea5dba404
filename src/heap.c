/* SPDX-License-Identifier: MIT */
/*
 * heap.c - opening, allocating, freeing
 */
#include "heap.h"

#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "heap_impl.h"
#include "os.h"

/* Opening. ---------------------------------------------------------------- */

#define ARENA_MIN PAGES_MIB(64)
#define ARENA_SHARE_OF_LIMIT 8	/* of RLIMIT_AS, which the reservation counts towards */

void
pages_heap_configure(struct pages_heap *h, const struct pages_heap_options *options)
{
	h->options = *options;
}

/* Address space for 16 times the memory, so that fragmentation never matters. */
static size_t
arena_goal(const struct pages_heap *h, const struct pages_os_facts *facts)
{
	size_t goal = pages_max(16 * facts->ram, PAGES_GIB(64));

	if (h->options.arena_max != 0)
		goal = h->options.arena_max;
	goal = pages_min(goal, (size_t)UINT32_MAX * facts->page_size);
	if (facts->address_limit != SIZE_MAX)
		goal = pages_min(goal, facts->address_limit / ARENA_SHARE_OF_LIMIT);
	return pages_round_down(goal, PAGES_UNIT);
}

/* How many mappings of ours may be left split by moves: half of what the kernel allows. */
static size_t
max_seams(void)
{
	char text[24];

	if (pages_os_read_file("/proc/sys/vm/max_map_count", text, sizeof(text)) != 0)
		return 65530 / 2;
	return strtoul(text, NULL, 10) / 2;
}

static bool
open_arena(struct pages_heap *h, size_t len, size_t page_size)
{
	if (pages_arena_open(&h->arena, len, page_size, h->options.huge) != 0)
		return false;
	if (pages_extents_open(&h->extents, len / page_size) == 0) {
		if (pages_units_open(&h->units, &h->arena, max_seams()) == 0)
			return true;
		pages_extents_close(&h->extents);
	}
	pages_arena_close(&h->arena);
	return false;
}

static void
open_heap(struct pages_heap *h)
{
	struct pages_os_facts facts;
	size_t len;

	pages_os_facts(&facts);
	h->state = PAGES_HEAP_NONE;
	/* There every writable page is charged, also free ones: no room for a reserve. */
	if (facts.strict_overcommit || PAGES_UNIT % facts.page_size != 0)
		return;
	for (len = arena_goal(h, &facts); len >= ARENA_MIN; len = pages_round_down(len / 2, PAGES_UNIT))
		if (open_arena(h, len, facts.page_size))
			break;
	if (len < ARENA_MIN)
		return;
	h->memory = facts.ram_and_swap;
	h->last_sweep = pages_os_now_ms();
	h->state = PAGES_HEAP_OPEN;
	atomic_store(&h->base, h->arena.base);
	atomic_store(&h->len, len);
}

void
pages_heap_close(struct pages_heap *h)
{
	if (h->state == PAGES_HEAP_OPEN) {
		pages_units_close(&h->units);
		pages_extents_close(&h->extents);
		h->arena.len = pages_max(h->arena.len, h->arena.committed);
		pages_arena_close(&h->arena);
	}
	memset(h, 0, sizeof(*h));
}

/* Freeing. ---------------------------------------------------------------- */

static void
die(const char *caller)
{
	char line[64] = "pages: ";

	strcat(line, caller);
	strcat(line, "(): invalid pointer\n");
	pages_os_complain(line, strlen(line));
	abort();
}

uint32_t
pages_heap_checked(struct pages_heap *h, const void *p, const char *caller)
{
	size_t offset = (size_t)((const char *)p - h->arena.base);
	uint32_t id = 0;

	if (offset % h->arena.page_size == 0)
		id = pages_extents_at(&h->extents, offset >> h->arena.page_shift);
	if (id == 0)
		die(caller);
	return id;
}

void
pages_heap_keep(struct pages_heap *h, size_t first, size_t end, struct pages_span span)
{
	size_t free_first = pages_heap_unit_up(h, span.first);
	size_t free_end = pages_heap_unit_down(h, span.first + span.count);
	size_t a = pages_max(pages_heap_unit_down(h, first), free_first);
	size_t b = pages_min(pages_heap_unit_up(h, end), free_end);

	if (a < b)
		pages_units_keep(&h->units, a, b);
}

/* With the lock: what a sweep took (nothing of it is used) is free again. */
static void
release_swept(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent *e = &h->extents.node[id];
	size_t first = pages_heap_unit_down(h, e->first);
	struct pages_unit_run run = { first, pages_heap_unit_down(h, e->first + e->count) - first };

	pages_units_done(&h->units, run, e->right != 0);
	(void)pages_extents_give(&h->extents, id);
}

static void
count_gone(struct pages_heap *h, uint32_t id)
{
	h->stats.live_objects--;
	pages_heap_count_live(h, 0, h->extents.node[id].used);
}

static void
release_block(struct pages_heap *h, uint32_t id)
{
	const struct pages_extent e = h->extents.node[id];

	pages_heap_keep(h, e.first, e.first + e.used, pages_extents_give(&h->extents, id));
}

static void
release(struct pages_heap *h, uint32_t id)
{
	if (h->extents.node[id].used != 0) {
		count_gone(h, id);
		release_block(h, id);
	} else {
		release_swept(h, id);
	}
}

/* Free id later: it waits on a stack, linked through the records (Treiber, 1986). */
static void
part(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	uint32_t head = atomic_load(&h->parting);

	do
		__atomic_store_n(&e->left, head, __ATOMIC_RELAXED);
	while (!atomic_compare_exchange_weak(&h->parting, &head, id));
}

static void
release_parting(struct pages_heap *h)
{
	uint32_t id = atomic_exchange(&h->parting, 0);

	while (id != 0) {
		uint32_t next = __atomic_load_n(&h->extents.node[id].left, __ATOMIC_RELAXED);

		release(h, id);
		id = next;
	}
}

/*
 * Takes the block out of its owner's hands in one step, so that of two threads
 * that free the same block one finds it gone.
 */
static uint32_t
claim_for_free(struct pages_heap *h, void *p)
{
	uint32_t id = pages_heap_checked(h, p, "free");
	uint32_t live = PAGES_EXTENT_LIVE;

	if (!__atomic_compare_exchange_n(&h->extents.node[id].state, &live, PAGES_EXTENT_PARTING,
					 false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		die("free");
	return id;
}

/*
 * The pocket.  The block freed last is often asked for again at once, whole: to
 * join it with its neighbours and to carve it out again would be most of the
 * work.  So it waits here, its memory still counted as held.
 */
void
pages_heap_empty_pocket(struct pages_heap *h)
{
	uint32_t id = h->pocket;

	h->pocket = 0;
	if (id != 0)
		release_block(h, id);
}

static uint32_t
take_from_pocket(struct pages_heap *h, const struct pages_want *want)
{
	uint32_t id = h->pocket;
	struct pages_extent *e = &h->extents.node[id];

	if (id == 0 || e->used != want->count || e->count != want->count || want->align != 1)
		return 0;
	h->pocket = 0;
	h->units.reused += want->count / pages_heap_unit_pages(h);
	pages_extent_set_state(e, PAGES_EXTENT_LIVE);
	return id;
}

/* Where nothing was freed for good, the clock need not be read each time. */
static void
leave_quickly(struct pages_heap *h)
{
	if (PAGES_UNLIKELY(++h->pocket_uses % 64 == 0 || pages_units_excess(&h->units) != 0))
		pages_heap_leave(h);
	else
		pages_lock_release(&h->lock);
}

void
pages_heap_free(struct pages_heap *h, void *p)
{
	uint32_t id = claim_for_free(h, p);

	if (!pages_heap_enter(h)) {
		part(h, id);
		return;
	}
	count_gone(h, id);
	if (PAGES_LIKELY(h->pocket == 0)) {
		h->pocket = id;
		leave_quickly(h);
	} else {
		pages_heap_empty_pocket(h);
		h->pocket = id;
		pages_heap_leave(h);
	}
}

void
pages_heap_swept(struct pages_heap *h, uint32_t id, bool dropped)
{
	h->extents.node[id].right = dropped;
	if (pages_heap_enter(h)) {
		release(h, id);
		pages_lock_release(&h->lock);
	} else {
		part(h, id);
	}
}

bool
pages_heap_enter(struct pages_heap *h)
{
	if (!pages_lock_acquire(&h->lock))
		return false;
	if (PAGES_UNLIKELY(atomic_load_explicit(&h->parting, memory_order_relaxed) != 0))
		release_parting(h);
	return true;
}

void
pages_heap_leave(struct pages_heap *h)
{
	size_t excess = pages_units_excess(&h->units);
	size_t leave = h->units.kept - excess;
	bool due = pages_heap_sweep_due(h);

	if (PAGES_UNLIKELY(due))
		pages_heap_empty_pocket(h);
	pages_lock_release(&h->lock);
	if (PAGES_UNLIKELY(due))
		(void)pages_heap_sweep(h, true, 0);
	if (PAGES_UNLIKELY(excess != 0))
		(void)pages_heap_sweep(h, false, leave);
}

/* Allocating. ------------------------------------------------------------- */

/* How many free extents to look at for one whose memory is there already. */
#define CANDIDATES 6

/*
 * Among the best fits, the one with the fewest absent units: address space is
 * free, moving memory costs a system call.
 */
static uint32_t
choose(const struct pages_heap *h, const struct pages_want *want, uint32_t used, uint32_t *ret_first)
{
	const struct pages_extents *x = &h->extents;
	size_t least = SIZE_MAX;
	uint32_t best = 0, id = pages_extents_next(x, want->count, 0);

	for (int i = 0; i < CANDIDATES && id != 0 && least != 0; i++) {
		uint32_t first;

		if (pages_extents_place(x, id, want, &first)) {
			size_t absent = pages_units_absent(&h->units, pages_heap_unit_down(h, first),
							   pages_heap_unit_up(h, first + used));

			if (absent < least) {
				least = absent;
				best = id;
				*ret_first = first;
			}
		}
		id = pages_extents_next(x, x->node[id].count, x->node[id].first + 1);
	}
	if (best == 0) {
		/* So long that the alignment does not matter. */
		best = pages_extents_next(x, want->count + want->align - 1, 0);
		if (best != 0)
			(void)pages_extents_place(x, best, want, ret_first);
	}
	return best;
}

uint32_t
pages_heap_place(struct pages_heap *h, const struct pages_want *want, uint32_t used,
		 uint64_t **ret_why)
{
	uint32_t first = 0, id = choose(h, want, used, &first);

	*ret_why = &h->stats.declined_no_space;
	if (id == 0)
		return 0;
	if (pages_arena_commit(&h->arena, (size_t)(first + used) << h->arena.page_shift) != 0) {
		*ret_why = &h->stats.declined_refused;
		return 0;
	}
	id = pages_extents_take(&h->extents, id, first, want->count);
	if (id != 0)
		h->extents.node[id].used = used;
	return id;
}

/* With the lock.  ret_zero: pages known to be zero. */
static uint32_t
take_memory(struct pages_heap *h, const struct pages_want *want, bool zero, struct pages_span *ret_zero)
{
	size_t up = pages_heap_unit_pages(h), first;
	struct pages_unit_run absent;
	uint64_t *why;
	uint32_t id;

	pages_heap_empty_pocket(h);
	id = pages_heap_place(h, want, want->count, &why);
	if (id == 0) {
		(*why)++;
		return 0;
	}
	first = h->extents.node[id].first;
	/* Absent units are zero already: calloc wants them as they are. */
	absent = pages_units_hold(&h->units, pages_heap_unit_down(h, first),
				  pages_heap_unit_up(h, first + want->count), !zero);
	*ret_zero = (struct pages_span){ (uint32_t)(absent.first * up), (uint32_t)(absent.count * up) };
	return id;
}

/* With the lock. */
static char *
allocate(struct pages_heap *h, size_t size, size_t align, bool zero, struct pages_span *ret_zero)
{
	size_t pages = pages_heap_pages(h, size);
	struct pages_want want = { (uint32_t)pages, 1, 0 };
	uint32_t id;

	if (size > h->memory || pages > h->extents.pages || align > h->arena.len) {
		h->stats.declined_no_space++;
		return NULL;
	}
	if (align > h->arena.page_size) {
		/* Counted from the base, which is aligned to a unit only. */
		want.align = (uint32_t)(align >> h->arena.page_shift);
		want.offset = (uint32_t)(-(uintptr_t)h->arena.base >> h->arena.page_shift) &
			      (want.align - 1);
	}
	id = take_from_pocket(h, &want);
	if (id == 0)
		id = take_memory(h, &want, zero, ret_zero);
	if (id == 0)
		return NULL;
	h->stats.requests++;
	h->stats.requested_bytes += size;
	h->stats.live_objects++;
	pages_heap_count_live(h, pages, 0);
	return pages_heap_address(h, h->extents.node[id].first);
}

/* Clear [p, p + len) but for the pages in span, which are zero. */
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

void *
pages_heap_alloc(struct pages_heap *h, size_t size, size_t align, bool zero)
{
	struct pages_span known_zero = { 0, 0 };
	char *p = NULL;

	if (!pages_heap_enter(h)) {
		atomic_fetch_add_explicit(&h->busy, 1, memory_order_relaxed);
		return NULL;
	}
	if (PAGES_UNLIKELY(h->state == PAGES_HEAP_UNOPENED))
		open_heap(h);
	if (h->state == PAGES_HEAP_OPEN)
		p = allocate(h, size, align, zero, &known_zero);
	else
		h->stats.declined_no_arena++;
	leave_quickly(h);

	if (p != NULL && zero) {
		size_t cleared = clear(h, p, size, known_zero);

		__atomic_fetch_add(&h->stats.cleared_bytes, cleared, __ATOMIC_RELAXED);
	}
	return p;
}

/* Looking. ---------------------------------------------------------------- */

size_t
pages_heap_usable(struct pages_heap *h, const void *p)
{
	size_t offset = (size_t)((const char *)p - h->arena.base);
	uint32_t id = 0;

	if (offset % h->arena.page_size == 0)
		id = pages_extents_at(&h->extents, offset >> h->arena.page_shift);
	return id == 0 ? 0 : (size_t)h->extents.node[id].used << h->arena.page_shift;
}

void
pages_heap_count_copy(struct pages_heap *h, size_t bytes)
{
	__atomic_fetch_add(&h->stats.copied_bytes, bytes, __ATOMIC_RELAXED);
}

void
pages_heap_stats(struct pages_heap *h, struct pages_stats *ret)
{
	const struct pages_units *u = &h->units;
	bool locked = pages_heap_enter(h);

	if (locked)
		pages_heap_empty_pocket(h);
	*ret = h->stats;
	ret->reused_bytes = u->reused * PAGES_UNIT;
	ret->moved_bytes = u->moved * PAGES_UNIT;
	ret->fresh_bytes = u->fresh * PAGES_UNIT;
	ret->returned_bytes = u->returned * PAGES_UNIT;
	ret->resident_bytes = (u->held + u->kept) * PAGES_UNIT;
	ret->peak_resident_bytes = u->peak_resident * PAGES_UNIT;
	ret->kept_bytes = u->kept * PAGES_UNIT;
	ret->refused_moves = u->refused_moves;
	ret->mapping_seams = u->seams;
	ret->arena_bytes = h->arena.len;
	ret->declined_busy = atomic_load_explicit(&h->busy, memory_order_relaxed);
	if (locked)
		pages_heap_leave(h);
}

/* Units that overlap the used part of a block, of which the first seen ones are below from. */
static size_t
count_used(const struct pages_heap *h, const struct pages_extent *e, size_t *from)
{
	size_t a = pages_max(pages_heap_unit_down(h, e->first), *from);
	size_t b = pages_heap_unit_up(h, e->first + e->used);

	*from = pages_max(*from, b);
	return b > a ? b - a : 0;
}

bool
pages_heap_valid(struct pages_heap *h)
{
	const struct pages_units *u = &h->units;
	size_t kept = 0, held = 0, from = 0;

	if (h->state != PAGES_HEAP_OPEN)
		return true;
	pages_heap_empty_pocket(h);
	for (uint32_t page = 0, id; page < h->extents.pages; page += h->extents.node[id].count) {
		const struct pages_extent *e = &h->extents.node[id = h->extents.edge[page]];
		size_t a = pages_heap_unit_up(h, page);
		size_t b = pages_heap_unit_down(h, page + e->count);

		if (pages_extent_state(e) == PAGES_EXTENT_FREE) {
			kept += a < b ? pages_units_count(u, a, b, false) : 0;
		} else if (pages_extent_state(e) == PAGES_EXTENT_LIVE) {
			size_t n = count_used(h, e, &from);

			held += n;
			if (pages_units_count(u, from - n, from, true) != n)
				return false;
		}
	}
	return kept == u->kept && kept == pages_units_count(u, 0, u->count, false) &&
	       held == u->held && held == pages_units_count(u, 0, u->count, true) &&
	       pages_extents_valid(&h->extents);
}
