/* SPDX-License-Identifier: MIT */
/*
 * density.h - how much of the blocks of a size is written to, and the zone for those of which
 *	little is
 *
 * With huge pages the first write to any 2 MiB makes all of them resident.  For buffers that are
 * used in part only (of threads, of connections, hash tables, reserves of vectors) that is memory
 * for nothing.  So blocks of each size class are looked at while they are live: those on fresh
 * memory, in which every page that is not zero has been written to.  Where few pages are, further
 * blocks of that class are placed in the small zone.  There the kernel says how many pages are
 * resident; where most are, the class goes back.
 *
 * The small zone is made of whole units behind all others, many at a time, because its ends are
 * VMA splits.  It never shrinks; its memory is purged as all other memory is.
 */
#ifndef PAGES_HEAP_DENSITY_H
#define PAGES_HEAP_DENSITY_H

#include "impl.h"

/* The zone for a new block. */
enum pages_zone pages_heap_zone_for(struct pages_heap *h, size_t pages);

/* The pages of new block id that no block had before; count 0 if there are none, or only few. */
struct pages_span pages_heap_fresh_part(const struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/*
 * Without the lock, for the owner of new block id: look at an earlier block of its class, and
 * remember the fresh part of this one.  Cost: a look takes 1 to 300 us; where
 * blocks prove dense, ever fewer are looked at.
 */
void pages_heap_learn_density(struct pages_heap *h, uint32_t id, struct pages_span fresh);

/*
 * Without the lock, for its owner: is block id of the small zone still written to here and there
 * only, and is a block of so many pages expected to be?  Short ones are not looked at.
 */
bool pages_heap_is_sparse(struct pages_heap *h, uint32_t id, size_t pages);

/*
 * Without the lock, for the owner of FREED block id of the small zone: learn from it, and give its
 * memory back at once.  No front cache may have it: what is left in units that neighbours hold
 * adds up, and would say nothing of the next block there.
 */
void pages_heap_leave_small(struct pages_heap *h, uint32_t id);

/* Without the lock: give the small zone room for a block of so many pages.  False if there is none. */
bool pages_heap_widen_small(struct pages_heap *h, size_t pages);

#endif /* PAGES_HEAP_DENSITY_H */
