/* SPDX-License-Identifier: MIT */
/*
 * change.h - changes of memory, made without the lock: mapping, moving, purging
 *
 * System calls that change memory take from microseconds to milliseconds, and others wait for
 * the lock meanwhile.  So a change has three parts: plan() takes units out under the lock, which
 * makes them BUSY; perform() makes the system calls, without it; settle() puts the units back
 * under the lock.  A block that is being placed, grown or moved may need several rounds of this,
 * because a change has room for only so many steps.
 *
 * The changes under way are listed in the heap.  So a forked child can undo what threads were
 * doing that it does not have; and a thread that does not get the lock back leaves its change to
 * the next one that does.
 *
 * Threads: as each function says; a change belongs to the thread that planned it.
 */
#ifndef PAGES_HEAP_CHANGE_H
#define PAGES_HEAP_CHANGE_H

#include <stdatomic.h>

#include "units.h"

enum pages_step_kind {
	PAGES_STEP_MAP,		/* map units and extra ones behind them */
	PAGES_STEP_MOVE,	/* move kept units from src */
	PAGES_STEP_CARRY,	/* move a block's own units from src */
	PAGES_STEP_UNMARK,	/* make muzzy units dirty */
	PAGES_STEP_MARK,	/* make dirty units muzzy */
	PAGES_STEP_DROP,	/* give the memory of kept units back */
	PAGES_STEP_UNMAP,	/* give address space back */
};

/*
 * DONE; REFUSED: all is as it was, but the contents of a destination are undefined; EMPTIED:
 * done, but VMA splits are there still; GONE: the units (for moves: the destination) are not
 * mapped any more.
 */
enum pages_fate { PAGES_DONE, PAGES_REFUSED, PAGES_EMPTIED, PAGES_GONE };

struct pages_step {
	uint8_t kind;		/* enum pages_step_kind */
	uint8_t fate;		/* enum pages_fate */
	bool muzzy;		/* the units from src are */
	uint32_t first, count;
	uint32_t src;
	uint32_t extra;
};

enum { PAGES_STEPS = 8 };

/* What memory a block is to get. */
enum pages_filling {
	PAGES_FILL,	/* kept memory, as long as there is any */
	PAGES_FILL_ZERO,	/* only what is at the place: absent units are zero, moved ones are not */
	PAGES_FILL_NONE,	/* none: the block's owner maps the units anew */
};

enum pages_change_state { PAGES_CHANGE_UNUSED, PAGES_CHANGE_OPEN, PAGES_CHANGE_LEFT };

struct pages_change {
	_Atomic uint32_t state;
	uintptr_t thread;		/* whose change it is: pages_lock_self() */
	uint32_t id;			/* the block that the change is for, or 0 */
	uint32_t used;			/* pages that a block is to have that grows; 0 if it is new */
	bool cached;			/* it grows from a front cache: its state is FREED */
	size_t a, b;			/* the units that are prepared for it */
	enum pages_filling filling;
	bool still;			/* a move was refused: try no other */
	int err;			/* units could not be mapped */
	struct pages_unit_run zero;	/* the longest run that is known to be zero */

	/* A block that moves: units from carry_src on are to come to carry.first. */
	struct pages_unit_run carry;
	size_t carry_src;
	size_t carried;			/* how many have come, from the first one on */
	bool carried_back;
	bool at_limit;			/* they are handed over: their places are not mapped before */
	size_t handed;			/* how many have come that way and are not counted yet */

	size_t fresh;			/* units that got no memory */
	size_t done;			/* units that were purged, marked or unmapped */

	uint32_t steps;
	struct pages_step step[PAGES_STEPS];
};

/*
 * Begin to prepare units [a, b) for block id, which overlaps them from now on; none of them is
 * busy.  c has id, used, filling, carry and carry_src, and is zero otherwise.  True if there is
 * anything to plan.
 */
bool pages_change_begin(struct pages_units *u, struct pages_change *c, size_t a,
			size_t b) PAGES_LOCKED;

/* Plan the next round; false if there is nothing left to do, or if c->err says why not. */
bool pages_change_plan(struct pages_units *u, struct pages_change *c) PAGES_LOCKED;

/* Without the lock: make the system calls of the steps. */
void pages_change_perform(const struct pages_units *u, struct pages_change *c);

void pages_change_settle(struct pages_units *u, struct pages_change *c) PAGES_LOCKED;

/* All rounds are settled: the units that were carried away are absent now. */
void pages_change_finish(struct pages_units *u, struct pages_change *c) PAGES_LOCKED;

/*
 * Instead of finish(), if c->err: what is prepared of [a, b) stays held, the rest becomes what it
 * was.  The caller then frees the block, or makes it as long as it was.
 */
void pages_change_abandon(struct pages_units *u, struct pages_change *c) PAGES_LOCKED;

/*
 * At a limit that counts what is mapped there is no address space for a block's units and for
 * their new place.  Then they are handed over: a few are mapped at the new place, and the move
 * unmaps the old one.  That comes last, when all the rest of the new place is mapped.
 *
 * can_hand_over(): is nothing mapped where they are to come?
 * hand_over(): without the lock; all of them, or none and c->err says why not.
 * hand_back(): without the lock; undoes that, and ends the process if the kernel refuses it.
 * settle_handed(): finish() then makes what they have left unmapped.
 */
bool pages_change_can_hand_over(const struct pages_units *u,
				const struct pages_change *c) PAGES_LOCKED;
void pages_change_hand_over(const struct pages_units *u, struct pages_change *c);
void pages_change_hand_back(const struct pages_units *u, struct pages_change *c);
void pages_change_settle_handed(struct pages_units *u, struct pages_change *c) PAGES_LOCKED;

/*
 * Bring what was carried back, by copying it, because a move could be refused again.  With or
 * without the lock; before abandon(), or before the change is left to another thread.
 */
void pages_change_carry_back(const struct pages_units *u, struct pages_change *c);

/* Plan one step for kept units (MARK or DROP), or for mapped ones that are not held (UNMAP). */
void pages_change_take(struct pages_units *u, struct pages_change *c, enum pages_step_kind kind,
		       struct pages_unit_run run) PAGES_LOCKED;

/*
 * In a forked child: undo a change of a thread that is not there.  Whatever was changing is not
 * mapped afterwards.
 */
void pages_change_undo(struct pages_units *u, struct pages_change *c) PAGES_LOCKED;

#endif /* PAGES_HEAP_CHANGE_H */
