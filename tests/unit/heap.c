/* SPDX-License-Identifier: MIT */
/*
 * heap.c - tests of the heap: where blocks and their memory lie, what is moved, kept and given
 * back
 *
 * They assert counters, never times.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "heap_support.h"

HEAP(packs_objects_page_by_page)
{
	char *a = get(KIB(300)), *b = get(KIB(300));

	cr_assert_eq(b - a, (ptrdiff_t)KIB(300));
}

HEAP(gives_a_freed_block_back_to_the_next_request)
{
	char *a = get(MIB(48));

	pages_heap_free(&h, a);
	cr_assert_eq(get(MIB(48)), a);
	cr_assert_eq(stats().fresh_bytes, MIB(48));
}

/* A cached block above all others is resized for the next request; below, best fit decides. */
HEAP(serves_temporaries_of_all_sizes_in_one_place)
{
	char *a = get(MIB(2)), *wall = get(MIB(2)), *p = get(MIB(30)), *q;

	pages_heap_free(&h, p);
	for (size_t size = MIB(1); size < MIB(60); size += KIB(700)) {
		q = get(size);
		cr_assert_eq(q, p);
		cr_assert_eq(pages_heap_usable(&h, q), size);
		cr_assert_eq(stats().live_bytes, MIB(4) + size);
		pages_heap_free(&h, q);
	}
	cr_assert_eq(stats().moved_bytes, 0);
	pages_heap_free(&h, a);
	q = get(MIB(1));
	cr_assert(a <= q && q < wall);
	pages_heap_free(&h, wall);
}

HEAP(serves_any_size_from_what_was_freed_in_another)
{
	char *p[12], *q;

	if (!pages_can(PAGES_CAP_MOVE))
		cr_skip_test("moving pages is not possible here");
	for (int i = 0; i < 12; i++)
		mark(p[i] = get(MIB(8)), MIB(8), 1);
	for (int i = 0; i < 12; i += 2)
		pages_heap_free(&h, p[i]);
	/* 48 MiB are free, but nowhere more than 8 in one piece. */
	q = get(MIB(40));
	mark(q, MIB(40), 2);
	cr_assert_eq(stats().moved_bytes, MIB(40));
	cr_assert_eq(stats().fresh_bytes, MIB(96));
	cr_assert_leq(stats().peak_resident_bytes, MIB(96));
	for (int i = 1; i < 12; i += 2)
		cr_assert(is_marked(p[i], MIB(8), MIB(8), 1));
}

HEAP(keeps_no_more_than_the_peak_of_what_was_live)
{
	uint64_t seed = 5;
	char *p[16] = { NULL };

	if (!pages_can(PAGES_CAP_MOVE))
		cr_skip_test("what is free in one place cannot serve another here");
	for (int i = 0; i < 3000; i++) {
		size_t k = random_next(&seed) % 16;

		if (p[k] != NULL)
			pages_heap_free(&h, p[k]);
		p[k] = get(random_size(&seed, KIB(256), MIB(32)));
		*p[k] = 1;
	}
	/* Ends of blocks share units: one unit for each block at most. */
	cr_assert_leq(stats().peak_resident_bytes, stats().peak_live_bytes + 16 * MIB(2));
}

HEAP(keeps_nothing_beyond_what_may_be_resident)
{
	char *p[8];

	memset(p[0] = get(MIB(8)), 1, MIB(8));
	h.units.resident_max = MIB(40) / MIB(2);
	for (int i = 1; i < 8; i++)
		memset(p[i] = get(MIB(8)), 1, MIB(8));
	for (int i = 0; i < 8; i++) {
		struct pages_stats st;

		pages_heap_free(&h, p[i]);
		(void)pages_heap_tend(&h);	/* flushes the front cache */
		st = stats();
		cr_assert(st.kept_bytes == 0 || st.resident_bytes <= MIB(40));
	}
	cr_assert_eq(stats().kept_bytes, MIB(40));
	cr_assert_eq(resident(h.arena.base, MIB(64)), MIB(40));
}

HEAP(grows_a_lone_block_without_copying)
{
	char *p = get(KIB(256));
	size_t len = KIB(256);

	mark(p, len, 3);
	for (; len < MIB(200); len += KIB(128)) {
		p = pages_heap_resize(&h, p, len + KIB(128), true);
		cr_assert_not_null(p);
	}
	cr_assert_eq(stats().copied_bytes, 0);
	cr_assert(is_marked(p, KIB(256), KIB(256), 3));
}

HEAP(grows_two_blocks_in_turn_copying_only_their_ends)
{
	char *p = get(KIB(300)), *q = get(KIB(300));
	size_t len = KIB(300);
	struct pages_stats st;

	if (!pages_can(PAGES_CAP_MOVE))
		cr_skip_test("moving pages is not possible here");
	for (; len < MIB(200); len += KIB(300)) {
		mark(p, len, 1);
		mark(q, len, 2);
		p = pages_heap_resize(&h, p, len + KIB(300), true);
		q = pages_heap_resize(&h, q, len + KIB(300), true);
		cr_assert(p != NULL && q != NULL);
		cr_assert(is_marked(p, len, len, 1));
		cr_assert(is_marked(q, len, len, 2));
	}
	st = stats();
	cr_assert_gt(st.grown_by_move, 2);
	cr_assert_lt(st.copied_bytes, st.grown_by_move * MIB(2));
	cr_assert_leq(st.peak_live_bytes, 2 * MIB(201));
}

/* The hollow extent of a block that has moved must not get into a front cache. */
HEAP(hands_out_no_block_whose_memory_has_moved_away)
{
	char *p = get(MIB(20)), *wall = get(MIB(1)), *q;

	memset(p, 1, MIB(20));
	p = pages_heap_resize(&h, p, MIB(30), true);
	q = get(MIB(20));
	cr_assert(pages_heap_valid(&h));
	memset(q, 2, MIB(20));
	pages_heap_free(&h, q);
	q = pages_heap_alloc(&h, MIB(19), 1, true);
	cr_assert(is_zero(q, MIB(19)));
	pages_heap_free(&h, wall);
	pages_heap_free(&h, q);
	pages_heap_free(&h, p);
}

HEAP(gives_the_tail_of_a_shrunk_block_to_others)
{
	char *p = get(MIB(64)), *q;

	mark(p, MIB(10), 1);
	cr_assert_eq(pages_heap_resize(&h, p, MIB(10), true), p);
	q = get(MIB(54));
	cr_assert_eq(q, p + MIB(10));
	cr_assert(is_marked(p, MIB(10), MIB(10), 1));
	cr_assert_eq(stats().live_bytes, MIB(64));
}

HEAP(clears_for_calloc_what_was_dirty)
{
	for (int i = 0; i < 30; i++) {
		size_t size = KIB(300) + (size_t)i * KIB(777);
		char *p = get(size), *q;

		memset(p, 0xff, size);
		pages_heap_free(&h, p);
		q = pages_heap_alloc(&h, size, 1, true);
		cr_assert(is_zero(q, size), "%zu", size);
		memset(q, 0xff, size);
		pages_heap_free(&h, q);
	}
}

HEAP(leaves_untouched_what_calloc_knows_to_be_zero)
{
	char *p = pages_heap_alloc(&h, MIB(64), 1, true);

	cr_assert_leq(resident(p, MIB(64)), MIB(2));
	cr_assert_eq(stats().cleared_bytes, 0);
}

HEAP(honours_alignments_beyond_a_unit)
{
	for (size_t align = KIB(4); align <= MIB(128); align *= 2) {
		char *p = pages_heap_alloc(&h, KIB(300), align, false);

		cr_assert_eq((uintptr_t)p % align, 0);
	}
}

HEAP(says_no_when_the_arena_is_full_and_goes_on)
{
	char *p = get(MIB(1000));

	cr_assert_null(pages_heap_alloc(&h, MIB(100), 1, false));
	cr_assert_null(pages_heap_resize(&h, p, MIB(1100), true));
	cr_assert_eq(stats().declined_no_space, 2);
	pages_heap_free(&h, p);
	get(MIB(100));
}

HEAP(says_no_to_more_than_the_machine_has)
{
	cr_assert_null(pages_heap_alloc(&h, (size_t)1 << 46, 1, false));
	cr_assert_null(pages_heap_alloc(&h, PTRDIFF_MAX, 1, false));
}

HEAP(gives_everything_back_when_trimmed)
{
	char *p = get(MIB(64));

	memset(p, 1, MIB(64));
	pages_heap_free(&h, p);
	cr_assert_eq(stats().kept_bytes, MIB(64));
	cr_assert_eq(pages_heap_trim(&h, MIB(16)), MIB(48));
	cr_assert_eq(pages_heap_trim(&h, 0), MIB(16));
	cr_assert_eq(stats().resident_bytes, 0);
	cr_assert_eq(resident(h.arena.base, MIB(64)), 0);
}

HEAP(gives_back_what_is_old_when_it_is_called_next)
{
	char *p;

	pages_heap_close(&h);
	open_with(MIB(1024), 90);
	p = get(MIB(64));
	memset(p, 1, MIB(64));
	pages_heap_free(&h, p);
	for (int i = 0; i < 4; i++) {
		usleep(100 * 1000);
		/* Two blocks: one goes into the front cache, which does not read the clock. */
		p = get(KIB(300));
		pages_heap_free(&h, get(KIB(400)));
		pages_heap_free(&h, p);
	}
	cr_assert_geq(stats().returned_bytes, MIB(62));
}

/* Three to four times two sevenths of the time: at the fourth purge that is due after a free. */
HEAP(keeps_memory_for_about_as_long_as_it_was_told)
{
	char *p = get(MIB(64));

	memset(p, 1, MIB(64));
	pages_heap_free(&h, p);
	for (int i = 0; i < 3; i++) {
		h.last_purge = 0;
		cr_assert(pages_heap_tend(&h));
		cr_assert_eq(stats().kept_bytes, MIB(64));
		/* Until one is due, nothing ages. */
		cr_assert(pages_heap_tend(&h));
	}
	cr_assert_leq(pages_heap_pace(&h), 3600 * 1000 * 2 / 7);
	cr_assert_geq(pages_heap_pace(&h), 3500 * 1000 * 2 / 7);
	h.last_purge = 0;
	cr_assert_not(pages_heap_tend(&h));
	cr_assert_eq(stats().kept_bytes, 0);
}

HEAP(makes_moved_memory_mergeable_again_when_it_gives_it_back)
{
	char *p[64], *q;
	size_t before;

	if (!pages_can(PAGES_CAP_MOVE))
		cr_skip_test("moving pages is not possible here");
	before = count_mappings(get(MIB(2)), 1);
	for (int i = 0; i < 64; i++)
		memset(p[i] = get(MIB(4)), 1, MIB(4));
	for (int i = 0; i < 64; i += 2)
		pages_heap_free(&h, p[i]);
	q = get(MIB(120));
	cr_assert_gt(stats().vma_splits, 10);
	pages_heap_free(&h, q);
	for (int i = 1; i < 64; i += 2)
		pages_heap_free(&h, p[i]);
	pages_heap_trim(&h, 0);
	cr_assert_eq(before, 1);
	cr_assert_leq(stats().vma_splits, 2);
}

HEAP(counts_vma_splits_as_the_kernel_counts_mappings)
{
	uint64_t seed = 11;
	char *p[24] = { NULL };
	size_t mappings;

	for (int i = 0; i < 2000; i++) {
		size_t k = random_next(&seed) % 24;

		if (p[k] != NULL)
			pages_heap_free(&h, p[k]);
		p[k] = get(random_size(&seed, KIB(256), MIB(24)));
		mark(p[k], KIB(256), 1);
	}
	mappings = count_mappings(h.arena.base, h.units.mapped_end * PAGES_UNIT);
	cr_assert_leq(mappings, stats().vma_splits + 2, "%zu mappings, %zu splits", mappings,
		      (size_t)stats().vma_splits);
}

HEAP(moves_nothing_when_the_mapping_limit_is_near)
{
	char *p[12], *q;

	get(KIB(256));
	h.units.splits.max = 0;
	for (int i = 0; i < 12; i++)
		memset(p[i] = get(MIB(8)), 1, MIB(8));
	for (int i = 0; i < 12; i += 2)
		pages_heap_free(&h, p[i]);
	q = get(MIB(44));
	memset(q, 1, MIB(44));
	cr_assert_eq(stats().moved_bytes, 0);
	/* Units that could not be moved were given back; seven blocks share units at their ends. */
	cr_assert_leq(stats().resident_bytes, MIB(96) + 7 * MIB(2));
}

HEAP(maps_little_more_than_its_blocks)
{
	char *p = get(MIB(8)), *q;

	cr_assert_leq(stats().arena_bytes, MIB(8 + 32 + 4));
	q = get(MIB(400));
	cr_assert_leq(stats().arena_bytes, MIB(408 + 51 + 4));
	pages_heap_free(&h, q);
	pages_heap_free(&h, p);
	cr_assert_leq(h.extents.edges.mapped + h.extents.records.mapped + h.units.bits.mapped +
		      h.units.shifts.mapped, MIB(408) / 125 + MIB(4));
}

HEAP(releases_unused_address_space_and_maps_it_again)
{
	char *p = get(MIB(8)), *q = get(MIB(200)), *r = get(MIB(8));

	mark(p, MIB(8), 1);
	mark(r, MIB(8), 2);
	memset(q, 1, MIB(200));
	pages_heap_free(&h, q);
	cr_assert_geq(pages_heap_release_space(&h, SIZE_MAX), MIB(196));
	cr_assert_eq(pages_heap_release_space(&h, SIZE_MAX), 0);
	cr_assert(pages_heap_valid(&h));
	cr_assert(h.arena.reserved || count_mappings(q + MIB(2), MIB(196)) == 0);
	cr_assert_eq(stats().kept_bytes, 0);
	cr_assert_leq(stats().arena_bytes, MIB(20));
	cr_assert(is_marked(p, MIB(8), MIB(8), 1));
	cr_assert(is_marked(r, MIB(8), MIB(8), 2));
	SKIP_IF_RESERVED(h);
	q = get(MIB(190));
	cr_assert(is_zero(q, MIB(190)));
	mark(q, MIB(190), 3);
	pages_heap_free(&h, p);
	pages_heap_free(&h, r);
	cr_assert(is_marked(q, MIB(190), MIB(190), 3));
	pages_heap_free(&h, q);
	(void)pages_heap_release_space(&h, SIZE_MAX);
	cr_assert_eq(stats().arena_bytes, 0);
	pages_heap_free(&h, get(MIB(1)));
}

HEAP(unmaps_the_room_of_a_block_and_lets_it_grow_again)
{
	char *p = get(MIB(8)), *wall = get(MIB(1)), *q;

	SKIP_IF_RESERVED(h);
	mark(p, MIB(8), 1);
	q = pages_heap_resize(&h, p, MIB(40), true);
	cr_assert_not_null(q);
	cr_assert(is_marked(q, MIB(8), MIB(8), 1));
	(void)pages_heap_release_space(&h, SIZE_MAX);
	cr_assert_eq(count_mappings(q + MIB(44), MIB(20)), 0);
	cr_assert_eq(pages_heap_resize(&h, q, MIB(70), true), q);
	cr_assert(is_marked(q, MIB(8), MIB(8), 1));
	memset(q + MIB(8), 2, MIB(62));
	pages_heap_free(&h, q);
	pages_heap_free(&h, wall);
}

/* A program may map something at an address that it has chosen itself. */
HEAP(leaves_a_mapping_of_the_program_alone)
{
	char *p = get(MIB(8)), *end = h.arena.base + h.units.mapped_end * PAGES_UNIT, *theirs;

	if (h.arena.reserved)
		cr_skip_test("address space is reserved here");
	theirs = mmap(end + MIB(16), MIB(4), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert_eq(theirs, end + MIB(16));
	mark(theirs, MIB(4), 9);
	for (int i = 0; i < 8; i++)
		memset(get(MIB(64)), 1, MIB(64));
	cr_assert(is_marked(theirs, MIB(4), MIB(4), 9));
	cr_assert_gt(h.lost, 0);
	cr_assert(pages_heap_owns(&h, theirs) && !pages_heap_maps(&h, theirs));
	cr_assert_not(pages_heap_free(&h, theirs));
	pages_heap_free(&h, p);
	cr_assert_eq(munmap(theirs, MIB(4)), 0);
}

HEAP(frees_later_what_is_freed_while_the_lock_is_taken)
{
	char *p = get(MIB(4)), *q = get(MIB(5)), *r = get(MIB(6));

	cr_assert(pages_lock_acquire(&h.lock));
	pages_heap_free(&h, p);
	pages_heap_free(&h, q);
	pages_heap_free(&h, r);
	cr_assert_null(pages_heap_alloc(&h, MIB(4), 1, false));
	pages_lock_release(&h.lock);
	cr_assert_eq(stats().declined_busy, 1);
	cr_assert_eq(stats().live_objects, 0);
}

HEAP(leaves_errno_alone)
{
	char *p;

	errno = 1234;
	p = get(MIB(4));
	p = pages_heap_resize(&h, p, MIB(100), true);
	pages_heap_free(&h, p);
	pages_heap_trim(&h, 0);
	cr_assert_null(pages_heap_alloc(&h, MIB(2000), 1, false));
	cr_assert_eq(errno, 1234);
}

/* Random operations, checked against a model: the contents that each block must have. */
struct block {
	char *p;
	size_t len;
	uint64_t owner;
};

static void
step(struct block *b, uint64_t *seed)
{
	size_t len = random_size(seed, KIB(4), MIB(40));
	bool zero = random_next(seed) % 4 == 0;
	char *p;

	if (b->p != NULL)
		cr_assert(is_marked(b->p, b->len, b->len, b->owner));
	if (b->p != NULL && random_next(seed) % 2 == 0) {
		p = pages_heap_resize(&h, b->p, len, true);
		if (p == NULL)
			return;
		cr_assert(is_marked(p, len < b->len ? len : b->len, b->len, b->owner));
	} else {
		if (b->p != NULL)
			pages_heap_free(&h, b->p);
		p = pages_heap_alloc(&h, len, (size_t)1 << random_next(seed) % 23, zero);
		if (p != NULL && zero)
			cr_assert(is_zero(p, len));
	}
	*b = (struct block){ p, len, random_next(seed) };
	if (p != NULL)
		mark(p, len, b->owner);
}

HEAP(agrees_with_a_model_under_random_use)
{
	struct block blocks[40] = { { NULL, 0, 0 } };
	uint64_t seed = 42;
	size_t refused = 0;

	for (int i = 0; i < 6000; i++) {
		struct block *b = &blocks[random_next(&seed) % 40];

		step(b, &seed);
		refused += b->p == NULL;
		if (i % 500 == 0)
			(void)pages_heap_trim(&h, MIB(64));
		if (i % 20 == 0)
			cr_assert(pages_heap_valid(&h), "step %d", i);
	}
	/* The arena is small enough to be full now and then, but not all the time. */
	cr_assert_lt(refused, 3000);
}
