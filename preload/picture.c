/* SPDX-License-Identifier: MIT */
/*
 * picture.c - reads the tables of another process's units, and draws them
 *
 * Without the lock, so what changes meanwhile may be shown as it was or as it is.  Addresses and
 * lengths may be lies: each table is read in pieces of a fixed length, and no more units than an
 * address space has.
 */
#include "picture.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "heap/heap.h"
#include "remote.h"
#include "text.h"

#define UNITS_MAX ((uint64_t)1 << 26)	/* 128 TiB */
enum { WORDS = 512, TABLES = 6, WIDTH = 64 };

static const char letters[PAGES_PICTURE_STATES + 1] = ".#dmkb ";

/* One piece of each table. */
struct piece {
	uint64_t bits[TABLES][WORDS];
};

static int
read_piece(const struct pages_remote *r, const struct pages_units *u, uint64_t word, uint64_t words,
	   struct piece *ret)
{
	const uint64_t *const tables[TABLES] = { u->mapped_bits, u->held_bits, u->dirty_bits,
						 u->muzzy_bits, u->kept_bits, u->busy_bits };

	for (size_t i = 0; i < TABLES; i++) {
		uint64_t at;
		int err;

		memcpy(&at, &tables[i], sizeof(at));
		err = pages_remote_read(r, at + word * 8, ret->bits[i], words * 8);
		if (err != 0)
			return err;
	}
	return 0;
}

/* Of unit i of a piece.  A busy unit that is held is live. */
static enum pages_picture_state
state_of(const struct piece *p, uint64_t i)
{
	bool is[TABLES];

	for (size_t t = 0; t < TABLES; t++)
		is[t] = (p->bits[t][i / 64] >> i % 64 & 1) != 0;
	if (!is[0])
		return PAGES_PICTURE_UNMAPPED;
	if (is[1])
		return PAGES_PICTURE_LIVE;
	if (is[5])
		return PAGES_PICTURE_BUSY;
	if (!is[4])
		return PAGES_PICTURE_PURGED;
	return is[3] ? PAGES_PICTURE_MUZZY : is[2] ? PAGES_PICTURE_DIRTY : PAGES_PICTURE_KEPT;
}

static bool
is_freed(const struct pages_picture_freed *freed, uint64_t unit)
{
	for (size_t i = 0; i < freed->count; i++)
		if (unit >= freed->run[i].first && unit < freed->run[i].end)
			return true;
	return false;
}

/* The state of a cell: of most units that have memory, else of most. */
static unsigned char
judge(const uint64_t count[PAGES_PICTURE_STATES])
{
	unsigned best = PAGES_PICTURE_LIVE;

	for (unsigned s = PAGES_PICTURE_LIVE; s < PAGES_PICTURE_UNMAPPED; s++)
		if (count[s] > count[best])
			best = s;
	if (count[best] == 0)
		best = count[PAGES_PICTURE_PURGED] != 0 ? PAGES_PICTURE_PURGED :
		       PAGES_PICTURE_UNMAPPED;
	return (unsigned char)best;
}

/* Count unit number i in its cell; a cell that is full is drawn. */
static void
add(struct pages_picture *p, uint64_t i, enum pages_picture_state s,
    uint64_t count[PAGES_PICTURE_STATES], bool last)
{
	p->units[s]++;
	count[s]++;
	if ((i + 1) % p->per_cell != 0 && !last)
		return;
	if (p->cells < PAGES_PICTURE_CELLS)
		p->cell[p->cells++] = judge(count);
	memset(count, 0, PAGES_PICTURE_STATES * sizeof(*count));
}

int
pages_picture_take(const struct pages_remote *r, const struct pages_heap *h,
		   const struct pages_picture_freed *freed, struct pages_picture *ret)
{
	uint64_t units = h->units.mapped_end, count[PAGES_PICTURE_STATES] = { 0 };
	struct piece piece;

	*ret = (struct pages_picture){ .per_cell = 1 };
	memcpy(&ret->base, &h->arena.base, sizeof(ret->base));
	if (h->state != PAGES_HEAP_OPEN)
		return 0;
	if (units > UNITS_MAX)
		return -ERANGE;
	while (ret->per_cell * PAGES_PICTURE_CELLS < units)
		ret->per_cell *= 2;
	for (uint64_t word = 0; word * 64 < units; word += WORDS) {
		uint64_t left = (units + 63) / 64 - word;
		int err = read_piece(r, &h->units, word, left < WORDS ? left : WORDS, &piece);

		if (err != 0)
			return err;
		for (uint64_t i = 0; i < (uint64_t)WORDS * 64 && word * 64 + i < units; i++) {
			uint64_t unit = word * 64 + i;
			enum pages_picture_state s = state_of(&piece, i);

			if (s == PAGES_PICTURE_LIVE && is_freed(freed, unit))
				s = PAGES_PICTURE_KEPT;
			add(ret, unit, s, count, unit + 1 == units);
		}
	}
	return 0;
}

static void
print_legend(const struct pages_picture *p, FILE *out)
{
	static const char *const names[PAGES_PICTURE_STATES] = {
		"purged, or never touched", "live: under blocks", "dirty: free, kept for reuse",
		"muzzy: free, the kernel may take it", "kept: free, used just now",
		"busy: its memory is being changed", "not mapped",
	};
	char size[32];

	for (size_t s = 0; s < PAGES_PICTURE_STATES; s++)
		if (p->units[s] != 0)
			fprintf(out, "  %c  %-36s %12s\n", letters[s], names[s],
				pages_text_size_of(p->units[s] * PAGES_UNIT, size, sizeof(size)));
}

void
pages_picture_print(const struct pages_picture *p, FILE *out)
{
	char size[32];

	if (p->cells == 0) {
		fputs("  The arena is empty: no large request was served yet.\n", out);
		return;
	}
	fprintf(out, "  The arena at %#" PRIx64 ", %s a letter:\n", p->base,
		pages_text_size_of(p->per_cell * PAGES_UNIT, size, sizeof(size)));
	for (uint32_t i = 0; i < p->cells; i += WIDTH) {
		fprintf(out, "  %9s |", pages_text_size_of(i * p->per_cell * PAGES_UNIT, size,
							    sizeof(size)));
		for (uint32_t j = i; j < i + WIDTH && j < p->cells; j++)
			fputc(letters[p->cell[j]], out);
		fputs("|\n", out);
	}
	print_legend(p, out);
	fputs("  Read without the lock: off by the operation in progress.\n", out);
}
