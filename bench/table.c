/* SPDX-License-Identifier: MIT */
/* table.c - all patterns: sizes, rounds, and what they stand for */
#include "pattern.h"

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

const struct pattern patterns[] = {
	{ "untouched", "malloc and free of 48 MiB, not written",
	  pattern_untouched, NS_PER_OP, 48 * MIB, 0, 50, 1, 1 },
	{ "untouched-random", "the same, 1-65 MiB at random",
	  pattern_untouched_random, NS_PER_OP, 65 * MIB, MIB, 50, 1, 1 },
	{ "temporary-48M", "malloc of 48 MiB, written once, freed",
	  pattern_temporary, GB_PER_S, 48 * MIB, 0, 30, 1, 1 },
	{ "temporary-300M", "malloc of 300 MiB, written once, freed",
	  pattern_temporary, GB_PER_S, 300 * MIB, 0, 5, 1, 1 },
	{ "aligned-24M", "memalign of 24 MiB to 2 MiB, written once, freed",
	  pattern_temporary_aligned, GB_PER_S, 24 * MIB, 0, 50, 1, 1 },
	{ "grow-double", "a vector grown to 1 GiB by doubling, twice",
	  pattern_grow_double, GB_PER_S, 1024 * MIB, 64 * KIB, 2, 0, 1 },
	{ "grow-half", "a vector grown to 1 GiB by half, twice",
	  pattern_grow_half, GB_PER_S, 1024 * MIB, 64 * KIB, 2, 0, 1 },
	{ "grow-steps", "a vector grown to 1 GiB in steps of 128 KiB, twice",
	  pattern_grow_steps, GB_PER_S, 1024 * MIB, 128 * KIB, 2, 0, 1 },
	{ "grow-two", "two vectors growing in turn to 384 MiB, twice",
	  pattern_grow_two, GB_PER_S, 384 * MIB, 64 * KIB, 2, 0, 2 },
	{ "grow-again", "a vector grown to 96 MiB and dropped, again and again",
	  pattern_grow_double, GB_PER_S, 96 * MIB, 64 * KIB, 15, 1, 1 },
	{ "random-reads", "dependent reads at random places of 1 GiB",
	  pattern_random_reads, NS_PER_OP, 1024 * MIB, 0, 1500, 1, 1 },
	{ "lifetimes", "40 blocks of 256 KiB-32 MiB, replaced at random, written once",
	  pattern_lifetimes, GB_PER_S, 32 * MIB, 256 * KIB, 200, 40, 40 },
	{ "odd-sizes", "30 blocks of 300 KiB-16 MiB, replaced at random, written once",
	  pattern_lifetimes, GB_PER_S, 16 * MIB, 300 * KIB, 400, 30, 30 },
	{ "three-in-turn", "array sums with three live blocks of 40 MiB",
	  pattern_three_in_turn, GB_PER_S, 40 * MIB, 0, 30, 3, 3 },
	{ "arrays", "17 arrays of 256 KiB, added element by element",
	  pattern_arrays, NS_PER_OP, 256 * KIB, 0, 300, 10, 0 },
	{ "sparse", "resident with 500 live blocks of 1 MiB, a page written in each",
	  pattern_sparse, MIB_RESIDENT, MIB, 0, 1, 0, 0 },
	{ "calloc-sparse", "calloc of 48 MiB, one word written in each MiB",
	  pattern_calloc_sparse, US_PER_OP, 48 * MIB, MIB, 100, 3, 1 },
	{ "calloc-full", "calloc of 32 MiB, written whole",
	  pattern_calloc_full, GB_PER_S, 32 * MIB, 0, 40, 3, 1 },
	{ "threads", "8 threads, malloc and free of 4 MiB, not written",
	  pattern_threads, NS_PER_OP, 4 * MIB, 0, 2, 1, 1 },
	{ "producer", "a thread writes blocks of 1-8 MiB, another frees them",
	  pattern_producer, GB_PER_S, 8 * MIB, MIB, 400, 40, PATTERN_PARCELS },
	{ "idle", "resident 5 s after a burst of 768 MiB, not lazily freeable",
	  pattern_idle, MIB_RESIDENT, 16 * MIB, 0, 1, 0, 0 },
	{ "small", "1024 blocks of 16-1040 bytes, replaced at random",
	  pattern_small, NS_PER_OP, 1040, 16, 2000, 100, 1024 },
};
const size_t patterns_count = sizeof(patterns) / sizeof(*patterns);
