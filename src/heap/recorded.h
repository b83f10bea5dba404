/* SPDX-License-Identifier: MIT */
/*
 * recorded.h - the heap's side of a record: see record.h
 */
#ifndef PAGES_HEAP_RECORDED_H
#define PAGES_HEAP_RECORDED_H

#include "impl.h"

/* The front caches that were ever used, a bit for each. */
static inline uint32_t
pages_heap_caches_used(const struct pages_heap *h)
{
	return atomic_load_explicit(&h->caches_used, memory_order_relaxed) &
	       ((1u << PAGES_FRONT_CACHES) - 1);
}

/*
 * Add to *ret, a copy of h->stats, what else is counted; u is h->units or a copy.  fill_own()
 * leaves out what threads count in the slot.
 */
void pages_heap_fill(const struct pages_heap *h, const struct pages_units *u,
		     struct pages_stats *ret);
void pages_heap_fill_own(const struct pages_heap *h, const struct pages_units *u,
			 struct pages_stats *ret);

/* In a forked child: count anew; the blocks that it inherits stay live. */
void pages_heap_count_anew(struct pages_heap *h);

/* Count the sparse block that waits for the next calloc as freed, and its memory as kept. */
void pages_heap_count_waiting(const struct pages_heap *h, struct pages_stats *st) PAGES_LOCKED;

/* If h->recording: copy the counters to the slot, which a forked child takes first. */
void pages_heap_copy_to_record(struct pages_heap *h) PAGES_LOCKED;

/* In a forked child: the slot is the parent's. */
void pages_heap_leave_record(struct pages_heap *h);

#endif /* PAGES_HEAP_RECORDED_H */
