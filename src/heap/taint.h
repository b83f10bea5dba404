/* SPDX-License-Identifier: MIT */
/*
 * taint.h - tainted pages: the program has told the kernel something about them
 *
 * Protection, advice, locks, memory policies, fault handlers and mappings laid over a block are
 * bound to its addresses, and the kernel does not end them when the block is freed.  So the heap
 * is told of such calls before they are made, and notes the pages.  When the block is freed, or
 * cut off, exactly its own tainted pages are mapped anew, which ends all of that at once.  Its
 * neighbours may share a unit with it, and are not concerned.  Free pages may be tainted, too:
 * they are cleaned before they get an owner, and not moved.
 *
 * One bit for each page, in a side table that is mapped with the units.  Bits are set and read
 * without the lock: the pages of a block belong to its owner.
 */
#ifndef PAGES_HEAP_TAINT_H
#define PAGES_HEAP_TAINT_H

#include "impl.h"

/* Is any of pages [first, end) tainted?  Costs one load where none ever was. */
bool pages_heap_is_tainted(const struct pages_heap *h, size_t first, size_t end);

/*
 * Without the lock, for the owner of pages [first, end): map the tainted ones anew, and forget
 * that they were.  Units that lie wholly inside are mapped anew as a whole.  False if the kernel
 * refuses: then the pages must not serve again.
 */
bool pages_heap_clean(struct pages_heap *h, size_t first, size_t end);

/* Forget taints of pages [first, end), which are mapped anew. */
void pages_heap_untaint(struct pages_heap *h, size_t first, size_t end);

/*
 * Without the lock: clean FREED block id, if it is tainted, which is to be released next.  If it
 * cannot be cleaned, it is lost then.
 */
void pages_heap_clean_freed(struct pages_heap *h, uint32_t id);

/*
 * Without the lock: the same for a LIVE block that is about to be handed out.  A call for a wider
 * range, which went on into free memory, has tainted it.  False, and the block is lost, if it
 * cannot be cleaned.
 */
bool pages_heap_clean_new(struct pages_heap *h, uint32_t id);

#endif /* PAGES_HEAP_TAINT_H */
