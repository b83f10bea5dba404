/* SPDX-License-Identifier: MIT */
/*
 * heap_colours.c - tests that blocks begin at several offsets in their first page, where the
 * options say so and no more alignment is asked for, and that nothing else changes by it
 */
#include <criterion/criterion.h>
#include <signal.h>

#include "heap/impl.h"
#include "heap_support.h"

enum { LINE = 64 };

static void
open_heap(void)
{
	setup();
	h.options.colours = true;
}

TestSuite(colours, .init = open_heap, .fini = teardown);

static size_t
offset(const char *p)
{
	return (uintptr_t)p % (size_t)sysconf(_SC_PAGESIZE);
}

/* Allocate n blocks of that size; returns at how many offsets they begin. */
static int
offsets_of(size_t size, int n)
{
	uint64_t seen = 0;

	for (int i = 0; i < n; i++) {
		char *p = get(size);

		cr_assert_eq(offset(p) % LINE, 0);
		cr_assert_geq(pages_heap_usable(&h, p), size);
		seen |= (uint64_t)1 << offset(p) / LINE;
	}
	return __builtin_popcountll(seen);
}

Test(colours, blocks_of_whole_pages_begin_at_as_many_offsets_as_there_are)
{
	cr_assert_eq(offsets_of(KIB(256), 16), 16);
}

Test(colours, so_do_blocks_of_other_sizes)
{
	cr_assert_eq(offsets_of(300001, 16), 16);
}

Test(colours, do_not_make_a_block_more_than_a_page_longer)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t size = MIB(1); size < MIB(1) + 9000; size += 500) {
		char *p = get(size);

		cr_assert_leq(stats().live_bytes, (size + page - 1) / page * page + page);
		pages_heap_free(&h, p);
	}
}

Test(colours, neighbours_keep_what_is_written_to_all_of_a_block)
{
	char *p[40];

	for (size_t i = 0; i < 40; i++) {
		p[i] = get(KIB(256) + i * 100);
		memset(p[i], (int)i + 1, pages_heap_usable(&h, p[i]));
	}
	for (size_t i = 0; i < 40; i++)
		for (size_t j = 0; j < pages_heap_usable(&h, p[i]); j++)
			cr_assert_eq(p[i][j], (int)i + 1);
}

Test(colours, are_not_for_those_who_ask_for_more_than_a_cache_line)
{
	for (size_t align = 128; align <= MIB(4); align *= 2)
		for (int i = 0; i < 4; i++) {
			char *p = pages_heap_alloc(&h, KIB(300), align, false);

			cr_assert_not_null(p);
			cr_assert_eq((uintptr_t)p % align, 0);
			if (i % 2 == 0)
				pages_heap_free(&h, p);	/* its place, and the front cache */
			else
				(void)get(KIB(300));
		}
}

/* What a front cache holds has a colour that was chosen for another request. */
Test(colours, of_a_freed_block_do_not_reach_an_aligned_one)
{
	for (int i = 0; i < 20; i++) {
		char *p = get(KIB(300));

		pages_heap_free(&h, p);
		p = pages_heap_alloc(&h, KIB(300), 4096, false);
		cr_assert_eq((uintptr_t)p % 4096, 0);
	}
}

Test(colours, of_a_temporary_stay)
{
	char *p = get(MIB(3)), *q;

	(void)get(KIB(256));
	for (int i = 0; i < 10; i++) {
		pages_heap_free(&h, p);
		q = get(MIB(3));
		cr_assert_eq(q, p);
	}
	cr_assert_leq(stats().fresh_bytes, MIB(4));
}

Test(colours, of_a_block_stay_when_it_grows_and_shrinks)
{
	for (int i = 0; i < 5; i++) {
		char *p = get(KIB(256) + 77), *lid = get(KIB(256)), *q;
		size_t at = offset(p);

		mark(p, KIB(256), 3);
		q = pages_heap_resize(&h, p, MIB(20), true);
		cr_assert_neq(q, p);
		cr_assert_eq(offset(q), at);
		cr_assert(is_marked(q, KIB(256), KIB(256), 3));
		memset(q, 1, MIB(20));
		cr_assert_eq(pages_heap_resize(&h, q, MIB(1), true), q);
		cr_assert_geq(pages_heap_usable(&h, q), MIB(1));
		pages_heap_free(&h, lid);
	}
}

Test(colours, a_block_of_its_usable_size_stays_as_it_is)
{
	for (int i = 0; i < 16; i++) {
		char *p = get(MIB(1) - 16 * (size_t)i);
		size_t usable = pages_heap_usable(&h, p);

		cr_assert_eq(pages_heap_resize(&h, p, usable, true), p);
		cr_assert_eq(pages_heap_usable(&h, p), usable);
	}
}

Test(colours, callocs_are_zero_where_others_were)
{
	for (int i = 0; i < 20; i++) {
		size_t size = KIB(256) + (size_t)i * 1000;
		char *p = get(size), *q;

		memset(p, 0xee, pages_heap_usable(&h, p));
		pages_heap_free(&h, p);
		q = pages_heap_alloc(&h, size, 1, true);
		cr_assert_not_null(q);
		for (size_t j = 0; j < size; j++)
			cr_assert_eq(q[j], 0);
	}
}

/* Its first unit was written to, the others are fresh and known to be zero. */
Test(colours, callocs_that_are_partly_known_to_be_zero_are_cleared_for_the_rest)
{
	for (int i = 0; i < 16; i++) {
		char *low = get(KIB(512)), *p = get(MIB(1)), *q;
		size_t low_size = pages_heap_usable(&h, low);

		memset(low, 0x11, low_size);
		memset(p, 0xee, pages_heap_usable(&h, p));
		pages_heap_free(&h, p);
		q = pages_heap_alloc(&h, MIB(5), 1, true);
		cr_assert_not_null(q);
		cr_assert_lt((size_t)(q - low), MIB(1), "not where p was");
		for (size_t j = 0; j < MIB(5); j++)
			cr_assert_eq(q[j], 0, "byte %zu", j);
		for (size_t j = 0; j < low_size; j++)
			cr_assert_eq(low[j], 0x11);
		cr_assert_lt(stats().cleared_bytes, (size_t)(i + 1) * MIB(4), "nothing was known");
		pages_heap_free(&h, low);
		pages_heap_free(&h, q);
		(void)pages_heap_trim(&h, 0);
	}
}

Test(colours, growth_to_powers_of_two_takes_no_more_room_than_the_block)
{
	for (size_t size = KIB(256); size <= MIB(64); size *= 2) {
		char *p = get(size), *lid = get(size);
		const struct pages_extent *e;

		p = pages_heap_resize(&h, p, 2 * size, true);
		cr_assert_not_null(p);
		e = &h.extents.node[pages_heap_find(&h, p, PAGES_EXTENT_LIVE)];
		/* Its units' last one is its own. */
		cr_assert_leq(e->count - e->used, e->used + pages_heap_unit_pages(&h));
		pages_heap_free(&h, lid);
		pages_heap_free(&h, p);
	}
}

/* Exactly: neither the page in which it begins, nor another line of it. */
static void
free_beside(ptrdiff_t by)
{
	char *p = get(KIB(256));

	while (offset(p) == 0)
		p = get(KIB(256));
	pages_heap_free(&h, p + by);
}

Test(colours, the_start_of_the_page_is_no_block, .signal = SIGABRT)
{
	char *p = get(KIB(256));

	while (offset(p) == 0)
		p = get(KIB(256));
	pages_heap_free(&h, p - offset(p));
}

Test(colours, the_next_line_is_no_block, .signal = SIGABRT)
{
	free_beside(LINE);
}

Test(colours, a_place_in_its_first_line_is_no_block, .signal = SIGABRT)
{
	free_beside(16);
}

Test(colours, are_none_where_the_options_say_so)
{
	h.options.colours = false;
	cr_assert_eq(offsets_of(KIB(256), 32), 1);
	cr_assert_eq(stats().live_bytes, 32 * KIB(256));
}
