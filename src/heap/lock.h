/* SPDX-License-Identifier: MIT */
/*
 * lock.h - the heap's lock, and what threads do that get it or do not
 */
#ifndef PAGES_HEAP_LOCK_H
#define PAGES_HEAP_LOCK_H

#include "impl.h"
#include "pending.h"

/*
 * Take the lock; false if it was not to be had.  enter() also does what other threads could
 * not, for want of the lock: it releases deferred frees, and settles changes.
 */
bool pages_heap_lock(struct pages_heap *h) PAGES_TRY_LOCKS;
bool pages_heap_enter(struct pages_heap *h) PAGES_TRY_LOCKS;
void pages_heap_unlock(struct pages_heap *h) PAGES_UNLOCKS;

/* Without the lock: something that it does not protect has changed what a record says. */
void pages_heap_refresh_record(struct pages_heap *h);

/* Without the lock: release FREED block id now, or later if the lock is not to be had. */
void pages_heap_free_claimed(struct pages_heap *h, uint32_t id);

/*
 * Without the lock: perform what is planned of a change, round by round.  True, and the lock is
 * held, when nothing is left or c->err is set.  False if the lock was not to be had: the next
 * thread that has it ends the change as failed.
 */
bool pages_heap_perform(struct pages_heap *h, struct pages_change *c) PAGES_TRY_LOCKS;

/* The same for what of it is handed over (change.h), when all else has been performed. */
bool pages_heap_hand_over(struct pages_heap *h, struct pages_change *c) PAGES_TRY_LOCKS;

#endif /* PAGES_HEAP_LOCK_H */
