/* SPDX-License-Identifier: MIT */
/*
 * extents.h - address space: which pages of the arena belong to whom
 *
 * Extents tile the arena: every page lies in exactly one, free or live, and no
 * two free ones touch.  Free extents are found by best fit in a tree ordered by
 * (count, first); neighbours are found by a table that holds, for the first and
 * the last page of each extent, its id.  Nothing here knows about memory.
 *
 * A live extent may be longer than what is used of it: the rest is room to grow,
 * address space without memory.
 *
 * All numbers are pages; ids are indices into a table of records, 0 is none.
 *
 * Threads: the caller locks, with one exception: the owner of a live extent may
 * call pages_extents_at() for its first page and read its record without.
 *
 * Cost: O(log n) expected in the number of free extents (a treap: Seidel and
 * Aragon, Randomized Search Trees, 1996; priorities are hashed from ids).
 */
#ifndef PAGES_EXTENTS_H
#define PAGES_EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "locked.h"

enum pages_extent_state {
	PAGES_EXTENT_SPARE,	/* the record is not in use */
	PAGES_EXTENT_FREE,
	PAGES_EXTENT_LIVE,
	PAGES_EXTENT_FREED,	/* freed, waiting for the lock */
	PAGES_EXTENT_HOLLOW,	/* the same; its block lives on elsewhere */
	PAGES_EXTENT_DEDICATED,	/* live, of whole units that it shares with nobody */
	PAGES_EXTENT_RENEWED,	/* the same, freed; its memory is gone already */
	PAGES_EXTENT_PURGING,	/* free space whose memory is being given back, without the lock */
	PAGES_EXTENT_LOST,	/* nobody gets it any more: a part of it is no mapping of ours */
};

struct pages_extent {
	uint32_t first;
	uint32_t count;
	uint32_t used;		/* live: pages handed out; the rest is room to grow */
	uint32_t state;		/* enum pages_extent_state; by the functions below only */
	uint32_t left;		/* free: the child in the tree.  spare, parting: the next */
	union {
		uint32_t right;	/* free: the other child */
		uint32_t note;	/* live, parting: whatever the owner notes; 0 at first */
	};
};

/*
 * The state of a live block is changed by its owner, without the lock, while
 * others look whether it is free.
 */
static inline uint32_t
pages_extent_state(const struct pages_extent *e)
{
	return __atomic_load_n(&e->state, __ATOMIC_RELAXED);
}

static inline void
pages_extent_set_state(struct pages_extent *e, uint32_t state)
{
	__atomic_store_n(&e->state, state, __ATOMIC_RELAXED);
}

struct pages_extents {
	uint32_t *edge;		/* page -> id of the extent that begins or ends there */
	struct pages_extent *node;
	uint32_t nodes;		/* records ever used, record 0 included */
	uint32_t nodes_max;
	uint32_t spare;		/* list of records to use again */
	uint32_t root;
	uint32_t pages;
};

/* A place: count pages at first + k, where (first + k) % align == offset. */
struct pages_want {
	uint32_t count;
	uint32_t align;		/* a power of two; 1 for anywhere */
	uint32_t offset;	/* < align */
};

struct pages_span {
	uint32_t first;
	uint32_t count;
};

/* One free extent of pages pages.  Maps the side tables.  0 or -errno. */
int pages_extents_open(struct pages_extents *x, size_t pages);
void pages_extents_close(struct pages_extents *x);

/*
 * The smallest free extent with a key of at least (count, first), or 0: with
 * first 0 the best fit, and with (count, first + 1) of one the next best.
 */
uint32_t pages_extents_next(const struct pages_extents *x, uint32_t count, uint32_t first) PAGES_LOCKED;

/* Where in free extent id the wanted place would be; false if it has none. */
bool pages_extents_place(const struct pages_extents *x, uint32_t id, const struct pages_want *want,
			 uint32_t *ret_first) PAGES_LOCKED;

/*
 * Make count pages at first, inside free extent id, a live extent; what is left
 * of id on either side stays free.  Returns its id (used is count); 0 when there
 * are no records left, and then nothing changed.
 */
uint32_t pages_extents_take(struct pages_extents *x, uint32_t id, uint32_t first, uint32_t count) PAGES_LOCKED;

/* Free a live extent; returns the free extent it became part of. */
struct pages_span pages_extents_give(struct pages_extents *x, uint32_t id) PAGES_LOCKED;

/* Lengthen live extent id by count pages that are free behind it; false if they are not. */
bool pages_extents_extend(struct pages_extents *x, uint32_t id, uint32_t count) PAGES_LOCKED;

/*
 * Shorten live extent id to keep pages, used or not, and free the rest.
 * Returns the free extent that it became part of; count 0 when it could not be
 * done for want of a record.
 */
struct pages_span pages_extents_cut(struct pages_extents *x, uint32_t id, uint32_t keep) PAGES_LOCKED;

/* Is there a record for that? */
static inline bool
pages_extents_can_cut(const struct pages_extents *x) PAGES_LOCKED
{
	return x->spare != 0 || x->nodes < x->nodes_max;
}

/*
 * The same without freeing the rest, which becomes an extent of its own in the same
 * state.  Returns its id, or 0 for want of a record.
 */
uint32_t pages_extents_split(struct pages_extents *x, uint32_t id, uint32_t keep) PAGES_LOCKED;

/*
 * Make count pages behind live extent id an extent of its own, in the same state, if
 * they are free.  Returns its id, or 0.
 */
uint32_t pages_extents_take_behind(struct pages_extents *x, uint32_t id, uint32_t count) PAGES_LOCKED;

/* Lengthen id by extent next, which begins where id ends, and is no more. */
void pages_extents_absorb(struct pages_extents *x, uint32_t id, uint32_t next) PAGES_LOCKED;


/* The extent in such a state that begins at page, or 0. */
static inline uint32_t
pages_extents_find(const struct pages_extents *x, size_t page, enum pages_extent_state state)
{
	uint32_t id = page < x->pages ? __atomic_load_n(&x->edge[page], __ATOMIC_RELAXED) : 0;
	const struct pages_extent *e = &x->node[id];

	if (id == 0 || pages_extent_state(e) != state)
		return 0;
	return e->first == page ? id : 0;
}

/* The live one, or the one that is apart. */
static inline uint32_t
pages_extents_at(const struct pages_extents *x, size_t page)
{
	return pages_extents_find(x, page, PAGES_EXTENT_LIVE);
}

static inline uint32_t
pages_extents_dedicated_at(const struct pages_extents *x, size_t page)
{
	return pages_extents_find(x, page, PAGES_EXTENT_DEDICATED);
}

/* Tiling, table and tree agree?  For tests: walks everything. */
bool pages_extents_valid(const struct pages_extents *x) PAGES_LOCKED;

#endif /* PAGES_EXTENTS_H */
