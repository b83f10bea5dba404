/* SPDX-License-Identifier: MIT */
/*
 * picture.h - the arena of another process as a picture: what each of its units is
 */
#ifndef PAGES_PICTURE_H
#define PAGES_PICTURE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct pages_heap;
struct pages_remote;

/* Of a unit: heap.h.  PURGED: mapped without memory, given back or never touched. */
enum pages_picture_state {
	PAGES_PICTURE_PURGED,
	PAGES_PICTURE_LIVE,
	PAGES_PICTURE_DIRTY,
	PAGES_PICTURE_MUZZY,
	PAGES_PICTURE_KEPT,	/* neither dirty nor muzzy: used for moments only */
	PAGES_PICTURE_BUSY,
	PAGES_PICTURE_UNMAPPED,
	PAGES_PICTURE_STATES,
};

enum { PAGES_PICTURE_CELLS = 64 * 24 };

struct pages_picture {
	uint64_t base;
	uint64_t units[PAGES_PICTURE_STATES];
	uint64_t per_cell;		/* units */
	uint32_t cells;
	unsigned char cell[PAGES_PICTURE_CELLS];	/* its state: that of most units with memory */
};

/* Units that count as held and are under freed blocks: see front cache in heap.h. */
enum { PAGES_PICTURE_FREED = 32 };
struct pages_picture_freed {
	size_t count;
	struct {
		uint64_t first, end;
	} run[PAGES_PICTURE_FREED];
};

/* h is a copy of the heap, whose tables are still to be read.  0 or -errno. */
int pages_picture_take(const struct pages_remote *r, const struct pages_heap *h,
		       const struct pages_picture_freed *freed, struct pages_picture *ret);

void pages_picture_print(const struct pages_picture *p, FILE *out);

#endif /* PAGES_PICTURE_H */
