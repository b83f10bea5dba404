/* SPDX-License-Identifier: MIT */
/*
 * units.c - bit tables of held, kept, dirty and muzzy units; moves of units
 */
#include "units.h"

#include <errno.h>
#include <string.h>

#include "os/base.h"
#include "os/bits.h"
#include "os/caps.h"
#include "os/check.h"
#include "os/muzzy.h"
#include "os/os.h"

/* Each hole costs address space and a request: after so many, move no more. */
#define HOLES_MAX 8

/* Side tables and their bookkeeping. -------------------------------------- */

static size_t
table_len(const struct pages_arena *arena)
{
	size_t count = arena->len / PAGES_UNIT;
	size_t len = 5 * pages_bits_words(count) * sizeof(uint64_t) + count * sizeof(int32_t);

	return pages_round_up(len, arena->page_size);
}

int
pages_units_open(struct pages_units *u, struct pages_arena *arena, size_t max_splits)
{
	size_t count = arena->len / PAGES_UNIT;
	void *p;
	int err = pages_arena_table(table_len(arena), &p);

	if (err != 0)
		return err;
	/* Tables of wide entries come first, so that all are aligned. */
	*u = (struct pages_units){
		.arena = arena,
		.held_bits = p,
		.count = count,
		.splits = { .units = count, .max = max_splits },
		.resident_max = SIZE_MAX,
		.moves = pages_can(PAGES_CAP_MOVE),
	};
	u->kept_bits = u->held_bits + pages_bits_words(count);
	u->old_bits = u->kept_bits + pages_bits_words(count);
	u->dirty_bits = u->old_bits + pages_bits_words(count);
	u->muzzy_bits = u->dirty_bits + pages_bits_words(count);
	u->splits.shift = (int32_t *)(u->muzzy_bits + pages_bits_words(count));
	return 0;
}

void
pages_units_close(struct pages_units *u)
{
	pages_os_release(u->held_bits,
			 (size_t)((char *)(u->splits.shift + u->count) - (char *)u->held_bits));
	*u = (struct pages_units){ 0 };
}

/* The excess does not count: it is purged before the request returns an address. */
static void
note_peaks(struct pages_units *u) PAGES_LOCKED
{
	u->peak_held = pages_max(u->peak_held, u->held);
	u->peak_resident = pages_max(u->peak_resident,
				     u->held + u->kept - pages_units_excess(u));
}

static void
mark_kept(struct pages_units *u, size_t a, size_t b)
{
	pages_bits_clear(u->held_bits, a, b);
	pages_bits_set(u->kept_bits, a, b);
	u->kept += b - a;
	u->dirty += pages_bits_count(u->dirty_bits, a, b);
	u->kept_end = pages_max(u->kept_end, b);
}

/* The kept units in [a, b) are not kept any more; returns how many those were. */
static size_t
unmark_kept(struct pages_units *u, size_t a, size_t b)
{
	size_t n = 0;

	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t kept = u->kept_bits[w] & pages_bits_mask(w, a, b);

		if (kept == 0)
			continue;
		n += pages_bits_popcount(kept);
		if ((kept & u->dirty_bits[w]) != 0)
			u->dirty -= pages_bits_popcount(kept & u->dirty_bits[w]);
	}
	pages_bits_clear(u->kept_bits, a, b);
	pages_bits_clear(u->old_bits, a, b);
	u->kept -= n;
	return n;
}

/* Moving. ----------------------------------------------------------------- */

/*
 * Record a hole, until take_hole().  After HOLES_MAX stop moving for good: a shortage of
 * mappings would pass, but a limit that was lowered below what is in use stays.
 */
static void
note_hole(struct pages_units *u, size_t a, size_t n)
{
	u->hole = (struct pages_unit_run){ a, n };
	u->moves = ++u->holes < HOLES_MAX;
}

struct pages_unit_run
pages_units_take_hole(struct pages_units *u)
{
	struct pages_unit_run run = u->hole;

	pages_units_readmit(u, run.first, run.first + run.count);
	u->hole.count = 0;
	return run;
}

static bool
move(struct pages_units *u, size_t src, size_t dst, size_t n) PAGES_LOCKED
{
	char *from = u->arena->base + src * PAGES_UNIT, *to = u->arena->base + dst * PAGES_UNIT;
	size_t len = n * PAGES_UNIT;
	int err;

	if (!u->moves || pages_units_broken(u) || u->splits.count + 2 > u->splits.max)
		return false;
	if (pages_os_move(from, to, len) == 0) {
		pages_splits_move(&u->splits, src, dst, n);
		u->moved += n;
		return true;
	}
	err = pages_arena_heal(u->arena, dst * PAGES_UNIT, len);
	if (err != -EEXIST)
		pages_splits_heal(&u->splits, dst, n);
	if (err == -EFAULT)
		note_hole(u, dst, n);
	u->refused_moves++;
	return false;
}

bool
pages_units_transfer(struct pages_units *u, size_t src, size_t dst, size_t n)
{
	/* Kept units at dst lose their memory, because a move replaces it. */
	size_t kept = unmark_kept(u, dst, dst + n);
	bool moved;

	PAGES_CHECK(pages_units_count(u, src, src + n, true) == n);
	PAGES_CHECK(pages_units_count(u, dst, dst + n, true) == 0);
	moved = move(u, src, dst, n);

	pages_bits_set(u->held_bits, dst, dst + n);
	if (moved) {
		pages_bits_set(u->dirty_bits, dst, dst + n);
		pages_bits_clear(u->muzzy_bits, dst, dst + n);
		pages_bits_clear(u->held_bits, src, src + n);
		pages_bits_clear(u->dirty_bits, src, src + n);
		u->returned += kept;
	} else {
		u->held += n;
		u->reused += kept;
		u->fresh += n - kept;
	}
	note_peaks(u);
	return moved;
}

/* n units were moved from src to dst: move their bits along, and clear them at src. */
static void
carry_bits(uint64_t *bits, size_t src, size_t dst, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (pages_bits_test(bits, src + k))
			pages_bits_set(bits, dst + k, dst + k + 1);
	pages_bits_clear(bits, src, src + n);
}

/* The highest run of at most max kept units that a single move can take.  Some unit is kept. */
static struct pages_unit_run
find_kept(struct pages_units *u, size_t max)
{
	size_t end = pages_bits_end(u->kept_bits, u->kept_end), first;

	u->kept_end = end;
	for (first = end - 1; first > 0 && end - first < max; first--)
		if (!pages_bits_test(u->kept_bits, first - 1) ||
		    u->splits.shift[first - 1] != u->splits.shift[first])
			break;
	return (struct pages_unit_run){ first, end - first };
}

/*
 * Move kept units to the n absent ones at dst; returns how many.  They are taken from the high
 * end of the arena, which packs resident memory towards the low end.
 */
static size_t
move_free_units(struct pages_units *u, size_t dst, size_t n) PAGES_LOCKED
{
	size_t done = 0;

	while (done < n && u->kept > 0) {
		struct pages_unit_run run = find_kept(u, n - done);

		PAGES_CHECK(pages_units_count(u, run.first, run.first + run.count, true) == 0);
		if (!move(u, run.first, dst + done, run.count))
			break;
		(void)unmark_kept(u, run.first, run.first + run.count);
		carry_bits(u->dirty_bits, run.first, dst + done, run.count);
		carry_bits(u->muzzy_bits, run.first, dst + done, run.count);
		u->moved_free += run.count;
		done += run.count;
	}
	return done;
}

/* Holding and keeping. ---------------------------------------------------- */

size_t
pages_units_absent(const struct pages_units *u, size_t a, size_t b)
{
	size_t n = 0;

	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t absent = ~(u->held_bits[w] | u->kept_bits[w]) & pages_bits_mask(w, a, b);

		if (absent != 0)
			n += pages_bits_popcount(absent);
	}
	return n;
}

size_t
pages_units_count(const struct pages_units *u, size_t a, size_t b, bool held)
{
	return pages_bits_count(held ? u->held_bits : u->kept_bits, a, b);
}

size_t
pages_units_dirty(const struct pages_units *u, size_t a, size_t b)
{
	return pages_bits_count(u->dirty_bits, a, b);
}

/* The kept units in [a, b) become held; returns how many those were. */
static size_t
hold_kept(struct pages_units *u, size_t a, size_t b)
{
	for (size_t w = a / 64; w * 64 < b; w++)
		u->held_bits[w] |= u->kept_bits[w] & pages_bits_mask(w, a, b);
	return unmark_kept(u, a, b);
}

struct pages_unit_run
pages_units_hold(struct pages_units *u, size_t a, size_t b, bool move_free)
{
	struct pages_unit_run zero = { a, 0 };
	size_t absent = pages_units_absent(u, a, b), first = a;
	/* Before any move, so that no kept unit of this range is moved to another place in it. */
	size_t reused = hold_kept(u, a, b);

	u->reused += reused;
	u->held += reused + absent;
	for (size_t end; absent != 0; absent -= end - a, a = end) {
		size_t moved_free;

		a = pages_bits_find(u->held_bits, a, b, false);
		end = pages_bits_find(u->held_bits, a, b, true);
		PAGES_CHECK(pages_units_absent(u, a, end) == end - a);
		pages_bits_set(u->held_bits, a, end);
		moved_free = move_free ? move_free_units(u, a, end - a) : 0;
		u->fresh += end - a - moved_free;
		if (end - a - moved_free > zero.count)
			zero = (struct pages_unit_run){ a + moved_free, end - a - moved_free };
	}
	pages_units_unmark(u, first, b);
	note_peaks(u);
	return zero;
}

void
pages_units_keep(struct pages_units *u, size_t a, size_t b)
{
	while (a < b) {
		size_t end;

		a = pages_bits_find(u->held_bits, a, b, true);
		end = pages_bits_find(u->held_bits, a, b, false);
		mark_kept(u, a, end);
		u->held -= end - a;
		u->freed += end - a;
		a = end;
	}
}

/* Purging. ---------------------------------------------------------------- */

struct pages_unit_run
pages_units_kept(const struct pages_units *u, size_t a, size_t b, enum pages_which which)
{
	const uint64_t *const bits_of[] = {
		[PAGES_ALL] = u->kept_bits,
		[PAGES_OLD] = u->old_bits,
		[PAGES_DIRTY] = u->dirty_bits,
	};
	const uint64_t *bits = bits_of[which];
	size_t end;

	b = pages_max(a, pages_min(b, u->kept_end));
	a = pages_bits_find(bits, a, b, true);
	end = pages_bits_find(bits, a, b, false);
	return (struct pages_unit_run){ a, end - a };
}

void
pages_units_age(struct pages_units *u)
{
	memcpy(u->old_bits, u->kept_bits, pages_bits_words(u->kept_end) * sizeof(*u->old_bits));
}

void
pages_units_set_dirty(struct pages_units *u, size_t a, size_t b)
{
	for (size_t w = a / 64; w * 64 < b; w++)
		u->dirty_bits[w] |= u->held_bits[w] & ~u->muzzy_bits[w] & pages_bits_mask(w, a, b);
}

void
pages_units_set_muzzy(struct pages_units *u, size_t a, size_t b)
{
	pages_bits_clear(u->dirty_bits, a, b);
	pages_bits_set(u->muzzy_bits, a, b);
}

void
pages_units_unmark(struct pages_units *u, size_t a, size_t b)
{
	/* If there is a hole, touching it would fault; the caller will hand nothing out. */
	while (a < b && !pages_units_broken(u)) {
		size_t end;

		a = pages_bits_find(u->muzzy_bits, a, b, true);
		end = pages_bits_find(u->muzzy_bits, a, b, false);
		pages_muzzy_unmark(u->arena->base + a * PAGES_UNIT, (end - a) * PAGES_UNIT);
		pages_bits_clear(u->muzzy_bits, a, end);
		/* All of it, whatever its next owner writes: to be marked again when it is free. */
		pages_bits_set(u->dirty_bits, a, end);
		a = end;
	}
}

/* Absent units are neither dirty nor muzzy. */
static void
clear_marks(struct pages_units *u, size_t a, size_t b)
{
	pages_bits_clear(u->dirty_bits, a, b);
	pages_bits_clear(u->muzzy_bits, a, b);
}

/*
 * While units are purged without the lock their held bits are set, though they are not counted
 * as held, so that they are neither moved nor purged twice.
 */
void
pages_units_leave(struct pages_units *u, struct pages_unit_run run)
{
	PAGES_CHECK(pages_units_count(u, run.first, run.first + run.count, false) == run.count);
	(void)hold_kept(u, run.first, run.first + run.count);
}

enum pages_fate
pages_units_drop(const struct pages_units *u, struct pages_unit_run run)
{
	size_t start = run.first * PAGES_UNIT, len = run.count * PAGES_UNIT, i = run.first;
	int err;

	while (i < run.first + run.count && u->splits.shift[i] == 0)
		i++;
	/* Units that were moved are mapped anew, which ends their VMA splits. */
	err = i < run.first + run.count ? pages_arena_renew(u->arena, start, len) :
					  pages_arena_discard(u->arena, start, len);
	if (err == -EFAULT)
		return PAGES_HOLE;
	if (err == 0)
		return PAGES_DROPPED;
	/* Over a limit no mapping can be made afresh: the memory goes, and the splits stay. */
	if (pages_can(PAGES_CAP_DISCARD) && pages_os_discard(u->arena->base + start, len) == 0)
		return PAGES_EMPTIED;
	return PAGES_STAYED;
}

void
pages_units_done(struct pages_units *u, struct pages_unit_run run, enum pages_fate fate)
{
	PAGES_CHECK(pages_units_count(u, run.first, run.first + run.count, true) == run.count);
	if (fate == PAGES_MARKED)
		pages_units_set_muzzy(u, run.first, run.first + run.count);
	if (fate == PAGES_STAYED || fate == PAGES_MARKED) {
		mark_kept(u, run.first, run.first + run.count);
	} else {
		clear_marks(u, run.first, run.first + run.count);
		pages_bits_clear(u->held_bits, run.first, run.first + run.count);
		if (fate != PAGES_EMPTIED)
			pages_splits_heal(&u->splits, run.first, run.count);
		u->returned += run.count;
	}
	/* The purge may end here, and leave what is in excess. */
	if (fate != PAGES_DROPPED && fate != PAGES_EMPTIED)
		u->peak_resident = pages_max(u->peak_resident, u->held + u->kept);
}

void
pages_units_seclude(struct pages_units *u, size_t a, size_t b)
{
	size_t kept;

	PAGES_CHECK(pages_units_count(u, a, b, true) == 0);
	kept = hold_kept(u, a, b);
	pages_bits_set(u->held_bits, a, b);
	pages_bits_clear(u->muzzy_bits, a, b);
	pages_splits_heal(&u->splits, a, b - a);
	u->held += b - a;
	u->fresh += b - a;
	u->returned += kept;
	note_peaks(u);
}

void
pages_units_readmit(struct pages_units *u, size_t a, size_t b)
{
	PAGES_CHECK(pages_units_count(u, a, b, true) == b - a);
	pages_bits_clear(u->held_bits, a, b);
	clear_marks(u, a, b);
	pages_splits_heal(&u->splits, a, b - a);
	u->held -= b - a;
	u->freed += b - a;
	u->returned += b - a;
}

size_t
pages_units_excess(const struct pages_units *u)
{
	size_t resident = u->held + u->kept;
	size_t most = pages_min(u->peak_held, u->resident_max);

	return resident > most ? pages_min(resident - most, u->kept) : 0;
}
