/* SPDX-License-Identifier: MIT */
/*
 * arena.h - one reservation of address space
 *
 *	| page (readable) | committed: read-write ... | reserved: no access ... |
 *	                  ^ base                      ^ base + committed        ^ base + len
 *
 * base and len are multiples of PAGES_UNIT.  Places inside are counted in pages
 * or units from base, so that address <-> index is a shift.  The page in front
 * lets code that peeks at p[-1] (debuggers, heap walkers) live.
 *
 * What is committed is read-write, uncharged before it is touched, eligible for
 * huge pages and part of a core dump; what is only reserved is none of these.
 *
 * Threads: the caller locks; base and len never change once open.
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
	bool huge;	/* ask for huge pages; otherwise forbid them */
};

/* Reserve len bytes, a multiple of PAGES_UNIT.  0 or -errno. */
int pages_arena_open(struct pages_arena *a, size_t len, size_t page_size, bool huge);
void pages_arena_close(struct pages_arena *a);

/* Make everything below end (bytes from base) usable.  0, or -errno and nothing changed. */
int pages_arena_commit(struct pages_arena *a, size_t end) PAGES_LOCKED;

/*
 * Make a committed range zero and give its memory back, as cheaply as that can be.
 * -EFAULT: the range is no mapping any more, and cannot be made one.
 */
int pages_arena_discard(struct pages_arena *a, size_t start, size_t len);

/* The same, and afterwards the kernel can merge the range with its neighbours. */
int pages_arena_renew(struct pages_arena *a, size_t start, size_t len);

/* A range of the arena was mapped anew: give it the arena's attributes. */
void pages_arena_adopt(const struct pages_arena *a, size_t start, size_t len);

/*
 * A refused move or renewal may have left a hole: close it.  0 if it is zeroed memory
 * now, -EEXIST if nothing was missing, -EFAULT if a hole is there that stays.
 */
int pages_arena_heal(const struct pages_arena *a, size_t start, size_t len);

/* A zeroed side table of len bytes: resident where written, never dumped.  0 or -errno. */
int pages_arena_table(size_t len, void **ret);

#endif /* PAGES_ARENA_H */
