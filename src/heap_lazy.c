/* SPDX-License-Identifier: MIT */
/*
 * heap_lazy.c - free memory that the kernel may take when it is short of some
 *
 * A program that does nothing more after a burst makes no calls in which memory could
 * be given back, and a thread of ours is an option only.  So free memory is marked
 * (MADV_FREE) at once: it stays, and serves the next request without a fault, until
 * somebody else needs it.
 *
 * The units that lie wholly inside a block are marked when it is freed, before anybody
 * else can have them.  Those that blocks share are marked when some have come together,
 * as kept memory is given back: by a sweep.
 *
 * Marking costs 0.3 us for a huge page, 4 us (and the same again at the next write) on
 * some virtual machines: up to 8 % of what writing it takes.  So a block that lived for
 * a few milliseconds only is not marked, as it cannot have been written to for longer
 * than that: that is some tens of MiB at most, of memory that is in use all the time.
 */
#include "base.h"
#include "heap_impl.h"
#include "os.h"

/* Blocks of less have not much that can be marked: they always soil. */
#define MARK_FROM (2 * PAGES_UNIT)

/* Ticks are 4 ms: more than one of them, and up to two. */
#define LONG_TICKS 2

/* In the bits that a note has room for. */
static uint32_t
ticks_since(uint32_t note, uint32_t now)
{
	return ((now << PAGES_NOTE_BITS) - note) >> PAGES_NOTE_BITS;
}

/* What is to be noted about it. */
static uint32_t
mark(struct pages_heap *h, const struct pages_extent *e)
{
	size_t a = pages_heap_unit_up(h, e->first), b = pages_heap_unit_down(h, e->first + e->used);

	if (!atomic_load_explicit(&h->lazy, memory_order_relaxed) || a >= b)
		return PAGES_NOTE_SOILED;
	if (pages_arena_mark(&h->arena, a * PAGES_UNIT, (b - a) * PAGES_UNIT))
		return PAGES_NOTE_MARKED;
	/* Locked memory, or a sandbox: it will not be otherwise the next time. */
	atomic_store_explicit(&h->lazy, false, memory_order_relaxed);
	return PAGES_NOTE_SOILED;
}

static bool
is_short(const struct pages_heap *h, const struct pages_extent *e)
{
	return (size_t)e->used << h->arena.page_shift < MARK_FROM;
}

void
pages_heap_note_birth(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];

	e->note = is_short(h, e) ? PAGES_NOTE_SOILED : pages_os_tick() << PAGES_NOTE_BITS;
}

void
pages_heap_note_death(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	uint32_t now, what = e->note & ((1u << PAGES_NOTE_BITS) - 1);

	if (PAGES_UNLIKELY(is_short(h, e))) {
		e->note = PAGES_NOTE_SOILED;
		return;
	}
	now = pages_os_tick();
	if (PAGES_UNLIKELY(ticks_since(e->note, now) >= LONG_TICKS))
		what = mark(h, e);
	/* Should the pocket hand it out again, it begins another life. */
	e->note = now << PAGES_NOTE_BITS | what;
}

void
pages_heap_settle(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	uint32_t what = e->note & (PAGES_NOTE_MARKED | PAGES_NOTE_SOILED);
	size_t end = e->first + e->used;

	if (PAGES_UNLIKELY((e->note & PAGES_NOTE_SPARSE) != 0))
		pages_units_readmit(&h->units, pages_heap_unit_down(h, e->first),
				    pages_heap_unit_down(h, e->first + e->count));
	if (PAGES_LIKELY(what == 0))
		return;
	pages_units_soil(&h->units, pages_heap_unit_down(h, e->first), pages_heap_unit_up(h, end));
	if (what == PAGES_NOTE_MARKED)
		pages_units_cleanse(&h->units, pages_heap_unit_up(h, e->first),
				    pages_heap_unit_down(h, end));
	e->note -= what;
}
