/* SPDX-License-Identifier: MIT */
/*
 * arena.h - address space for large blocks and for the side tables about them
 *
 *	| side tables, each with room to grow | page (readable) | units ...              |
 *	                                                        ^ base                   ^ base + len
 *
 * The arena is a claim: a range far away from where the kernel, loaders and language runtimes
 * put things.  Nothing is mapped in it before it is needed, so the claim costs nothing and
 * counts towards no limit.  Mappings are made with the address as a hint, never with
 * MAP_FIXED: where the program has mapped something itself, the arena's request is refused,
 * and nothing is lost.
 *
 * Emulators and sanitizers do not follow such hints.  There the range is reserved: all of it
 * is mapped, inaccessible, at an address that the kernel chooses.
 *
 * base and len are multiples of PAGES_UNIT.  Places inside are counted in pages or units from
 * base, so that a shift converts between address and index.  The readable page in front is for
 * code that reads p[-1] of a block (debuggers, heap walkers), which would fault without it.
 *
 * Threads: the caller makes sure that no two calls change the same range.
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

/*
 * Which pages the kernel is to use.  Units of the small zone are set apart for blocks that are
 * written to here and there only, where a huge page would be memory for nothing.  Where the arena
 * is not to have huge pages, both zones have small ones.
 */
enum pages_zone { PAGES_ZONE_HUGE, PAGES_ZONE_SMALL };

struct pages_arena {
	char *base;
	size_t len;
	char *tables;		/* where the next side table begins */
	size_t page_size;
	unsigned page_shift;
	bool huge;		/* ask for huge pages, or else forbid them */
	uint64_t *small_bits;	/* a bit for each unit of the small zone; read without the lock; or NULL */
	char *reserved;		/* the kernel follows no hints: all is mapped, from here on; or NULL */
};

static inline enum pages_zone
pages_arena_zone(const struct pages_arena *a, size_t unit)
{
	const uint64_t *word = a->small_bits != NULL ? &a->small_bits[unit / 64] : NULL;
	bool small = word != NULL && (__atomic_load_n(word, __ATOMIC_RELAXED) >> unit % 64 & 1) != 0;

	return small ? PAGES_ZONE_SMALL : PAGES_ZONE_HUGE;
}

/* What pages_arena_open() needs to know. */
struct pages_claim {
	size_t len;		/* a multiple of PAGES_UNIT */
	size_t page_size;
	size_t address_end;	/* see struct pages_os_facts */
	uint64_t random;
	bool huge;
};

/* Claim address space; -EEXIST if the kernel follows no hints.  0 or -errno. */
int pages_arena_open(struct pages_arena *a, const struct pages_claim *claim);

/* The same, reserved at once. */
int pages_arena_reserve(struct pages_arena *a, const struct pages_claim *claim);

/* Unmap what this file has mapped by itself: the callers unmap units and tables first. */
void pages_arena_close(struct pages_arena *a);

/*
 * Map zeroed read-write memory, where nothing is mapped.  0; -EEXIST if the program has mapped
 * something there; -errno if the kernel refuses.  Then nothing is mapped.
 */
int pages_arena_map(const struct pages_arena *a, size_t start, size_t len);

/* Unmap a mapped range, or what is left of it.  Its memory and its address space are free. */
void pages_arena_unmap(const struct pages_arena *a, size_t start, size_t len);

/*
 * Give the memory of a mapped range back, in the cheapest way that leaves it zero.
 * 0 or -errno; -EFAULT: the range is not mapped any more.
 */
int pages_arena_discard(const struct pages_arena *a, size_t start, size_t len);

/* The same, by mapping the range anew, so that the kernel can merge it with its neighbours. */
int pages_arena_renew(const struct pages_arena *a, size_t start, size_t len);

/* Give a range of one zone that was mapped anew that zone's advice. */
void pages_arena_adopt(const struct pages_arena *a, size_t start, size_t len);

/*
 * After a refused move to a range, or a refused renewal: map what it may have unmapped.  0 if
 * it is zeroed memory now, -EEXIST if it was never unmapped, -EFAULT if it is not mapped.
 */
int pages_arena_heal(const struct pages_arena *a, size_t start, size_t len);

/*
 * A side table.  It never moves, because others read it without the lock; its first mapped
 * bytes can be used, and are zero at first.
 */
struct pages_table {
	char *start;
	size_t mapped, max;
};

/* Give a table of at most max bytes its address; nothing is mapped yet. */
void pages_arena_table(struct pages_arena *a, size_t max, struct pages_table *ret);

/* There will be no more tables. */
void pages_arena_end_tables(struct pages_arena *a);

/* Map at least the first len bytes of a table; 0 or -errno, and nothing changed. */
int pages_table_reach(const struct pages_arena *a, struct pages_table *t, size_t len);

/* Where the arena is reserved: unmap the rest of the table for good. */
void pages_table_cut(struct pages_table *t);

void pages_table_close(const struct pages_arena *a, struct pages_table *t);

#endif /* PAGES_ARENA_H */
