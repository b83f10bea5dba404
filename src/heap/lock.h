/* SPDX-License-Identifier: MIT */
/*
 * lock.h - the heap's lock; deferred frees, and the changes that are under way
 */
#ifndef PAGES_HEAP_LOCK_H
#define PAGES_HEAP_LOCK_H

#include "impl.h"

/*
 * Take the lock; false if it was not to be had.  enter() also does what other threads could
 * not, for want of the lock: it releases deferred frees, and settles changes.
 */
bool pages_heap_lock(struct pages_heap *h) PAGES_TRY_LOCKS;
bool pages_heap_enter(struct pages_heap *h) PAGES_TRY_LOCKS;
void pages_heap_unlock(struct pages_heap *h) PAGES_UNLOCKS;

/*
 * Without the lock: release FREED block id later, with the lock.  free_claimed() releases it
 * now, if the lock is to be had.
 */
void pages_heap_defer(struct pages_heap *h, uint32_t id);
void pages_heap_free_claimed(struct pages_heap *h, uint32_t id);

/*
 * A change for block id, or for none, with the other fields zero.  NULL if too many are under
 * way.  pages_heap_end() ends it and returns c->err; if that is set, a new block or one from a
 * front cache is free afterwards, and a live one as long as it was.
 */
struct pages_change *pages_heap_change(struct pages_heap *h, uint32_t id) PAGES_LOCKED;
int pages_heap_end(struct pages_heap *h, struct pages_change *c) PAGES_LOCKED;

/*
 * Without the lock: perform what is planned of a change, round by round.  True, and the lock is
 * held, when nothing is left or c->err is set.  False if the lock was not to be had: the next
 * thread that has it ends the change as failed.
 */
bool pages_heap_perform(struct pages_heap *h, struct pages_change *c) PAGES_TRY_LOCKS;

/* In a forked child with the lock: undo the changes of threads that are not there. */
void pages_heap_undo_changes(struct pages_heap *h) PAGES_LOCKED;

#endif /* PAGES_HEAP_LOCK_H */
