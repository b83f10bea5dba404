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
 * Without the lock, for the owner of pages [first, end): their contents are not needed any more.
 * Gives their memory back, if the options say so; if it is locked, its contents stay.
 */
void pages_heap_forget(struct pages_heap *h, size_t first, size_t end);

/*
 * Without the lock: clean and forget FREED block id, which is to be released next.  If it is
 * tainted and cannot be cleaned, it is lost then.
 */
void pages_heap_clean_freed(struct pages_heap *h, uint32_t id);

/*
 * Without the lock: clean LIVE block id, which is about to be handed out, if a call for a wider
 * range has tainted it while it was free.  False, and the block is lost, if it cannot be cleaned.
 */
bool pages_heap_clean_new(struct pages_heap *h, uint32_t id);

#endif /* PAGES_HEAP_TAINT_H */
