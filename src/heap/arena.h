/* SPDX-License-Identifier: MIT */
/*
 * arena.h - one reservation of address space
 *
 *	| page (readable) | committed: read-write ... | reserved: no access ... |
 *	                  ^ base                      ^ base + committed        ^ base + len
 *
 * base and len are multiples of PAGES_UNIT.  Places inside are counted in pages or units from
 * base, so that a shift converts between address and index.  The readable page in front is for
 * code that reads p[-1] of a block (debuggers, heap walkers), which would fault without it.
 *
 * The committed part is read-write, not charged before it is touched, and part of a core dump;
 * the reserved part is none of these.
 *
 * Threads: the caller locks.  base never changes once the arena is open; len can shrink to
 *          committed (pages_heap_release_reserve()).
 */
#ifndef PAGES_ARENA_H
#define PAGES_ARENA_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "locked.h"

static_assert(sizeof(size_t) == 8, "address space has to be plentiful");

/* The granule of physical memory: a huge page where pages are 4 KiB. */
#define PAGES_UNIT ((size_t)2 << 20)

struct pages_arena {
	char *base;
	size_t len;
	size_t committed;
	size_t page_size;
	unsigned page_shift;
	bool huge;	/* ask for huge pages, or else forbid them */
};

/* Reserve len bytes, a multiple of PAGES_UNIT.  0 or -errno. */
int pages_arena_open(struct pages_arena *a, size_t len, size_t page_size, bool huge);
void pages_arena_close(struct pages_arena *a);

/* Commit at least the first end bytes.  0, or -errno and nothing changed. */
int pages_arena_commit(struct pages_arena *a, size_t end) PAGES_LOCKED;

/*
 * Give the memory of a committed range back, in the cheapest way that leaves it zero.
 * 0 or -errno; -EFAULT: a hole is left that cannot be closed.
 */
int pages_arena_discard(struct pages_arena *a, size_t start, size_t len);

/* The same, by mapping the range anew, so that the kernel can merge it with its neighbours. */
int pages_arena_renew(struct pages_arena *a, size_t start, size_t len);

/* Give a range that was mapped anew the arena's huge page advice. */
void pages_arena_adopt(const struct pages_arena *a, size_t start, size_t len);

/*
 * Close the hole that a refused move or renewal may have left in a range.  0 if the range is
 * zeroed memory now, -EEXIST if there was no hole, -EFAULT if the hole cannot be closed.
 */
int pages_arena_heal(const struct pages_arena *a, size_t start, size_t len);

/* Map a zeroed side table of len bytes: memory only where written, not dumped.  0 or -errno. */
int pages_arena_table(size_t len, void **ret);

#endif /* PAGES_ARENA_H */
