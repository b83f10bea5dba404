/* SPDX-License-Identifier: MIT */
/*
 * heap_density.c - tests of size classes that turn out sparse, and of the small zone
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "heap/impl.h"
#include "heap/lock.h"
#include "heap/density.h"
#include "os/bits.h"
#include "os/caps.h"
#include "heap_support.h"

#define DENSITY(name)                       \
	static void name##_here(void);      \
	TEST_WITH_FIXTURE(density, name)    \
	{                                   \
		skip_without_huge_pages();  \
		name##_here();              \
	}                                   \
	static void name##_here(void)

enum { MANY = 200 };

static char *blocks[MANY];

static void
skip_without_huge_pages(void)
{
	pages_heap_free(&h, get(MIB(1)));
	if (!h.arena.huge || !h.facts.huge_pages || !pages_can(PAGES_CAP_LOOK) ||
	    !pages_can(PAGES_CAP_SMALL))
		cr_skip_test("there are no huge pages, or memory cannot be looked at");
}

/* Write one byte in so many pages of p, evenly. */
static void
touch(char *p, size_t size, size_t pages)
{
	for (size_t i = 0; i < pages; i++)
		p[size / pages * i] = 1;
}

/* Allocate n blocks and use so many pages of each; returns how many bytes that made resident. */
static size_t
use(size_t n, size_t size, size_t pages)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		blocks[i] = get(size);
		touch(blocks[i], size, pages);
	}
	for (size_t i = 0; i < n; i++)
		sum += resident(blocks[i], size);
	return sum;
}

static void
free_all(size_t n)
{
	for (size_t i = 0; i < n; i++)
		pages_heap_free(&h, blocks[i]);
}

static bool
is_small(const char *p)
{
	return pages_arena_zone(&h.arena, (size_t)(p - h.arena.base) / PAGES_UNIT) ==
	       PAGES_ZONE_SMALL;
}

/* The kernel's advice: does every mapping of the arena's units say what the zone says? */
static bool
advice_is_right(void)
{
	char line[512], want[8];
	unsigned long start = 0, end = 0;
	uintptr_t base = (uintptr_t)h.arena.base;
	bool right = true;
	FILE *f = fopen("/proc/self/smaps", "r");

	cr_assert_not_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		unsigned long a, b;

		if (sscanf(line, "%lx-%lx %7s", &a, &b, want) == 3 && strlen(want) == 4) {
			start = a;
			end = b;
		}
		if (strncmp(line, "VmFlags:", 8) != 0 || start < base ||
		    end > base + h.units.mapped_end * PAGES_UNIT)
			continue;
		for (size_t i = (start - base) / PAGES_UNIT; i < (end - base) / PAGES_UNIT; i++)
			right &= pages_bits_test(h.arena.small_bits, i) == (strstr(line, " nh") != NULL);
	}
	fclose(f);
	return right;
}

/* One page of each block, wherever it lies: 16 MiB go before that is known. */
static void
stays_sparse(size_t size, size_t n)
{
	cr_assert_leq(use(n, size, 1), MIB(16) + n * 4096);
	cr_assert(is_small(blocks[n - 1]));
	cr_assert(pages_heap_valid(&h));
}

DENSITY(few_pages_of_small_blocks_are_resident)
{
	stays_sparse(300000, MANY);
}

DENSITY(few_pages_of_blocks_of_a_mebibyte_are_resident)
{
	stays_sparse(MIB(1), MANY);
}

DENSITY(few_pages_of_long_blocks_are_resident)
{
	stays_sparse(MIB(8), 60);
}

DENSITY(callocs_are_sparse_too_and_zero)
{
	for (int i = 0; i < MANY; i++) {
		char *p = pages_heap_alloc(&h, MIB(1), 1, true);

		cr_assert_eq(p[4096], 0);
		p[4096] = 1;
		blocks[i] = p;
	}
	cr_assert(is_small(blocks[MANY - 1]));
	free_all(MANY);
	for (int i = 0; i < MANY; i++) {
		blocks[i] = pages_heap_alloc(&h, MIB(1), 1, true);
		cr_assert_leq(resident(blocks[i], MIB(1)), is_small(blocks[i]) ? 8192 : MIB(1));
		cr_assert(pages_is_zero(blocks[i], MIB(1)));
	}
}

/* A page that was only read is the kernel's zero page. */
DENSITY(reading_does_not_make_blocks_dense)
{
	if (!pages_can(PAGES_CAP_SCAN))
		cr_skip_test("the kernel does not tell zero pages from others");
	stays_sparse(MIB(1), 30);
	for (int i = 0; i < 30; i++) {
		char *p = get(MIB(1));

		cr_assert(pages_is_zero(p, MIB(1)));
		p[0] = 1;
		blocks[i] = p;
	}
	cr_assert(is_small(blocks[29]));
}

DENSITY(dense_blocks_get_huge_pages)
{
	(void)use(MANY, MIB(1), 256);
	cr_assert_eq(h.small_sizes, 0);
	cr_assert_eq(h.small_units, 0);
}

/* Blocks that were not written to say nothing. */
DENSITY(untouched_blocks_get_huge_pages)
{
	for (int i = 0; i < MANY; i++)
		(void)get(MIB(1));
	cr_assert_eq(h.small_sizes, 0);
}

/* What the program has zeroed looks as if it had not been touched. */
DENSITY(zero_filled_blocks_get_huge_pages)
{
	for (int i = 0; i < MANY; i++)
		memset(get(MIB(1)), 0, MIB(1));
	cr_assert_eq(h.small_units, 0);
}

DENSITY(a_class_that_turns_dense_goes_back)
{
	stays_sparse(MIB(1), 30);
	(void)use(30, MIB(1), 256);
	cr_assert_not(is_small(blocks[29]));
	/* It takes longer the next time. */
	(void)use(10, MIB(1), 1);
	cr_assert_not(is_small(blocks[9]));
}

/* Other classes are not concerned. */
DENSITY(only_the_sparse_class_is_small)
{
	stays_sparse(MIB(1), 30);
	cr_assert_not(is_small(get(MIB(5))));
	cr_assert(is_small(get(MIB(1))));
}

DENSITY(contents_survive_growth_in_the_zone)
{
	char *p;

	stays_sparse(MIB(4), 30);
	p = get(MIB(4));
	cr_assert(is_small(p));
	memset(p, 7, MIB(4));
	for (size_t size = MIB(4); size < MIB(100); size = size * 3 / 2) {
		(void)get(KIB(512));	/* in the way */
		p = pages_heap_resize(&h, p, size, true);
		cr_assert_not_null(p);
		for (size_t i = 0; i < MIB(4); i += 4096)
			cr_assert_eq(p[i], 7);
	}
	pages_heap_free(&h, p);
}

/* A short one that grows out of the sparse class becomes an ordinary block, by copying. */
DENSITY(a_short_block_leaves_the_zone_when_it_grows)
{
	char *p;

	stays_sparse(MIB(1), 30);
	p = get(MIB(1));
	memset(p, 7, MIB(1));
	(void)get(MIB(1));	/* in the way */
	p = pages_heap_resize(&h, p, MIB(40), true);
	cr_assert_not_null(p);
	cr_assert_not(is_small(p));
	cr_assert_eq(p[MIB(1) - 1], 7);
	cr_assert_eq(p[0], 7);
}

/* Nothing of the zone serves other blocks, and nothing of others serves the zone. */
DENSITY(memory_stays_in_its_zone)
{
	stays_sparse(MIB(1), MANY);
	free_all(MANY);
	for (int i = 0; i < 10; i++)
		cr_assert_not(is_small(get(MIB(5))));
	cr_assert(advice_is_right());	/* which moved pages would bring along */
	for (size_t i = 0; i < h.units.count; i++)
		cr_assert(!pages_bits_test(h.arena.small_bits, i) ||
			  !pages_bits_test(h.units.muzzy_bits, i));
}

DENSITY(the_zone_is_given_back_and_used_again)
{
	char *p;

	stays_sparse(MIB(1), MANY);
	free_all(MANY);
	(void)pages_heap_release_space(&h, SIZE_MAX);
	cr_assert_eq(stats().kept_bytes, 0);
	p = get(MIB(1));
	cr_assert(is_small(p));
	p[0] = 1;
	cr_assert_eq(resident(p, MIB(1)), 4096);
}

/* At a limit of mappings or of address space, the other zone has to do. */
DENSITY(works_without_room_for_the_zone)
{
	h.units.splits.max = 0;
	(void)use(MANY, MIB(1), 1);
	cr_assert_not(is_small(blocks[MANY - 1]));
	cr_assert_eq(h.small_units, 0);
}

DENSITY(a_confined_process_does_not_look)
{
	const struct pages_density *d = &h.density[8];	/* of 1 MiB */

	(void)use(2, MIB(1), 1);
	cr_assert_eq(d->sparse, 1);
	pages_heap_confine(&h);
	(void)use(MANY, MIB(1), 1);
	cr_assert_eq(d->sparse, 1);
	cr_assert_eq(d->dense, 0);
}

DENSITY(a_child_has_the_zone_too)
{
	int status;
	pid_t pid;

	stays_sparse(MIB(1), 60);
	pid = fork_heap();
	if (pid == 0) {
		char *p = get(MIB(1));

		p[0] = 1;
		for (int i = 0; i < 60; i++)
			if (blocks[i][0] != 1)
				_exit(1);
		free_all(60);
		_exit(pages_heap_valid(&h) && is_small(p) ? 0 : 2);
	}
	cr_assert_gt(pid, 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

/* A page may not be readable, or may have a fault handler: such a block is not looked at. */
DENSITY(tainted_blocks_are_not_looked_at)
{
	for (int i = 0; i < 40; i++) {
		char *p = get(MIB(1));

		p[0] = 1;
		pages_heap_taint(&h, p + MIB(1) / 2, 4096);
	}
	cr_assert_eq(h.small_sizes, 0);
}

/* What is given back by mapping it anew ends at the border of the zone. */
DENSITY(advice_ends_with_the_zone)
{
	char *p[8];

	stays_sparse(MIB(1), MANY);
	for (int i = 0; i < 8; i++)
		memset(p[i] = get(MIB(6)), 1, MIB(6));
	cr_assert(advice_is_right());
	for (int i = 0; i < 8; i++)
		pages_heap_free(&h, p[i]);
	free_all(MANY);
	(void)pages_heap_tend(&h);
	/* A page of free memory is tainted in each zone: all of its run is mapped anew. */
	for (size_t i = 0; i < h.units.mapped_end; i++)
		if (pages_bits_test(h.units.kept_bits, i))
			pages_heap_taint(&h, h.arena.base + i * PAGES_UNIT, 4096);
	(void)pages_heap_trim(&h, 0);
	cr_assert_eq(stats().kept_bytes, 0);
	cr_assert(advice_is_right());
}

/* A page of each at first, and the rest once all are there. */
DENSITY(blocks_that_are_filled_later_are_dense)
{
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 30; i++) {
			blocks[i] = get(MIB(4));
			blocks[i][0] = 1;
		}
		for (int i = 0; i < 30; i++)
			memset(blocks[i], 1, MIB(4));
		free_all(30);
	}
	for (int i = 0; i < 30; i++)
		blocks[i] = get(MIB(4));
	cr_assert_not(is_small(blocks[29]));
}

DENSITY(long_blocks_are_judged_over_their_whole_length)
{
	for (int i = 0; i < 7; i++) {
		char *p = get(MIB(64));

		p[0] = 1;
		memset(p + MIB(16), 1, MIB(48));
		cr_assert_not(is_small(p));
	}
}

DENSITY(a_long_dense_block_leaves_the_zone_when_it_grows)
{
	char *p;

	stays_sparse(MIB(4), 30);
	p = get(MIB(4));
	memset(p, 7, MIB(4));
	(void)get(KIB(512));
	cr_assert(is_small(p));
	p = pages_heap_resize(&h, p, MIB(64), true);
	cr_assert_not_null(p);
	cr_assert_not(is_small(p));
	for (size_t i = 0; i < MIB(4); i += 4096)
		cr_assert_eq(p[i], 7);
}

DENSITY(a_block_leaves_the_zone_where_it_has_no_room)
{
	char *p, *q;

	stays_sparse(MIB(4), 30);
	p = get(MIB(4));
	p[0] = 7;
	p[MIB(4) - 1] = 8;
	(void)get(MIB(4));	/* in the way */
	cr_assert(is_small(p));
	h.units.splits.max = 0;
	q = pages_heap_resize(&h, p, MIB(300), true);
	cr_assert_not_null(q);
	cr_assert_eq(q[0], 7);
	cr_assert_eq(q[MIB(4) - 1], 8);
}

/* A page of each block would stay in the units that others hold, for ever. */
DENSITY(resident_memory_does_not_creep_up)
{
	uint64_t seed = 5;

	if (!pages_can(PAGES_CAP_DISCARD))
		cr_skip_test("what a block leaves cannot be given back");
	stays_sparse(MIB(1), MANY);
	for (int i = 0; i < 20000; i++) {
		size_t k = (seed = seed * 6364136223846793005u + 1) >> 33;

		pages_heap_free(&h, blocks[k % MANY]);
		blocks[k % MANY] = get(MIB(1) + (k / MANY % 200) * 4096);
		blocks[k % MANY][0] = 1;
	}
	cr_assert_leq(resident(h.arena.base, h.units.mapped_end * PAGES_UNIT), MIB(20));
}

/* Callocs of a sparse size that come and go reuse address space: twice of what is live will do. */
DENSITY(sparse_callocs_do_not_climb_the_arena)
{
	enum { LIVE = 30 };
	uint64_t seed = 3;

	memset(blocks, 0, sizeof(blocks));
	for (int i = 0; i < 1000; i++) {
		size_t r = (seed = seed * 6364136223846793005u + 1442695040888963407u) >> 33;
		size_t k = r % LIVE;

		if (blocks[k] != NULL)
			pages_heap_free(&h, blocks[k]);
		blocks[k] = pages_heap_alloc(&h, MIB(8) + r / LIVE % 4 * MIB(2), 1, true);
		cr_assert_not_null(blocks[k]);
		blocks[k][0] = 1;
	}
	cr_assert_leq((size_t)h.extents.reach * 4096, 2 * LIVE * MIB(11));
}

/* A fork may come while another thread looks. */
DENSITY(a_child_looks_too)
{
	int status;
	pid_t pid;

	h.peeking = true;
	pid = fork_heap();
	if (pid == 0) {
		(void)use(30, MIB(1), 1);
		_exit(is_small(blocks[29]) ? 0 : 1);
	}
	h.peeking = false;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}
