/* SPDX-License-Identifier: MIT */
/*
 * heap_idle.c - tests that small requests purge what is kept, in small portions, and cost nothing
 * once nothing is
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>

#include "heap_support.h"
#include "os/bits.h"
#include "preload/idle.h"

enum { INTERVAL_MS = 20, BLOCKS = 10, STEPS = 20000 };

static struct pages_next next;

static void *
realloc_of_none(size_t size)
{
	return pages_next_realloc(&next, NULL, size);
}

static void *
calloc_of_one(size_t size)
{
	return pages_next_calloc(&next, 1, size);
}

static void *
plain_malloc(size_t size)
{
	return pages_next_malloc(&next, size);
}

static void
open_heap(void)
{
	setup();
	h.options.retain_ms = INTERVAL_MS * 7 / 2;
	next = (struct pages_next){ malloc, calloc, realloc, free, NULL };
	pages_idle_prepare(&h, &next);
	pages_idle_enable();
}

TestSuite(an_idle_heap, .init = open_heap, .fini = teardown);

static bool
is_plain(void)
{
	return next.malloc == malloc && next.calloc == calloc && next.realloc == realloc;
}

static void
burst(void)
{
	char *p[BLOCKS];

	for (int i = 0; i < BLOCKS; i++)
		p[i] = memset(get(MIB(20)), 1, MIB(20));
	for (int i = 0; i < BLOCKS; i++) {
		pages_heap_free(&h, p[i]);
		pages_idle_notify();
	}
}

Test(an_idle_heap, is_purged_in_portions)
{
	uint64_t kept, before;
	enum pages_tended tended = PAGES_TENDED_SOME;

	burst();
	before = stats().kept_bytes;
	cr_assert_gt(before, MIB(150));
	for (int i = 0; i < 100 && tended != PAGES_TENDED_ALL; i++) {
		usleep((INTERVAL_MS + 1) * 1000);
		tended = pages_heap_tend_briefly(&h);
		kept = stats().kept_bytes;
		cr_assert_leq(before - kept, MIB(64));
		before = kept;
	}
	cr_assert_eq(tended, PAGES_TENDED_ALL);
	cr_assert_eq(before, 0);
}

static void
be_idle(void *(*request)(size_t))
{
	cr_assert(is_plain());
	pages_idle_notify();	/* as if a large block were freed; but nothing is kept */
	cr_assert_not(is_plain());
	burst();
	cr_assert_not(is_plain());
	for (int i = 0; i < STEPS && !is_plain(); i++) {
		errno = 1234;
		free(request(10));
		cr_assert_eq(errno, 1234);
		if (i % 10 == 0)
			usleep(1000);
	}
	cr_assert_eq(stats().kept_bytes, 0);
	cr_assert(is_plain());
}

Test(an_idle_heap, is_purged_by_small_mallocs)
{
	be_idle(plain_malloc);
	be_idle(plain_malloc);
}

Test(an_idle_heap, is_purged_by_small_callocs)
{
	be_idle(calloc_of_one);
}

Test(an_idle_heap, is_purged_by_small_reallocs)
{
	be_idle(realloc_of_none);
}

/* What is freed and used again is warm. */
Test(an_idle_heap, is_not_purged_early)
{
	h.options.retain_ms = 3600 * 1000;
	burst();
	for (int i = 0; i < 3000; i++) {
		free(plain_malloc(10));
		if (i % 10 == 0)
			usleep(1000);
	}
	cr_assert_not(is_plain());
	cr_assert_gt(stats().kept_bytes, MIB(150));
}

static size_t
muzzy_bytes(void)
{
	return pages_bits_count(h.units.muzzy_bits, 0, h.units.count) * PAGES_UNIT;
}

/* Small pages are not marked when they are freed, but before small requests could need them. */
Test(an_idle_heap, has_small_pages_marked)
{
	size_t units = 0;

	teardown();
	open_with(MIB(1024), 3600 * 1000);
	h.options.huge = false;
	pages_heap_free(&h, get(MIB(1)));	/* opens it */
	if (h.marking == PAGES_MARKS_NEVER)
		cr_skip_test("nothing can be marked here");
	cr_assert_eq(h.marking, PAGES_MARKS_IF_IDLE);
	h.units.resident_max = MIB(256) / PAGES_UNIT;
	burst();
	cr_assert_lt(muzzy_bytes(), MIB(1));
	while (pages_heap_tend_briefly(&h) == PAGES_TENDED_LITTLE)
		units++;
	cr_assert_geq(units, MIB(150) / MIB(64));
	cr_assert_gt(muzzy_bytes(), MIB(150));
}

/* A little does no harm, and what is used again soon would have to be unmarked. */
Test(an_idle_heap, has_few_small_pages_left_alone)
{
	teardown();
	open_with(MIB(1024), 3600 * 1000);
	h.options.huge = false;
	pages_heap_free(&h, get(MIB(1)));
	h.units.resident_max = MIB(16 * 256) / PAGES_UNIT;
	burst();
	cr_assert_eq(pages_heap_tend_briefly(&h), PAGES_TENDED_SOME);
	cr_assert_lt(muzzy_bytes(), MIB(1));
}
