/* SPDX-License-Identifier: MIT */
/*
 * memory.h - where patterns get their blocks, and how they fill and check them
 *
 * From malloc and its family, whoever provides it to this process.  Or, for the
 * limit, from no allocator at all: every block has a place of its own that is
 * resident in huge pages before the clock starts, so what remains is the cost of
 * the pattern itself.
 *
 * A pattern says for every block which place it would have; malloc ignores it.
 * Blocks that share a place must not be alive at the same time.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "pattern.h"

/* Steps for check(): while the clock runs, and while it stands. */
#define SPARSE(size) ((size) / 32 + 1)
#define DENSE ((size_t)4096)

struct places {
	unsigned char *base;	/* NULL: malloc provides */
	size_t stride;
};
extern struct places places;

/* Make places for all blocks of r, resident.  Exits if the machine has too little. */
void open_places(const struct run *r);

/* Ends the process: nothing that a pattern sees may be wrong. */
__attribute__((noreturn, cold)) void fail(const char *why);

/* Inline, because a pair of calls takes nanoseconds in the fastest allocators. */
static inline unsigned char *
given(void *p)
{
	__asm__ volatile("" : "+r"(p));	/* the compiler must not drop an unused pair */
	if (__builtin_expect(p == NULL, 0))
		fail("out of memory");
	return p;
}

static inline unsigned char *
take(size_t place, size_t size)
{
	if (places.base != NULL)
		return given(places.base + place * places.stride);
	return given(malloc(size));
}

static inline unsigned char *
take_zeroed(size_t place, size_t size)
{
	if (places.base != NULL)
		return given(places.base + place * places.stride);
	return given(calloc(1, size));
}

static inline unsigned char *
take_aligned(size_t place, size_t alignment, size_t size)
{
	if (places.base != NULL)
		return given(places.base + place * places.stride);
	return given(memalign(alignment, size));
}

static inline void
drop(unsigned char *p)
{
	if (places.base == NULL)
		free(p);
}

/* The block in p, of old bytes, with size bytes; counts what may have been copied. */
unsigned char *grow(struct run *r, size_t place, unsigned char *p, size_t old, size_t size);

/*
 * Write [from, to) of a block with bytes that depend on seed and place, and see
 * that [0, to) holds them: two bytes of every step.  Counts towards r's bytes.
 */
void fill(struct run *r, unsigned char *p, size_t from, size_t to, size_t seed);
void check(const unsigned char *p, size_t to, size_t seed, size_t step);

/*
 * What calloc gave: adds 1 to a word in every step and sees that it was 0.  One
 * access that writes, so that it is one fault.
 */
void touch_zeroed(unsigned char *p, size_t size, size_t step);

/* Bytes in written blocks: n more or fewer.  Any thread. */
void live_more(struct run *r, size_t n);
void live_fewer(struct run *r, size_t n);

#endif /* BENCH_MEMORY_H */
