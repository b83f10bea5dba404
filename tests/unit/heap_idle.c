/* SPDX-License-Identifier: MIT */
/*
 * heap_idle.c - tests that small requests purge what is kept, in small portions, and cost nothing
 * once nothing is
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "heap_support.h"
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
	bool any = true;

	burst();
	before = stats().kept_bytes;
	cr_assert_gt(before, MIB(150));
	for (int i = 0; i < 100 && any; i++) {
		usleep((INTERVAL_MS + 1) * 1000);
		any = pages_heap_tend_briefly(&h);
		kept = stats().kept_bytes;
		cr_assert_leq(before - kept, MIB(64));
		before = kept;
	}
	cr_assert_not(any);
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

/* ---- Where pages are small, and the kernel could not take what is kept ---- */

static size_t
resident_bytes_of_the_process(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	size_t size, pages = 0;

	cr_assert(f != NULL && fscanf(f, "%zu %zu", &size, &pages) == 2 && fclose(f) == 0);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void
open_with_small_pages(void)
{
	open_with(MIB(1024), 3600 * 1000);
	h.options.huge = false;
	burst();
	cr_assert_not(h.marking);
}

TestSuite(small_requests, .init = open_with_small_pages, .fini = teardown);

Test(small_requests, get_what_is_kept_and_exceeds_the_memory)
{
	size_t kept = stats().kept_bytes, now;

	h.units.resident_max = (resident_bytes_of_the_process() - MIB(64)) / PAGES_UNIT;
	pages_heap_make_room(&h, 1);
	now = stats().kept_bytes;
	cr_assert_geq(kept - now, MIB(60));
	cr_assert_leq(kept - now, MIB(70));
}

/* They have asked for much, but freed it, too. */
Test(small_requests, get_nothing_while_there_is_memory)
{
	size_t kept = stats().kept_bytes;

	h.units.resident_max = (resident_bytes_of_the_process() + MIB(64)) / PAGES_UNIT;
	for (int i = 0; i < 10; i++) {
		pages_heap_make_room(&h, MIB(200));
		cr_assert_leq(h.other_bytes, MIB(200));
	}
	cr_assert_eq(stats().kept_bytes, kept);
}

Test(an_idle_heap, leaves_to_the_kernel_what_is_marked)
{
	size_t kept;

	burst();
	if (!h.marking)
		cr_skip_test("nothing can be marked here");
	kept = stats().kept_bytes;
	h.units.resident_max = MIB(64) / PAGES_UNIT;
	pages_heap_make_room(&h, MIB(200));
	cr_assert_eq(stats().kept_bytes, kept);
}
