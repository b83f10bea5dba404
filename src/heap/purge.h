/* SPDX-License-Identifier: MIT */
/*
 * purge.h - gives kept memory back
 */
#ifndef PAGES_HEAP_PURGE_H
#define PAGES_HEAP_PURGE_H

#include "impl.h"

/* Release the lock; then, without it, purge decayed, excess and dirty units. */
void pages_heap_leave(struct pages_heap *h) PAGES_UNLOCKS;

/* The same, but unless there is excess memory it looks for the rest in one of 64 calls. */
void pages_heap_leave_quickly(struct pages_heap *h) PAGES_UNLOCKS;

/* Without the lock: release FREED block id, or defer that; then do what is overdue. */
void pages_heap_free_slowly(struct pages_heap *h, uint32_t id);

#endif /* PAGES_HEAP_PURGE_H */
