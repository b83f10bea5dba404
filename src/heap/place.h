/* SPDX-License-Identifier: MIT */
/*
 * place.h - finds places for blocks, and their memory
 */
#ifndef PAGES_HEAP_PLACE_H
#define PAGES_HEAP_PLACE_H

#include "impl.h"

/*
 * Take a live extent that fits want; used pages of it are the block, the rest is room.  No unit
 * of it is busy.  0 if there is none.
 */
uint32_t pages_heap_place(struct pages_heap *h, const struct pages_want *want,
			  uint32_t used) PAGES_LOCKED;

/* Take whole units behind all others, which hold no memory; 0 if there are none. */
uint32_t pages_heap_place_behind(struct pages_heap *h, size_t pages) PAGES_LOCKED;

/*
 * The same, but between other units if there is such a place: else blocks that come and go would
 * climb to the end of the arena.
 */
uint32_t pages_heap_place_absent(struct pages_heap *h, size_t pages) PAGES_LOCKED;

/*
 * Prepare the units of block id, from page from on; c has what that needs.  True if calls have
 * to be made without the lock: release it, and call pages_heap_perform().
 */
bool pages_heap_prepare(struct pages_heap *h, struct pages_change *c, size_t from) PAGES_LOCKED;

/*
 * Lengthen block id where it is, to pages.  NULL if that is not possible; then its length is
 * unchanged.  Else a change to be performed if *ret_more, and then ended.
 */
struct pages_change *pages_heap_grow(struct pages_heap *h, uint32_t id, uint32_t pages,
				     bool *ret_more) PAGES_LOCKED;

/* Shorten block id, unless there is no record for the rest. */
void pages_heap_shorten(struct pages_heap *h, uint32_t id, uint32_t pages) PAGES_LOCKED;

/*
 * Without the lock, for the owner of FREED extent id, which is whole units: give their memory
 * back, by mapping them anew, and free them.
 */
void pages_heap_empty(struct pages_heap *h, uint32_t id);

/*
 * Prepare live extent id, which is whole units that are to be mapped anew and belong to no block
 * yet: it becomes FREED.  True as pages_heap_prepare().  When the change has been performed end_units()
 * ends it, and returns the extent, or 0 if the kernel has refused.
 */
bool pages_heap_prepare_units(struct pages_heap *h, struct pages_change *c,
			      uint32_t id) PAGES_LOCKED;
uint32_t pages_heap_end_units(struct pages_heap *h, struct pages_change *c) PAGES_LOCKED;

/*
 * Cut block id, which is whole units, to keep pages; the rest becomes a FREED extent, for
 * pages_heap_empty().  Returns its id; 0 if there is nothing to cut or no record for it.
 */
uint32_t pages_heap_cut_units(struct pages_heap *h, uint32_t id, uint32_t keep) PAGES_LOCKED;

#endif /* PAGES_HEAP_PLACE_H */
