/* SPDX-License-Identifier: MIT */
/*
 * units.h - physical memory: which 2 MiB units of the arena hold any
 *
 *	UNMAPPED there is no mapping of ours
 *	ABSENT   mapped, but has no memory; reads as zero
 *	HELD     overlapped by the used part of a live extent: counts as resident,
 *	         touched or not
 *	KEPT     free (wholly inside free extents) and resident: dirty or muzzy, or neither
 *	         if its last blocks lived only for moments, which is not worth marking
 *	BUSY     its memory is being changed by a thread that does not hold the lock (change.h):
 *	         until it is put back, no extent may be placed over it, it is no source and no
 *	         destination of another change
 *
 * A unit that is being prepared for a block is BUSY and HELD; one that is being emptied is
 * only BUSY.
 *
 * When an absent unit is about to be held, a kept unit is moved there by page tables.  So
 * memory that was freed at any place serves the next request at any other, and resident
 * memory does not exceed the peak of held memory.
 *
 * A move destroys what lies at its destination.  Hence these rules:
 * - a source is KEPT, or lies wholly inside the one live extent that is being moved;
 * - a destination is ABSENT, or lies wholly inside the one extent that is being placed; there it
 *   is mapped only just before, if it is handed over (change.h);
 * - both are BUSY before the lock is released for the move, and put back under the lock
 *   before the heap returns an address there;
 * - a refused move leaves its source as it was;
 * - both lie in the same zone, because what the kernel was advised travels with the pages.
 *   Kept units of the small zone are not moved at all: they hold too little memory.
 *
 * Without the first half of the third rule a thread could be given the other half of a
 * destination, and lose what it writes there; or a block could be placed over a source, and be
 * moved away.
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

/* A unit is old when all have aged so often since it was kept. */
enum { PAGES_AGES = 3 };

struct pages_units {
	struct pages_arena *arena;
	struct pages_table bits, shifts;
	struct pages_table taints;	/* a bit for each page: taint.h */
	uint64_t *mapped_bits;	/* read without the lock, too */
	uint64_t *held_bits;	/* no unit is both held and kept */
	uint64_t *kept_bits;
	uint64_t *busy_bits;	/* no unit is both busy and kept */
	uint64_t *age_bits[PAGES_AGES];	/* [i]: kept since units aged for the last i + 1 times */
	uint64_t *stale_bits;	/* kept and dirty since dirty units last aged */
	uint64_t *dirty_bits;	/* resident, written to, to be marked once it is free */
	uint64_t *muzzy_bits;	/* resident, and marked: no live block overlaps it */
	uint64_t *taint_bits;	/* pages of it were tainted once; without the lock: taint.h */
	uint64_t *fresh_bits;	/* zero when first held, and nothing written there was freed since */
	size_t count;
	size_t mapped_end;	/* no unit from here on is mapped */
	size_t kept_end;	/* no unit from here on is kept */
	size_t busy_end;	/* no unit from here on is busy */

	size_t mapped, held, kept;	/* how many; held without those that are busy */
	size_t placing;		/* how many held_bits held does not count: busy ones, and units
				   of moving blocks that have left, but must not be used yet */
	size_t leaving;		/* how many were kept and are busy: memory in between */
	size_t dirty;		/* how many are kept and dirty */
	size_t peak_held, peak_resident;
	size_t resident_max;	/* limit of held + kept: units beyond it are not kept */
	_Atomic bool keeps_all;	/* up to that limit: pages_heap_keep_still() */
	struct pages_splits splits;
	_Atomic bool moves;	/* moving is possible and allowed */
	bool watch;		/* not any more once hooks appear that follow mappings */

	/* Totals, in units; struct pages_stats has equations between them. */
	uint64_t moved, reused, fresh, returned;
	uint64_t freed;		/* from held to kept, or to absent */
	uint64_t moved_free;	/* kept units moved under a block: part of moved */
	uint64_t inherited;	/* resident at the fork that made this process */
	uint64_t refused_moves;
	uint64_t unmarked;	/* muzzy units that were used again */
};

/* Bytes of taints for a unit. */
static inline size_t
pages_taints_of(const struct pages_units *u)
{
	return (PAGES_UNIT >> u->arena->page_shift) / 8;
}

/* Map the start of the side tables.  0 or -errno. */
int pages_units_open(struct pages_units *u, struct pages_arena *arena, size_t max_splits);

/* Unmap all units, and the tables. */
void pages_units_close(struct pages_units *u);

/* How many of [a, b) are absent or unmapped, and not busy. */
size_t pages_units_absent(const struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* How many of [a, b) are held, or kept. */
size_t pages_units_count(const struct pages_units *u, size_t a, size_t b, bool held) PAGES_LOCKED;

/* The unit behind the last busy one in [a, b); a if none is busy. */
size_t pages_units_busy_end(const struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* How many of [a, b) are kept and dirty. */
size_t pages_units_dirty(const struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * Hold units [a, b) that are kept and not muzzy: memory that is at the place already.  Returns
 * how many those were.
 */
size_t pages_units_reuse(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* So many busy units that were prepared for a block are ready: they are held. */
void pages_units_ready(struct pages_units *u, size_t first, size_t count) PAGES_LOCKED;

/* [a, b) lies wholly inside free space now: the held units in it become kept. */
void pages_units_keep(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Which kept units: all; old ones; dirty ones; those that are so since. */
enum pages_which { PAGES_ALL, PAGES_OLD, PAGES_DIRTY, PAGES_STALE };

/* The units of mask in word w are not kept any more. */
static inline void
pages_units_forget_age(struct pages_units *u, size_t w, uint64_t mask)
{
	for (int i = 0; i < PAGES_AGES; i++)
		u->age_bits[i][w] &= ~mask;
}

/* The first run of such units in [a, b), all of one zone; count 0 if there is none. */
struct pages_unit_run pages_units_kept(const struct pages_units *u, size_t a, size_t b,
				       enum pages_which which) PAGES_LOCKED;

/*
 * set_dirty(): the held units in [a, b) have been written to and are to be marked.  Not those of
 *	the small zone: before they are used again all of their pages would be faulted in.
 * set_muzzy(): all of [a, b) has been marked by pages_muzzy_mark().
 */
void pages_units_set_dirty(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;
void pages_units_set_muzzy(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Absent units are neither dirty nor muzzy. */
void pages_units_clear_marks(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* [a, b) becomes kept, or the kept units of [a, b) cease to be; the latter returns how many. */
void pages_units_add_kept(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;
size_t pages_units_remove_kept(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Make all units older that are kept now, or all stale that are dirty. */
void pages_units_age(struct pages_units *u) PAGES_LOCKED;
void pages_units_age_dirty(struct pages_units *u) PAGES_LOCKED;

/* Held units [a, b) become absent: the caller has given their memory back. */
void pages_units_readmit(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * Taints of whole units (taint.h), without the lock.  The first unit of [a, b) that ever had a
 * tainted page, or b; is a page of [a, b) tainted now; forget it, because [a, b) has been mapped
 * anew or unmapped.
 */
size_t pages_units_ever_tainted(const struct pages_units *u, size_t a, size_t b);
bool pages_units_are_tainted(const struct pages_units *u, size_t a, size_t b);
void pages_units_untaint(const struct pages_units *u, size_t a, size_t b);

/* [a, b) is mapped now, or not any more. */
void pages_units_set_mapped(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;
void pages_units_set_unmapped(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* Blocks that were written to have left [a, b): it is not fresh any more. */
void pages_units_set_used(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/* [a, b), which is absent or about to be mapped anew, belongs to the small zone from now on. */
void pages_units_set_small(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED;

/*
 * May memory be moved?  Not where hooks follow mappings: a cache of registered addresses loses
 * an entry with each move, and registering costs tens of microseconds.
 */
bool pages_units_may_move(struct pages_units *u);

/* How many kept units are too many: held + kept beyond the peak of held, or resident_max. */
size_t pages_units_excess(const struct pages_units *u) PAGES_LOCKED;

/* Note the peaks, after held or kept has grown. */
void pages_units_note_peaks(struct pages_units *u) PAGES_LOCKED;

#endif /* PAGES_UNITS_H */
