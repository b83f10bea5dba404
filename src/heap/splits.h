/* SPDX-License-Identifier: MIT */
/*
 * splits.h - VMA splits: where moves keep the kernel from merging neighbouring mappings
 *
 * A moved range keeps its page offset in the kernel's books, so it merges with its
 * surroundings only where they were moved by the same distance.  That distance is recorded
 * for each unit; a boundary where it changes is a VMA split, and costs a mapping, of which
 * a process has vm.max_map_count.
 *
 * Threads: the caller holds the heap's lock.  Numbers are units.
 */
#ifndef PAGES_HEAP_SPLITS_H
#define PAGES_HEAP_SPLITS_H

#include <stddef.h>
#include <stdint.h>

/* A unit that may be several mappings: one move cannot take it. */
#define PAGES_SPLITS_MIXED INT32_MIN

struct pages_splits {
	int32_t *shift;		/* how far each unit was moved from where its VMA offset belongs,
				   or MIXED */
	size_t units;
	size_t count, max;
};

/* n units were moved from src to dst and keep their VMA offset. */
void pages_splits_move(struct pages_splits *s, size_t src, size_t dst, size_t n);

/* n units at a were mapped afresh. */
void pages_splits_heal(struct pages_splits *s, size_t a, size_t n);

/* Parts of the n units at a were mapped afresh. */
void pages_splits_mix(struct pages_splits *s, size_t a, size_t n);

/*
 * How many of the n units from src are one mapping as far as moves are concerned; 0 if the first
 * is several.
 */
size_t pages_splits_alike(const struct pages_splits *s, size_t src, size_t n);

#endif /* PAGES_HEAP_SPLITS_H */
