/* SPDX-License-Identifier: MIT */
/*
 * blocks.c - blocks that come and go, and are read
 *
 * Blocks are checked at some places while the clock runs: a few cache misses for
 * megabytes written.
 */
#include <string.h>
#include <time.h>

#include "measure.h"
#include "memory.h"
#include "pattern.h"

#define ALIGNMENT ((size_t)2 << 20)
#define BATCH 1000	/* calls in a round, where reading the clock would be felt */

void
pattern_untouched(struct run *r)
{
	while (next_round(r)) {
		for (int i = 0; i < BATCH; i++)
			drop(take(0, r->size));
		r->ops += BATCH;
	}
}

void
pattern_untouched_random(struct run *r)
{
	while (next_round(r)) {
		for (int i = 0; i < BATCH; i++)
			drop(take(0, random_size(r)));
		r->ops += BATCH;
	}
}

void
pattern_temporary(struct run *r)
{
	while (next_round(r)) {
		unsigned char *p = take(0, r->size);

		live_more(r, r->size);
		fill(r, p, 0, r->size, r->round);
		check(p, r->size, r->round, SPARSE(r->size));
		drop(p);
		live_fewer(r, r->size);
		r->ops++;
	}
}

void
pattern_temporary_aligned(struct run *r)
{
	while (next_round(r)) {
		unsigned char *p = take_aligned(0, ALIGNMENT, r->size);

		if ((uintptr_t)p % (ALIGNMENT) != 0)
			fail("memalign gave an address that is not aligned");
		live_more(r, r->size);
		fill(r, p, 0, r->size, r->round);
		check(p, r->size, r->round, SPARSE(r->size));
		drop(p);
		live_fewer(r, r->size);
		r->ops++;
	}
}

/* c = a + b, a = b, b = c: what an interpreter of array expressions does. */
void
pattern_three_in_turn(struct run *r)
{
	size_t words = r->size / sizeof(uint64_t);
	uint64_t *block[3] = { 0 }, first[3] = { 0 };

	for (size_t i = 0; i < 2; i++) {
		block[i] = (uint64_t *)(void *)take(i, r->size);
		memset(block[i], 1, r->size);
		first[i] = block[i][0];
		live_more(r, r->size);
	}
	for (size_t c = 2; next_round(r); c = (c + 1) % 3) {
		const uint64_t *a = block[(c + 1) % 3], *b = block[(c + 2) % 3];
		uint64_t *sum = (uint64_t *)(void *)take(c, r->size);

		live_more(r, r->size);
		for (size_t i = 0; i < words; i++)
			sum[i] = a[i] + b[i];
		first[c] = first[(c + 1) % 3] + first[(c + 2) % 3];
		if (sum[0] != first[c] || sum[words - 1] != first[c])
			fail("a sum is wrong");
		block[c] = sum;
		drop((unsigned char *)block[(c + 1) % 3]);
		block[(c + 1) % 3] = NULL;
		live_fewer(r, r->size);
		r->bytes += r->size;
		r->written += r->size;
		r->ops++;
	}
	drop((unsigned char *)block[0]);
	drop((unsigned char *)block[1]);
	drop((unsigned char *)block[2]);
}

/*
 * Every element needs a cache line of each array.  Where all arrays begin at the same offset in a
 * page, those lines compete for the same few places of the first-level cache.
 */
void
pattern_arrays(struct run *r)
{
	enum { ARRAYS = 17 };
	size_t words = r->size / sizeof(uint64_t);
	uint64_t *array[ARRAYS];

	for (size_t k = 0; k < ARRAYS; k++) {
		array[k] = (uint64_t *)(void *)take(k, r->size);
		live_more(r, r->size);
		for (size_t i = 0; i < words; i++)
			array[k][i] = i * k;
	}
	while (next_round(r)) {
		for (size_t i = 0; i < words; i++) {
			uint64_t sum = r->round;

			for (size_t k = 1; k < ARRAYS; k++)
				sum += array[k][i];
			array[0][i] = sum;
		}
		for (size_t i = 0; i < words; i += 64)
			if (array[0][i] != r->round + i * (ARRAYS * (ARRAYS - 1) / 2))
				fail("a sum of arrays is wrong");
		r->ops += words;
	}
	for (size_t k = 0; k < ARRAYS; k++)
		drop((unsigned char *)array[k]);
}

/* The blocks stay: what is resident with them is measured when this has returned. */
void
pattern_sparse(struct run *r)
{
	enum { BLOCKS = 500 };
	static unsigned char *block[BLOCKS];

	while (next_round(r)) {
		for (size_t i = 0; i < BLOCKS; i++) {
			block[i] = take(i, r->size);
			live_more(r, DENSE);
			memset(block[i], (int)i, DENSE);
		}
		for (size_t i = 0; i < BLOCKS; i++)
			if (block[i][0] != (unsigned char)i || block[i][DENSE - 1] != (unsigned char)i)
				fail("a sparse block was overwritten");
		r->ops += BLOCKS;
	}
}

/* A set of live blocks, replaced at random, every new one written once. */
void
pattern_lifetimes(struct run *r)
{
	enum { MOST = 64 };
	struct { unsigned char *p; size_t size, seed; } set[MOST] = { 0 };
	size_t n = r->pattern->places, at = 0;

	while (next_round(r)) {
		at = r->round <= n ? r->round - 1 : random_below(r, n);
		if (set[at].p != NULL) {
			check(set[at].p, set[at].size, set[at].seed, SPARSE(set[at].size));
			drop(set[at].p);
			live_fewer(r, set[at].size);
		}
		set[at].size = random_size(r);
		set[at].seed = r->round;
		set[at].p = take(at, set[at].size);
		live_more(r, set[at].size);
		fill(r, set[at].p, 0, set[at].size, set[at].seed);
		r->ops++;
	}
	for (at = 0; at < n && set[at].p != NULL; at++) {
		check(set[at].p, set[at].size, set[at].seed, DENSE);
		drop(set[at].p);
	}
}

void
pattern_calloc_sparse(struct run *r)
{
	while (next_round(r)) {
		unsigned char *p = take_zeroed(0, r->size);

		touch_zeroed(p, r->size, r->smallest);
		drop(p);
		r->ops++;
	}
}

void
pattern_calloc_full(struct run *r)
{
	while (next_round(r)) {
		unsigned char *p = take_zeroed(0, r->size);

		live_more(r, r->size);
		touch_zeroed(p, r->size, SPARSE(r->size));
		fill(r, p, 0, r->size, r->round);
		check(p, r->size, r->round, SPARSE(r->size));
		drop(p);
		live_fewer(r, r->size);
		r->ops++;
	}
}

void
pattern_small(struct run *r)
{
	enum { SET = 1024 };
	static struct { unsigned char *p; size_t size; } set[SET];

	while (next_round(r)) {
		for (size_t i = 0; i < BATCH; i++) {
			size_t at = random_below(r, SET);

			if (set[at].p != NULL) {
				if (*set[at].p != (unsigned char)set[at].size)
					fail("a small block was overwritten");
				drop(set[at].p);
			}
			set[at].size = random_size(r);
			set[at].p = take(at, set[at].size);
			*set[at].p = (unsigned char)set[at].size;
		}
		r->ops += BATCH;
	}
	for (size_t at = 0; at < SET; at++)
		if (set[at].p != NULL)
			drop(set[at].p);
}


static uint64_t
mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

/* Every read waits for the one before it. */
void
pattern_random_reads(struct run *r)
{
	size_t words = r->size / sizeof(uint64_t);
	uint64_t *p = (uint64_t *)(void *)take(0, r->size), at = 0;

	for (size_t i = 0; i < words; i++)
		p[i] = ~i;
	live_more(r, r->size);
	while (next_round(r)) {
		for (int i = 0; i < BATCH; i++) {
			uint64_t got = p[at];

			if (got != ~at)
				fail("a word does not hold what was written to it");
			at = mix(got + r->round) % words;
		}
		r->ops += BATCH;
	}
	drop((unsigned char *)p);
}

void
pattern_idle(struct run *r)
{
	enum { BLOCKS = 48 };
	struct timespec t = { r->idle_ms / 1000, (long)(r->idle_ms % 1000) * 1000000 };
	unsigned char *block[BLOCKS];

	while (next_round(r)) {
		for (size_t i = 0; i < BLOCKS; i++) {
			block[i] = take(i, r->size);
			live_more(r, r->size);
			fill(r, block[i], 0, r->size, i);
		}
		for (size_t i = 0; i < BLOCKS; i++) {
			check(block[i], r->size, i, SPARSE(r->size));
			drop(block[i]);
			live_fewer(r, r->size);
		}
		pause_clock(r);
		nanosleep(&t, NULL);
		resume_clock(r);
		r->ops++;
	}
}
