/* SPDX-License-Identifier: MIT */
/*
 * extents.h - address space: which pages of the arena are free, and which block has the others
 *
 * Extents tile the arena: every page lies in exactly one extent, and no two free ones of the
 * same zone touch.  Free extents are found by best fit in a tree ordered by (zone, count, first).
 * An extent never lies in two zones, so only those of the same one are joined.  Neighbours are found
 * by a table that holds the id of an extent at its first and at its last page.  This file knows
 * nothing of memory.
 *
 * The last free extent reaches to the end of the arena.  The tables reach only as far as
 * extents were ever taken, and a little further: pages behind that have no entry.
 *
 * A live extent may be longer than its used part.  The rest is room to grow: address space
 * without memory.
 *
 * All numbers are pages.  An id is the index of a record; 0 is none.
 *
 * Threads: the caller locks.  Exception: without the lock, the owner of an extent may look it
 * up by its first page, read its record, and change its state and note.
 *
 * Cost: O(log n) expected in the number of free extents (a treap: Seidel and Aragon,
 * Randomized Search Trees, 1996; priorities are hashed from ids).
 */
#ifndef PAGES_EXTENTS_H
#define PAGES_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arena.h"
#include "locked.h"

enum pages_extent_state {
	PAGES_EXTENT_SPARE,	/* the record is not in use */
	PAGES_EXTENT_FREE,
	PAGES_EXTENT_LIVE,
	PAGES_EXTENT_DEDICATED,	/* live: whole units that it shares with no other block */
	PAGES_EXTENT_FREED,	/* freed by its owner, but not yet in the books */
	PAGES_EXTENT_LOST,	/* never handed out: what is mapped there is the program's */
};

/*
 * What the record of a block says besides.  The age counts from when the block
 * was allocated, or last freed if it came from a front cache.
 */
struct pages_note {
	bool muzzy : 1;		/* the units wholly inside it are marked */
	bool dirty : 1;		/* it was written to, and its units are to be marked */
	bool calloc : 1;	/* a large calloc: when freed, look whether it stayed zero */
	bool sparse : 1;	/* a sparse block: small pages, whole units of its own */
	bool hollow : 1;	/* the block is moving: it is counted at its other extent */
	bool dedicated : 1;	/* a dedicated block, or a part of one */
	bool torn : 1;		/* pages of it were mapped anew: its units are several mappings */
	bool lost : 1;		/* FREED, LOST: pages of it cannot be mapped anew */
	/* FREED only: */
	bool empty : 1;		/* whole units, whose memory is gone already */
	bool unmapped : 1;	/* the same, and they are not mapped any more */
	bool clean : 1;		/* its pages hold no memory any more; its units may */
	uint32_t tick : 21;	/* from which its age counts, modulo 2^21 */
};
#define PAGES_NOTE_TICKS 0x1fffffu
static_assert(sizeof(struct pages_note) == sizeof(uint32_t), "a word of the record");

struct pages_extent {
	uint32_t first;
	uint32_t count;
	uint32_t used;		/* in use: pages of the block; the rest is room to grow */
	uint16_t state;		/* enum pages_extent_state; accessed atomically */
	uint8_t zone;		/* enum pages_zone: of all units that it overlaps */
	uint8_t colour;		/* cache lines from the start of its first page to the block */
	union {
		uint32_t left;	/* free: a child in the tree; spare, deferred: next in the list */
		uint32_t advice;	/* DEDICATED: what the kernel has taken */
	};
	union {
		uint32_t right;	/* free: the other child */
		struct pages_note note;	/* otherwise; zero at first */
	};
};

/*
 * The owner of a live block changes its state without the lock, while other threads test
 * whether it is FREE.
 */
static inline uint16_t
pages_extent_state(const struct pages_extent *e)
{
	return __atomic_load_n(&e->state, __ATOMIC_RELAXED);
}

static inline void
pages_extent_set_state(struct pages_extent *e, uint16_t state)
{
	__atomic_store_n(&e->state, state, __ATOMIC_RELAXED);
}

struct pages_extents {
	uint32_t *edge;		/* page -> id of the extent that begins or ends there */
	struct pages_extent *node;
	uint32_t nodes;		/* records ever used, record 0 included */
	uint32_t nodes_max;
	uint32_t spare;		/* list of unused records */
	uint32_t root;
	uint32_t pages;
	uint32_t reach;		/* pages that have an entry; read without the lock */
	uint32_t last;		/* id of the extent that ends with the arena */
	const struct pages_arena *arena;
	struct pages_table edges, records;	/* edge and node */
};

/* The place to look for: count pages whose first page is offset modulo align. */
struct pages_want {
	uint32_t count;
	uint32_t align;		/* a power of two; 1 for anywhere */
	uint32_t offset;	/* < align */
	enum pages_zone zone;
};

struct pages_span {
	uint32_t first;
	uint32_t count;
};

/* Map the start of the side tables; all of the arena is one free extent.  0 or -errno. */
int pages_extents_open(struct pages_extents *x, struct pages_arena *arena);
void pages_extents_close(struct pages_extents *x);

/*
 * The free extent of the zone with the smallest (count, first) that is not less than this, or 0.
 * With first 0 that is the best fit; with the values of an extent, first + 1, the next best.
 */
uint32_t pages_extents_next(const struct pages_extents *x, enum pages_zone zone, uint32_t count,
			    uint32_t first) PAGES_LOCKED;

/* Find the first such place in free extent id at page from or behind; false if there is none. */
bool pages_extents_place(const struct pages_extents *x, uint32_t id, const struct pages_want *want,
			 uint32_t from, uint32_t *ret_first) PAGES_LOCKED;

/*
 * Make count pages at first, inside free extent id, a live extent, all used.  The pages of id
 * before and after it stay free.  Returns its id; 0, and nothing changed, if there are not
 * enough records, or no memory for the tables.
 */
uint32_t pages_extents_take(struct pages_extents *x, uint32_t id, uint32_t first,
			    uint32_t count) PAGES_LOCKED;

/* Free an extent that is in use; returns the free extent that it became part of. */
struct pages_span pages_extents_give(struct pages_extents *x, uint32_t id) PAGES_LOCKED;

/*
 * Lengthen extent id by the next count pages; false if those are not all free and of its zone, or
 * if there is no memory for the tables.
 */
bool pages_extents_extend(struct pages_extents *x, uint32_t id, uint32_t count) PAGES_LOCKED;

/*
 * Shorten extent id to keep pages and free the rest.  used stays as it is.  Returns the free
 * extent that the rest became part of; count 0 if there is no record for it.
 */
struct pages_span pages_extents_cut(struct pages_extents *x, uint32_t id,
				    uint32_t keep) PAGES_LOCKED;

/* Is there a record for pages_extents_cut()? */
static inline bool
pages_extents_can_cut(const struct pages_extents *x) PAGES_LOCKED
{
	return x->spare != 0 || x->nodes < x->nodes_max;
}

/*
 * Shorten extent id to keep pages; the rest becomes another extent in the same state.
 * Returns its id, or 0 if there is no record for it.
 */
uint32_t pages_extents_split(struct pages_extents *x, uint32_t id, uint32_t keep) PAGES_LOCKED;

/*
 * Make the next count pages after extent id another extent in the same state.  Returns its
 * id; 0 if those pages are not all free and of its zone, or if there is no record.
 */
uint32_t pages_extents_take_behind(struct pages_extents *x, uint32_t id,
				   uint32_t count) PAGES_LOCKED;

/* Join extent next, which begins where id ends, to id.  The record of next is spare then. */
void pages_extents_absorb(struct pages_extents *x, uint32_t id, uint32_t next) PAGES_LOCKED;

/* The extent in this state that begins at page, or 0. */
static inline uint32_t
pages_extents_find(const struct pages_extents *x, size_t page, enum pages_extent_state state)
{
	uint32_t reach = __atomic_load_n(&x->reach, __ATOMIC_RELAXED);
	uint32_t id = page < reach ? __atomic_load_n(&x->edge[page], __ATOMIC_RELAXED) : 0;
	const struct pages_extent *e = &x->node[id];

	if (id == 0 || pages_extent_state(e) != state)
		return 0;
	return e->first == page ? id : 0;
}

/* Do tiling, edge table and tree agree?  For tests: walks all extents. */
bool pages_extents_valid(const struct pages_extents *x) PAGES_LOCKED;

#endif /* PAGES_EXTENTS_H */
