/* SPDX-License-Identifier: MIT */
/*
 * taint.c - notes which pages the program has told the kernel something about, and cleans them
 */
#include "taint.h"

#include <stdatomic.h>

#include "os/base.h"
#include "os/bits.h"
#include "os/os.h"
#include "block.h"
#include "lock.h"
#include "probe.h"

/* Bit tables of page numbers, which other threads change at the same time. ---------- */

static _Atomic uint64_t *
table(const struct pages_heap *h)
{
	return (_Atomic uint64_t *)(void *)h->units.taints.start;
}

/* The first page of [first, end) that is tainted, or is not; or end.  Reads every word. */
static size_t
scan(const struct pages_heap *h, size_t first, size_t end, bool tainted)
{
	for (size_t w = first / 64; w * 64 < end; w++) {
		uint64_t word = atomic_load_explicit(&table(h)[w], memory_order_relaxed);

		word = (tainted ? word : ~word) & pages_bits_mask(w, first, end);
		if (word != 0)
			return w * 64 + (size_t)__builtin_ctzll(word);
	}
	return end;
}

/* The first tainted page of [first, end), or end. */
static size_t
find(const struct pages_heap *h, size_t first, size_t end)
{
	unsigned shift = pages_log2(PAGES_UNIT) - h->arena.page_shift;
	size_t u = first >> shift, b = ((end - 1) >> shift) + 1;

	for (; (u = pages_units_ever_tainted(&h->units, u, b)) < b; u++) {
		size_t from = pages_max(first, u << shift), to = pages_min(end, (u + 1) << shift);
		size_t page = scan(h, from, to, true);

		if (page < to)
			return page;
	}
	return end;
}

/* Taint pages [first, end), which lie in one unit. */
static void
set(const struct pages_heap *h, size_t first, size_t end)
{
	size_t unit = first / pages_heap_unit_pages(h);

	for (size_t w = first / 64; w * 64 < end; w++)
		atomic_fetch_or_explicit(&table(h)[w], pages_bits_mask(w, first, end),
					 memory_order_relaxed);
	(void)__atomic_fetch_or(&h->units.taint_bits[unit / 64], (uint64_t)1 << (unit % 64),
				__ATOMIC_RELAXED);
}

void
pages_heap_untaint(struct pages_heap *h, size_t first, size_t end)
{
	if (!atomic_load_explicit(&h->tainted, memory_order_relaxed))
		return;
	for (size_t w = first / 64; w * 64 < end; w++)
		atomic_fetch_and_explicit(&table(h)[w], ~pages_bits_mask(w, first, end),
					  memory_order_relaxed);
}

bool
pages_heap_is_tainted(const struct pages_heap *h, size_t first, size_t end)
{
	return PAGES_UNLIKELY(atomic_load_explicit(&h->tainted, memory_order_relaxed)) &&
	       find(h, first, end) != end;
}

bool
pages_heap_block_is_tainted(struct pages_heap *h, const void *p)
{
	uint32_t id = pages_heap_find(h, p, PAGES_EXTENT_LIVE);
	const struct pages_extent *e = &h->extents.node[id];

	return id != 0 && pages_heap_is_tainted(h, e->first, e->first + e->used);
}

/* Tainting. --------------------------------------------------------------- */

/* Clip [start, start + len) to what is mapped of the arena, in pages. */
static struct pages_span
clip(const struct pages_heap *h, const void *start, size_t len)
{
	uintptr_t base = (uintptr_t)atomic_load_explicit(&h->base, memory_order_acquire);
	uintptr_t limit = base + atomic_load_explicit(&h->len, memory_order_relaxed);
	uintptr_t from = (uintptr_t)start, to;

	if (base == 0 || from >= limit)
		return (struct pages_span){ 0, 0 };
	if (__builtin_add_overflow(from, len, &to) || to > limit)
		to = limit;
	from = pages_max(from, base);
	if (to <= from)
		return (struct pages_span){ 0, 0 };
	from = (from - base) >> h->arena.page_shift;
	to = (to - base + h->arena.page_size - 1) >> h->arena.page_shift;
	return (struct pages_span){ (uint32_t)from, (uint32_t)(to - from) };
}

/* Where the table is not mapped there is no block, either. */
void
pages_heap_taint(struct pages_heap *h, const void *start, size_t len)
{
	struct pages_span span = clip(h, start, len);
	size_t up, page = span.first, end = page + span.count;

	if (span.count == 0)
		return;
	up = pages_heap_unit_pages(h);
	while (page < end) {
		size_t next = pages_min(end, (page / up + 1) * up);

		if (pages_heap_maps(h, pages_heap_address(h, page)))
			set(h, page, next);
		page = next;
	}
	atomic_store(&h->tainted, true);
}

/* Cleaning. --------------------------------------------------------------- */

/* Widen the run of pages [*a, *b), inside [first, end), to the whole units that lie in there. */
static void
widen(const struct pages_heap *h, size_t first, size_t end, size_t *a, size_t *b)
{
	size_t up = pages_heap_unit_pages(h), down = *a / up * up, next = (*b + up - 1) / up * up;

	if (down >= first && down + up <= end)
		*a = down;
	if (next <= end && next - up >= first)
		*b = next;
}

bool
pages_heap_clean(struct pages_heap *h, size_t first, size_t end)
{
	unsigned shift = h->arena.page_shift;
	bool clean = true;
	size_t a = first, b;

	for (; (a = find(h, a, end)) < end; a = b) {
		b = scan(h, a, end, false);
		widen(h, first, end, &a, &b);
		if (pages_arena_renew(&h->arena, a << shift, (b - a) << shift) != 0) {
			clean = false;
			continue;
		}
		pages_probe_purge(pages_heap_address(h, a), (b - a) << shift, PAGES_PURGED_NOW);
		pages_heap_untaint(h, a, b);
	}
	return clean;
}

void
pages_heap_forget(struct pages_heap *h, size_t first, size_t end)
{
	char *p = pages_heap_address(h, first);
	size_t len = (end - first) << h->arena.page_shift;

	if (PAGES_UNLIKELY(h->options.forgets) && pages_os_discard(p, len) == 0)
		pages_probe_purge(p, len, PAGES_PURGED_NOW);
}

/* Clean block *e, or note that it cannot be cleaned. */
static void
clean_block(struct pages_heap *h, struct pages_extent *e)
{
	if (!pages_heap_is_tainted(h, e->first, e->first + e->used))
		return;
	if (!pages_heap_clean(h, e->first, e->first + e->used))
		e->note.lost = true;
	e->note.torn = true;
}

void
pages_heap_clean_freed(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];

	clean_block(h, e);
	if (!e->note.lost)
		pages_heap_forget(h, e->first, e->first + e->used);
}

bool
pages_heap_clean_new(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];

	clean_block(h, e);
	if (PAGES_LIKELY(!e->note.lost))
		return true;
	pages_extent_set_state(e, PAGES_EXTENT_FREED);
	pages_heap_free_claimed(h, id);
	return false;
}
