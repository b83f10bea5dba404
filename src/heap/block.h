/* SPDX-License-Identifier: MIT */
/*
 * block.h - the record of a block: found, claimed, released; extents that are lost
 */
#ifndef PAGES_HEAP_BLOCK_H
#define PAGES_HEAP_BLOCK_H

#include "impl.h"

/* The id of the live block at p that is not dedicated.  Ends the process if there is none. */
uint32_t pages_heap_checked(struct pages_heap *h, const void *p, const char *caller);

/*
 * Change the state of block id from state to FREED in one atomic step.  If it has another,
 * because the block was freed twice, the process ends.
 */
void pages_heap_claim(struct pages_heap *h, uint32_t id, uint16_t state, const char *caller);

/* FREED block id becomes free address space, and its memory kept memory. */
void pages_heap_release(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Pages [first, end) are free now, in free extent span: keep the units that became free. */
void pages_heap_keep(struct pages_heap *h, size_t first, size_t end,
		     struct pages_span span) PAGES_LOCKED;

/*
 * Kept units must lie in free extents, or no block is placed where they are.  So if the room
 * of block id covers any, or busy ones, cut its extent off in front of them.
 */
void pages_heap_trim_room(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Make extent id a lost one.  If it is a block, its units stay held. */
void pages_heap_lose(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/* Block id, which is new or has grown, cannot have its memory: take it back.  See change.h. */
void pages_heap_take_back(struct pages_heap *h, const struct pages_change *c) PAGES_LOCKED;

#endif /* PAGES_HEAP_BLOCK_H */
