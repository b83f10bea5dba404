/* SPDX-License-Identifier: MIT */
/*
 * units.h - physical memory: which 2 MiB units of the arena hold any
 *
 *	ABSENT   has no memory; reads as zero, unless it lies in a hole
 *	HELD     overlapped by the used part of a live extent: counts as resident,
 *	         touched or not
 *	KEPT     free (wholly inside a free extent) and resident: dirty or muzzy, or neither
 *	         if its last blocks lived only for moments, which is not worth marking
 *
 * When an absent unit is about to be held, a kept unit is moved there by page tables.  So
 * memory that was freed at any place serves the next request at any other, and resident
 * memory does not exceed the peak of held memory.
 *
 * A move destroys what lies at its destination.  Hence these rules:
 * - a source is KEPT, or lies wholly inside the one live extent that is being moved;
 * - a destination is ABSENT, or lies wholly inside the one extent that is being placed;
 * - both states change under the lock, before the heap returns an address there;
 * - a refused move leaves its source as it was.
 *
 * A refused move may leave a hole at its destination.  If RLIMIT_AS or RLIMIT_DATA was lowered
 * below what the process uses, the kernel unmaps the destination first and then refuses the
 * move, and every new mapping that could close the hole.  Units of a hole must never be handed
 * out: the caller of the function that moved has to make their place a lost extent.
 *
 * Moves cause VMA splits (splits.h), which are limited to half of vm.max_map_count.
 *
 * UFFDIO_MOVE would cause no VMA splits and takes as long as mremap (on a virtual machine
 * 39-51 us for 2 MiB, mremap 37-55; both 5 us for each 2 MiB of 128 MiB).  But it needs an
 * open descriptor, and a privilege that containers withhold.
 *
 * Threads: the caller locks.  All numbers are units, counted from the arena's base.
 */
#ifndef PAGES_UNITS_H
#define PAGES_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "locked.h"
#include "splits.h"

struct pages_unit_run {
	size_t first;
	size_t count;
};

struct pages_units {
	struct pages_arena *arena;
	uint64_t *held_bits;	/* no unit is both held and kept */
	uint64_t *kept_bits;
	uint64_t *old_bits;	/* kept units that were kept already when units last aged */
	uint64_t *dirty_bits;	/* held or kept, written to, to be marked once it is free */
	uint64_t *muzzy_bits;	/* held or kept, and marked: no live block overlaps it */
	size_t count;
	size_t kept_end;	/* no unit from here on is kept */

	size_t held, kept;	/* how many */
	size_t dirty;		/* how many are kept and dirty */
	size_t peak_held, peak_resident;
	size_t resident_max;	/* limit of held + kept: units beyond it are not kept */
	struct pages_splits splits;
	bool moves;		/* moving is possible and allowed */
	unsigned holes;		/* how many moves have left one */
	struct pages_unit_run hole;	/* the last, until take_hole(); nothing moves before that */

	/* Totals, in units; struct pages_stats has equations between them. */
	uint64_t moved, reused, fresh, returned;
	uint64_t freed;		/* from held to kept, or to absent */
	uint64_t moved_free;	/* kept units moved under a block: part of moved */
	uint64_t inherited;	/* resident at the fork that made this process */
	uint64_t refused_moves;
};

/* Map the side tables for the whole arena.  0 or -errno. */
int pages_units_open(struct pages_units *u, struct pages_arena *arena, size_t max_splits);
void pages_units_close(struct pages_units *u);

/* How many of [a, b) are absent. */
size_t pages_units_absent(const struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* How many of [a, b) are held, or kept. */
size_t pages_units_count(const struct pages_units *u, size_t a, size_t b, bool held) PAGES_LOCKED;

/* How many of [a, b), none of which is held, are dirty. */
size_t pages_units_dirty(const struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * Hold [a, b): the used part of a live extent overlaps them from now on.
 *
 *   move_free  move kept units to the absent ones in [a, b), as long as there are any
 *
 * Returns the longest run of units that were absent and got no memory: they are zero.
 * Check pages_units_broken() afterwards: a refused move may have left a hole in [a, b).
 */
struct pages_unit_run pages_units_hold(struct pages_units *u, size_t a, size_t b,
				       bool move_free) PAGES_LOCKED;

/* [a, b) lies wholly inside free space now: the held units in it become kept. */
void pages_units_keep(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * Move n held units at src, which belong to one live extent, to dst, which lies wholly inside
 * the extent that the block moves to and is not held.  Afterwards dst is held and src absent.
 * False if the move was refused: then src is as it was, and dst is held, with undefined
 * contents or a hole.
 */
bool pages_units_transfer(struct pages_units *u, size_t src, size_t dst, size_t n) PAGES_LOCKED;

/* Has a move in hold() or transfer() left a hole? */
static inline bool
pages_units_broken(const struct pages_units *u)
{
	return u->hole.count != 0;
}

/* Return the hole and make it absent.  The caller makes its place a lost extent. */
struct pages_unit_run pages_units_take_hole(struct pages_units *u) PAGES_LOCKED;

/* Which kept units: all, those that were kept when units last aged, or the dirty ones. */
enum pages_which { PAGES_ALL, PAGES_OLD, PAGES_DIRTY };

/* The first run of such units in [a, b), none of which is held; count 0 if there is none. */
struct pages_unit_run pages_units_kept(const struct pages_units *u, size_t a, size_t b,
				       enum pages_which which) PAGES_LOCKED;

/*
 * set_dirty(): the held units in [a, b) have been written to and are to be marked.
 * set_muzzy(): all of [a, b) has been marked by pages_muzzy_mark().
 */
void pages_units_set_dirty(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;
void pages_units_set_muzzy(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Held units [a, b) are about to be handed out: unmark the muzzy ones. */
void pages_units_unmark(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Make all units old that are kept now. */
void pages_units_age(struct pages_units *u) PAGES_LOCKED;

/*
 * Hold [a, b) for one dedicated block.  The caller then maps the range anew, so the kept units
 * in it count as given back.  No unit of it is moved, or a destination of a move, and none is
 * kept when the block is freed.
 */
void pages_units_seclude(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Held units [a, b) become absent: the caller has given their memory back. */
void pages_units_readmit(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * What a purge did to kept units: nothing, because the kernel refused; they are muzzy; they
 * are absent; they are absent, and their VMA splits are there still; they are absent and
 * their place is a hole.
 */
enum pages_fate { PAGES_STAYED, PAGES_MARKED, PAGES_DROPPED, PAGES_EMPTIED, PAGES_HOLE };

/*
 * Purge a run of kept units.  That takes time in proportion to their number, so it has three
 * steps: leave() with the lock, drop() or pages_muzzy_mark() without it, done() with it.
 * Before the first the caller makes their place an extent that no thread can allocate from.
 * If their place is a hole in the end, the caller makes it a lost extent.
 */
void pages_units_leave(struct pages_units *u, struct pages_unit_run run) PAGES_LOCKED;
enum pages_fate pages_units_drop(const struct pages_units *u, struct pages_unit_run run);
void pages_units_done(struct pages_units *u, struct pages_unit_run run,
		      enum pages_fate fate) PAGES_LOCKED;

/* How many kept units are too many: held + kept beyond the peak of held, or resident_max. */
size_t pages_units_excess(const struct pages_units *u) PAGES_LOCKED;

#endif /* PAGES_UNITS_H */
