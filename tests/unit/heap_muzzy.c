/* SPDX-License-Identifier: MIT */
/*
 * heap_muzzy.c - tests that muzzy memory is ordinary memory again when it gets its next owner
 *
 * The kernel can write to a pinned page without making it dirty.  So a page must be dirty when it
 * is handed out.  MADV_PAGEOUT without swap discards exactly the pages that are not dirty.
 */
#include "heap_support.h"

#include <linux/mman.h>
#include <time.h>

#ifndef MADV_COLD
#define MADV_COLD 20
#endif
#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

#define PAGE 4096
enum { FILL = 7 };

/* After this time blocks are marked when they are freed. */
static void
live_long(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 30 * 1000 * 1000 }, NULL);
}

static char *
get_filled(size_t len)
{
	char *p = get(len);

	memset(p, FILL, len);
	return p;
}

static bool
takes_muzzy_pages(void)
{
	char *p = mmap(NULL, MIB(1), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool taken;

	memset(p, FILL, MIB(1));
	taken = madvise(p, MIB(1), MADV_FREE) == 0 && madvise(p, MIB(1), MADV_PAGEOUT) == 0 &&
		is_zero(p, MIB(1));
	munmap(p, MIB(1));
	return taken;
}

/* The first request opens the heap, which finds out whether it can mark memory. */
static void
setup_muzzy(void)
{
	setup();
	pages_heap_free(&h, get(MIB(1)));
	if (!h.marking || !takes_muzzy_pages())
		cr_skip_test("nothing is left to the kernel here, or it takes nothing");
}

/* How many pages of [p, p + len) still have the contents from get_filled(). */
static size_t
count_filled(const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i + PAGE <= len; i += PAGE)
		n += p[i + 100] == FILL;
	return n;
}

/*
 * At least so many bytes of the new block are reused memory, and all of that survives when the
 * kernel takes what it may.
 */
static void
expect_safe(char *p, size_t len, size_t at_least)
{
	size_t before = count_filled(p, len);

	cr_assert_geq(before, at_least / PAGE, "not what was freed: %zu pages of it", before);
	cr_assert_eq(madvise(p, len / PAGE * PAGE, MADV_PAGEOUT), 0);
	cr_assert_eq(count_filled(p, len), before, "%zu of %zu pages are lost",
		     before - count_filled(p, len), before);
}

#define MUZZY(name)                 \
	static void name(void);     \
	Test(muzzy, name)           \
	{                           \
		setup_muzzy();      \
		name();             \
		teardown();         \
	}                           \
	static void name(void)

MUZZY(a_block_that_is_asked_for_again)
{
	char *p = get_filled(MIB(8));

	live_long();
	pages_heap_free(&h, p);
	cr_assert_eq(get(MIB(8)), p);
	expect_safe(p, MIB(8), MIB(8));
	/* Once more: the note must be right for the second owner, too. */
	live_long();
	pages_heap_free(&h, p);
	cr_assert_eq(get(MIB(8)), p);
	expect_safe(p, MIB(8), MIB(8));
	pages_heap_free(&h, p);
}

MUZZY(a_shorter_block_in_its_place)
{
	char *p = get_filled(MIB(24));

	live_long();
	pages_heap_free(&h, p);
	p = get(MIB(15) + 5000);
	expect_safe(p, MIB(15), MIB(15));
	pages_heap_free(&h, p);
}

MUZZY(a_longer_block_in_its_place)
{
	char *p = get_filled(MIB(24));

	live_long();
	pages_heap_free(&h, p);
	p = get(MIB(31) + 5000);
	expect_safe(p, MIB(31), MIB(24));
	pages_heap_free(&h, p);
}

/* Small blocks share a muzzy unit: it is unmarked when the first of them gets it. */
MUZZY(small_blocks_that_share_it)
{
	enum { N = 40 };
	char *p = get_filled(MIB(8)), *lid = get(MIB(1)), *q[N];
	size_t inside = 0;

	live_long();
	pages_heap_free(&h, p);
	for (int i = 0; i < N; i++) {
		q[i] = get(KIB(300));
		expect_safe(q[i], KIB(300), 0);
		inside += q[i] >= p && q[i] < lid;
	}
	cr_assert_geq(inside, 20);
	for (int i = 0; i < N; i++)
		pages_heap_free(&h, q[i]);
	pages_heap_free(&h, lid);
}

MUZZY(a_block_that_grows_into_it)
{
	char *p = get_filled(MIB(4)), *q = get_filled(MIB(16)), *lid = get(MIB(1));

	cr_assert_eq(q, p + MIB(4));
	live_long();
	pages_heap_free(&h, q);
	cr_assert_eq(pages_heap_resize(&h, p, MIB(17), true), p);
	expect_safe(p, MIB(17), MIB(17));
	pages_heap_free(&h, p);
	pages_heap_free(&h, lid);
}

MUZZY(units_that_are_moved)
{
	char *p = get_filled(MIB(16)), *lid = get(MIB(1)), *q;

	live_long();
	pages_heap_free(&h, p);
	q = get(MIB(40));		/* does not fit where p was */
	cr_assert(q > lid);
	if (stats().moved_bytes == 0)
		cr_skip_test("nothing is moved here");
	expect_safe(q, MIB(40), MIB(14));
	pages_heap_free(&h, q);
	pages_heap_free(&h, lid);
}

/* The units of small blocks are marked by a purge, once enough are dirty. */
MUZZY(what_a_purge_has_marked)
{
	enum { N = 24 };
	char *p[N], *lid = get(KIB(300)), *q;

	for (int i = 0; i < N; i++)
		p[i] = get_filled(MIB(1));
	for (int i = 0; i < N; i++)
		pages_heap_free(&h, p[i]);
	pages_heap_free(&h, get(MIB(100)));
	q = get(MIB(20));
	expect_safe(q, MIB(20), MIB(1));	/* more where memory moves */
	pages_heap_free(&h, q);
	pages_heap_free(&h, lid);
}

MUZZY(huge_pages_that_were_split)
{
	char *p = get_filled(MIB(16));

	cr_assert_eq(madvise(p + MIB(5), PAGE, MADV_COLD), 0);
	live_long();
	pages_heap_free(&h, p);
	cr_assert_eq(madvise(p + MIB(9), PAGE, MADV_COLD), 0);
	cr_assert_eq(get(MIB(16)), p);
	expect_safe(p, MIB(16), MIB(16));
	pages_heap_free(&h, p);
}

/* The kernel takes every second page: the rest of the huge page is dirty again, or dropped. */
MUZZY(what_the_kernel_has_taken_in_part)
{
	char *p = get_filled(MIB(16));

	live_long();
	pages_heap_free(&h, p);
	for (size_t i = 0; i < MIB(6); i += 2 * PAGE)
		cr_assert_eq(madvise(p + i, PAGE, MADV_PAGEOUT), 0);
	cr_assert_eq(get(MIB(16)), p);
	expect_safe(p, MIB(16), MIB(8));
	pages_heap_free(&h, p);
}

/* How much of what is free the kernel could not take. */
static size_t
firm(void)
{
	size_t muzzy = 0;

	for (size_t i = 0; i < h.units.count; i++)
		muzzy += h.units.muzzy_bits[i / 64] >> i % 64 & 1;
	return stats().kept_bytes - muzzy * PAGES_UNIT;
}

/* A block of a moment makes all its memory dirty, if it was muzzy, and leaves it so. */
MUZZY(what_was_had_again_for_a_moment_only)
{
	char *p = get_filled(MIB(200));

	live_long();
	pages_heap_free(&h, p);
	pages_heap_free(&h, get(MIB(100)));
	pages_heap_free(&h, get(MIB(150)));
	pages_heap_tend(&h);
	cr_assert_leq(firm(), MIB(32), "%zu MiB are firm", firm() >> 20);
}

MUZZY(the_rest_of_a_block_that_shrinks)
{
	char *p = get_filled(MIB(200));

	live_long();
	cr_assert_eq(pages_heap_resize(&h, p, MIB(2), true), p);
	pages_heap_tend(&h);
	cr_assert_leq(firm(), MIB(32), "%zu MiB are firm", firm() >> 20);
	pages_heap_free(&h, p);
}

MUZZY(what_the_kernel_has_taken_stays_away)
{
	char *p = get_filled(MIB(32));

	live_long();
	pages_heap_free(&h, p);
	cr_assert_eq(madvise(p, MIB(32), MADV_PAGEOUT), 0);
	cr_assert_eq(get(MIB(32)), p);
	cr_assert_leq(resident(p, MIB(32)), MIB(2));
	pages_heap_free(&h, p);
}

MUZZY(what_was_never_written_to_costs_nothing)
{
	char *p = get(MIB(64));

	live_long();
	p[MIB(33)] = 1;
	pages_heap_free(&h, p);
	cr_assert_eq(get(MIB(64)), p);
	cr_assert_leq(resident(p, MIB(64)), MIB(4));
	pages_heap_free(&h, p);
}

MUZZY(blocks_that_their_owner_has_protected)
{
	char *p = get_filled(MIB(16)), *q;

	live_long();
	cr_assert_eq(mprotect(p + MIB(4), MIB(8), PROT_NONE), 0);
	cr_assert_eq(mprotect(p + MIB(14), MIB(1), PROT_READ), 0);
	pages_heap_free(&h, p);
	q = get_filled(MIB(16));
	cr_assert_eq(q, p);
	pages_heap_free(&h, q);
}

/* In a block that is partly locked the kernel marks some pages, and then MADV_FREE fails. */
MUZZY(blocks_that_their_owner_has_locked_in_part)
{
	char *p = get_filled(MIB(16));

	live_long();
	if (mlock(p + MIB(8), MIB(2)) != 0)
		cr_skip_test("nothing can be locked here");
	pages_heap_free(&h, p);
	cr_assert_eq(get(MIB(16)), p);
	munlock(p + MIB(8), MIB(2));
	expect_safe(p, MIB(16), MIB(2));
	pages_heap_free(&h, p);
}
