/* SPDX-License-Identifier: MIT */
/*
 * mark.c - makes freed blocks muzzy, so that the kernel may take their memory when it is short
 *
 * A program that idles after a burst may make no calls in which memory could be purged, and the
 * background thread is optional.  So freed memory is marked (MADV_FREE) at once.  It stays
 * resident and serves the next request without a fault, unless the kernel was short of memory.
 *
 * The units wholly inside a block are marked when it is freed, before they can get another
 * owner.  Units that blocks share become dirty, and a purge marks them once there are enough.
 * So do those of short blocks: less than 4 MiB, or than a share of all memory in use that is
 * so small that the front caches together leave little unmarked.
 *
 * Marking a huge page and unmarking it costs 1 to 2 us, on some virtual machines 8: up to 8 %
 * of the time to write it.  So a block that lived only for a few milliseconds is not marked.
 * In that time at most some tens of MiB can have been written, and memory with such blocks
 * tends to be in use all the time.
 */
#include "os/base.h"
#include "mark.h"
#include "probe.h"
#include "os/muzzy.h"
#include "os/os.h"

/* Shorter blocks, in units, are not worth a call of their own. */
enum { MARK_FROM_UNITS = 2, MARK_FROM_SHARE = 2 * PAGES_FRONT_CACHES };

void
pages_heap_set_mark_from(struct pages_heap *h)
{
	size_t units = pages_max(MARK_FROM_UNITS, h->units.held / MARK_FROM_SHARE);

	atomic_store_explicit(&h->mark_from, (uint32_t)(units * pages_heap_unit_pages(h)),
			      memory_order_relaxed);
}

bool
pages_heap_may_mark(struct pages_heap *h)
{
	if (!atomic_load_explicit(&h->marking, memory_order_relaxed))
		return false;
	if (!h->units.watch || !pages_os_is_hooked())
		return true;
	atomic_store_explicit(&h->marking, false, memory_order_relaxed);
	return false;
}

static bool
is_short(const struct pages_heap *h, const struct pages_extent *e)
{
	return e->used < atomic_load_explicit(&h->mark_from, memory_order_relaxed);
}

/* The units that lie wholly inside a block; count 0 if there are none. */
static struct pages_unit_run
whole_units(const struct pages_heap *h, const struct pages_extent *e)
{
	size_t a = pages_heap_unit_up(h, e->first), b = pages_heap_unit_down(h, e->first + e->used);

	return (struct pages_unit_run){ a, a < b ? b - a : 0 };
}

/* Not inlined: a block that is not marked needs none of the registers that this saves. */
__attribute__((noinline)) static bool
try_mark(struct pages_heap *h, const struct pages_extent *e)
{
	struct pages_unit_run run = whole_units(h, e);
	char *p = h->arena.base + run.first * PAGES_UNIT;
	size_t len = run.count * PAGES_UNIT;

	if (run.count == 0 || e->zone != PAGES_ZONE_HUGE || !pages_heap_may_mark(h))
		return false;
	if (pages_muzzy_mark(p, len)) {
		pages_probe_purge(p, len, PAGES_PURGED_LAZILY);
		return true;
	}
	/* Locked memory or a sandbox: the next calls would fail, too. */
	atomic_store_explicit(&h->marking, false, memory_order_relaxed);
	return false;
}

void
pages_heap_unmark(struct pages_heap *h, struct pages_extent *e)
{
	struct pages_unit_run run = whole_units(h, e);

	pages_muzzy_unmark(h->arena.base + run.first * PAGES_UNIT, run.count * PAGES_UNIT);
	e->note.muzzy = false;
	e->note.dirty = true;
}

void
pages_heap_note_birth(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	bool dirty = is_short(h, e);

	e->note = (struct pages_note){
		.dirty = dirty,
		.torn = e->note.torn,
		.tick = dirty ? 0 : pages_os_tick() & PAGES_NOTE_TICKS,
	};
}

void
pages_heap_note_death(struct pages_heap *h, struct pages_extent *e)
{
	uint32_t now;

	if (PAGES_UNLIKELY(is_short(h, e))) {
		e->note = (struct pages_note){ .dirty = true, .torn = e->note.torn };
		return;
	}
	now = pages_os_tick();
	if (PAGES_UNLIKELY(((now - e->note.tick) & PAGES_NOTE_TICKS) >= PAGES_LONG_TICKS)) {
		e->note.muzzy = try_mark(h, e);
		e->note.dirty = !e->note.muzzy;
	}
	/* If the front cache hands it out again, its age counts from now. */
	e->note.tick = now & PAGES_NOTE_TICKS;
}

void
pages_heap_settle(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	size_t a = pages_heap_unit_down(h, e->first);
	size_t b = pages_heap_unit_up(h, e->first + e->used);
	struct pages_unit_run run;

	if (PAGES_UNLIKELY(e->note.torn))
		pages_splits_mix(&h->units.splits, a, b - a);
	e->note.torn = false;
	if (PAGES_LIKELY(!e->note.muzzy && !e->note.dirty))
		return;
	pages_units_set_dirty(&h->units, a, b);
	run = whole_units(h, e);
	if (e->note.muzzy)
		pages_units_set_muzzy(&h->units, run.first, run.first + run.count);
	e->note.muzzy = e->note.dirty = false;
}
