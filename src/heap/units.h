/* SPDX-License-Identifier: MIT */
/*
 * units.h - physical memory: which 2 MiB units of the arena hold any
 *
 *	ABSENT   holds no memory; reads as zero
 *	HELD     overlapped by the used part of a live extent: counts as resident,
 *	         whether it was touched or not
 *	KEPT     wholly inside free space and resident: money in the till
 *
 * Whenever an absent unit is about to be held, a kept one is moved there by page
 * tables, so that what was freed anywhere serves whatever is asked for next, and
 * resident memory does not exceed the peak of what was held.
 *
 * A move destroys what lies at its destination.  Hence, sacred:
 * - a source is KEPT (wholly inside free space), or wholly inside the one live
 *   extent that is being moved;
 * - a destination is ABSENT, or wholly inside the one extent being placed;
 * - both states change under the lock, before an address leaves it;
 * - a refused move leaves the source as it was.
 *
 * What a refused move leaves at its destination may be a hole that cannot be closed:
 * where the process is over its RLIMIT_AS or RLIMIT_DATA, lowered since, the kernel
 * unmaps first and refuses then, this and every other mapping.  Such units must not
 * be handed out, ever: whoever asked for the move gives them up.
 *
 * A moved range keeps its old page offset in the kernel's books, so it merges
 * with its surroundings only where they were moved by the same distance.  That
 * distance is recorded for each unit; a place where it changes is a seam, and
 * costs a mapping.  Seams are counted and kept far below vm.max_map_count.
 * UFFDIO_MOVE leaves none, and takes as long (2 MiB: 39-51 us and mremap 37-55 on a
 * virtual machine, 128 MiB at once: 5 us for each in both); but it needs a descriptor to
 * keep and a privilege that containers withhold, so mremap it is.
 *
 * Threads: the caller locks.  Numbers are units, from the arena's base.
 */
#ifndef PAGES_UNITS_H
#define PAGES_UNITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "locked.h"

struct pages_unit_run {
	size_t first;
	size_t count;
};

struct pages_units {
	struct pages_arena *arena;
	uint64_t *held_bits;	/* which units are HELD, and which KEPT: never both */
	uint64_t *kept_bits;
	uint64_t *old_bits;	/* which of the kept ones were so when units last aged */
	uint64_t *dirty_bits;	/* which of both the kernel would have to swap out; no absent one */
	uint64_t *muzzy_bits;	/* which of both are left to the kernel: no live block overlaps one */
	int32_t *shift;		/* distance, in units, of a moved unit from where its offset says */
	size_t count;
	size_t kept_end;	/* no unit from here on is KEPT */

	size_t held, kept;	/* how many */
	size_t dirty;		/* kept ones that are */
	size_t peak_held, peak_resident;
	size_t resident_max;	/* beyond it nothing is kept */
	size_t splits, splits_max;
	bool moves;		/* moving is possible and allowed */
	unsigned holes;		/* how many moves have left one */
	struct pages_unit_run hole;	/* the last, until it is taken; nothing moves before */

	/* Units, over all time; see the identities of struct pages_stats. */
	uint64_t moved, reused, fresh, returned;
	uint64_t freed;		/* from held to kept */
	uint64_t moved_free;	/* from kept to held, elsewhere: part of moved */
	uint64_t inherited;	/* resident when a fork made this process */
	uint64_t refused_moves;
};

/* Maps the side tables for the whole arena.  0 or -errno. */
int pages_units_open(struct pages_units *u, struct pages_arena *arena, size_t max_splits);
void pages_units_close(struct pages_units *u);

/* How many of [a, b) are absent. */
size_t pages_units_absent(const struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* How many of [a, b) are held, or kept. */
size_t pages_units_count(const struct pages_units *u, size_t a, size_t b, bool held) PAGES_LOCKED;

/* How many of [a, b), of which none is held, are soiled. */
size_t pages_units_dirty(const struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * Hold [a, b): the used part of a live extent overlaps them from now on.
 *
 *   fund  move kept units under absent ones, as far as there are any; otherwise
 *         absent ones stay as they are
 *
 * Returns the longest run that was absent and was not moved_free: known to be zero.
 * There may be a hole in [a, b) then.
 */
struct pages_unit_run pages_units_hold(struct pages_units *u, size_t a, size_t b, bool fund) PAGES_LOCKED;

/* [a, b) lies wholly inside free space now: what is held of it is kept. */
void pages_units_keep(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * Move the memory of n held units at src, which belong to one live extent, under
 * the units at dst, which lie wholly inside the extent it moves to and are not
 * held.  Afterwards dst is held and src absent.  False if the kernel refused:
 * then src is as it was, and dst is held with undefined contents, or a hole.
 */
bool pages_units_transfer(struct pages_units *u, size_t src, size_t dst, size_t n) PAGES_LOCKED;

/* After hold() and transfer(): has a move left a hole? */
static inline bool
pages_units_broken(const struct pages_units *u)
{
	return u->hole.count != 0;
}

/* Take note of it: it is absent from now on, and the caller sees to it that it stays so. */
struct pages_unit_run pages_units_take_hole(struct pages_units *u) PAGES_LOCKED;

/* How many of the n >= 1 units from src one move can transfer. */
size_t pages_units_movable(const struct pages_units *u, size_t src, size_t n) PAGES_LOCKED;

/* Which kept units: all, those that were kept since units aged last, those that are soiled. */
enum pages_which { PAGES_ALL, PAGES_OLD, PAGES_DIRTY };

/* The first run of such units in [a, b), which holds none that are held; or count 0. */
struct pages_unit_run pages_units_kept(const struct pages_units *u, size_t a, size_t b,
				       enum pages_which which) PAGES_LOCKED;

/* What is held of [a, b) has been written to; or it is left to the kernel, as muzzy.h says. */
void pages_units_set_dirty(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;
void pages_units_set_muzzy(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Held units [a, b) are about to be handed out: what is muzzy of them is no longer. */
void pages_units_unmark(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* From now on what is kept is old. */
void pages_units_age(struct pages_units *u) PAGES_LOCKED;

/*
 * Hold [a, b) for one block alone, whose owner drops what is there first: what is kept
 * of it counts as given back.  Such units are no source and no destination of moves,
 * and are not kept when their block is freed.
 */
void pages_units_seclude(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Held units [a, b) are free and absent: their memory was given back. */
void pages_units_readmit(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * What became of kept units: nothing, the kernel may take them, they are absent; their
 * place is no mapping any more.
 */
enum pages_fate { PAGES_STAYED, PAGES_MARKED, PAGES_DROPPED, PAGES_HOLE };

/*
 * Give the memory of kept units back to the kernel, which takes time in
 * proportion to it, hence in three steps: the caller, who has made their place
 * unavailable to others, calls leave() with the lock, drop() or pages_muzzy_mark()
 * without it and done() with it.  Where the kernel left a hole they are absent, and the
 * caller sees to it that they stay so.
 */
void pages_units_leave(struct pages_units *u, struct pages_unit_run run) PAGES_LOCKED;
enum pages_fate pages_units_drop(const struct pages_units *u, struct pages_unit_run run);
void pages_units_done(struct pages_units *u, struct pages_unit_run run, enum pages_fate fate) PAGES_LOCKED;

/* Units kept beyond what the peak of held units, or resident_max, allows. */
size_t pages_units_excess(const struct pages_units *u) PAGES_LOCKED;

#endif /* PAGES_UNITS_H */
