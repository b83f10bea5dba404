/* SPDX-License-Identifier: MIT */
/*
 * child.h - what becomes of a heap in a forked child
 */
#ifndef PAGES_HEAP_CHILD_H
#define PAGES_HEAP_CHILD_H

#include "impl.h"

/*
 * In the child of fork(), whose handlers hold the lock if locked.  The child keeps the blocks;
 * what threads were doing that are not there is undone.
 */
void pages_heap_become_child(struct pages_heap *h, bool locked);

/*
 * The same in a child of _Fork() or clone(), which call no handlers, when it first wants the
 * lock.  If that was held at the time of the fork, requests go to the next allocator from now on,
 * and blocks that are freed are not used again.  False: not now, or not at all.
 */
bool pages_heap_adopt(struct pages_heap *h);

#endif /* PAGES_HEAP_CHILD_H */
