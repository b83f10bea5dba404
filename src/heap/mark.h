/* SPDX-License-Identifier: MIT */
/*
 * mark.h - the age of blocks, and marking what has lived for long
 */
#ifndef PAGES_HEAP_MARK_H
#define PAGES_HEAP_MARK_H

#include "impl.h"

/* A block of this age is marked when it is freed: more than one tick of 4 ms. */
#define PAGES_LONG_TICKS 2

/* Begin the age of block id, which is handed out now. */
void pages_heap_note_birth(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

/*
 * Without the lock: note when FREED block *e was freed, and make it muzzy if it has lived for
 * long, or else dirty.
 */
void pages_heap_note_death(struct pages_heap *h, struct pages_extent *e);

/* May memory be marked?  Not once munmap, mremap or madvise is hooked: see pages_units_may_move(). */
bool pages_heap_may_mark(struct pages_heap *h);

/* Set from which length on blocks are marked, by how much memory is in use. */
void pages_heap_set_mark_from(struct pages_heap *h) PAGES_LOCKED;

/* Without the lock: unmark block *e, which a front cache hands out again. */
void pages_heap_unmark(struct pages_heap *h, struct pages_extent *e);

/* Pass what is noted of the memory of block id on to its units, before it is free space. */
void pages_heap_settle(struct pages_heap *h, uint32_t id) PAGES_LOCKED;

#endif /* PAGES_HEAP_MARK_H */
