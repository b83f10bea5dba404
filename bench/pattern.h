/* SPDX-License-Identifier: MIT */
/*
 * pattern.h - what a pattern is, and one run of it
 *
 * A pattern is a way in which programs use large memory.  It takes blocks through
 * memory.h, counts its work here and nothing else; what the process and the kernel
 * did meanwhile is read by measure.h.  One process runs one pattern, so that peaks
 * and leftovers are its own.
 */
#ifndef BENCH_PATTERN_H
#define BENCH_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is reported; the first is better high, the others are better low. */
enum unit { GB_PER_S, NS_PER_OP, US_PER_OP, MIB_RESIDENT };

struct run;

struct pattern {
	const char *name;
	const char *what;	/* one line for people */
	void (*body)(struct run *);
	enum unit unit;
	size_t size;		/* of a block, or the largest */
	size_t smallest;	/* where sizes vary */
	size_t rounds;		/* on the clock */
	size_t warm;		/* before them, not on the clock but in the counters */
	size_t places;		/* blocks alive at once; 0: there is no limit line */
};

struct run {
	const struct pattern *pattern;
	size_t size, smallest, rounds;	/* the pattern's, perhaps divided */
	uint64_t longest_ns;		/* stop after so long */
	unsigned idle_ms;

	size_t round;
	bool stopped;			/* a vector was not finished in time */
	uint64_t ns, since, begin;	/* on the clock; running since; then it began */
	uint64_t cpu_ns, cpu_since;	/* the same of processor time, all threads */
	uint64_t ops, bytes;		/* done on the clock; bytes are those written */
	uint64_t written;		/* bytes, in all rounds */
	uint64_t moved;			/* sizes of blocks that realloc gave another address */
	uint64_t live, live_peak;	/* bytes in blocks that are written */
	size_t mappings;		/* most seen when the clock stood */
	uint64_t rng;
};

/* The most blocks of the producer that are alive at once. */
#define PATTERN_PARCELS 18

/* What patterns.c lists: each in blocks.c, vectors.c or threads.c. */
void pattern_untouched(struct run *r);
void pattern_untouched_random(struct run *r);
void pattern_temporary(struct run *r);
void pattern_temporary_aligned(struct run *r);
void pattern_grow_double(struct run *r);
void pattern_grow_half(struct run *r);
void pattern_grow_steps(struct run *r);
void pattern_grow_two(struct run *r);
void pattern_random_reads(struct run *r);
void pattern_lifetimes(struct run *r);
void pattern_three_in_turn(struct run *r);
void pattern_arrays(struct run *r);
void pattern_sparse(struct run *r);
void pattern_calloc_sparse(struct run *r);
void pattern_calloc_full(struct run *r);
void pattern_threads(struct run *r);
void pattern_producer(struct run *r);
void pattern_idle(struct run *r);
void pattern_small(struct run *r);

extern const struct pattern patterns[];
extern const size_t patterns_count;

/* The same numbers in every run. */
static inline size_t
random_below(struct run *r, size_t n)
{
	r->rng ^= r->rng << 13;
	r->rng ^= r->rng >> 7;
	r->rng ^= r->rng << 17;
	return (size_t)(r->rng % n);
}

static inline size_t
random_size(struct run *r)
{
	return r->smallest + random_below(r, r->size - r->smallest + 1);
}

#endif /* BENCH_PATTERN_H */
