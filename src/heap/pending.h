/* SPDX-License-Identifier: MIT */
/*
 * pending.h - what waits for a thread that has the lock: deferred frees, and changes
 *
 * A thread that does not get the lock to free a block pushes the block on a list; one that does
 * not get it back after a change leaves the change where it is.  The next thread that takes the
 * lock does both.
 */
#ifndef PAGES_HEAP_PENDING_H
#define PAGES_HEAP_PENDING_H

#include "impl.h"

/* Without the lock: FREED block id is to be released later. */
void pages_heap_defer(struct pages_heap *h, uint32_t id);

/*
 * A change for block id, or for none, with the other fields zero.  NULL if too many are under
 * way.  pages_heap_end() ends it and returns c->err; if that is set, a new block or one from a
 * front cache is free afterwards, and a live one as long as it was.
 */
struct pages_change *pages_heap_change(struct pages_heap *h, uint32_t id) PAGES_LOCKED;
int pages_heap_end(struct pages_heap *h, struct pages_change *c) PAGES_LOCKED;

/* Release deferred frees, and settle and end changes that were left. */
void pages_heap_catch_up(struct pages_heap *h) PAGES_LOCKED;

/* In a forked child: undo the changes of threads that are not there. */
void pages_heap_undo_changes(struct pages_heap *h) PAGES_LOCKED;

#endif /* PAGES_HEAP_PENDING_H */
