/* SPDX-License-Identifier: MIT */
/*
 * heap_muzzy.c - free memory that was left to the kernel, when somebody gets it
 *
 * What the kernel writes through a pin does not make a page dirty, so a page that is
 * handed out must be dirty already.  MADV_PAGEOUT, where there is no swap, discards just
 * those pages that are not.
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

/* Longer than blocks live that are not marked when they are freed. */
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

/* Opens the heap, which then knows whether it leaves memory to the kernel. */
static void
setup_muzzy(void)
{
	setup();
	pages_heap_free(&h, get(MIB(1)));
	if (!h.marking || !takes_muzzy_pages())
		cr_skip_test("nothing is left to the kernel here, or it takes nothing");
}

/* Pages of [p, p + len) in use; what they hold at an offset says so, unless they are new. */
static size_t
count_filled(const char *p, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i + PAGE <= len; i += PAGE)
		n += p[i + 100] == FILL;
	return n;
}

/*
 * Of what a block was handed out with, as many pages are in use, at least, after the
 * kernel took what it may.
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
	/* And once more: what is noted about it is true of its second life. */
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

/* Two blocks share a unit that was muzzy: the second finds it handed out already. */
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

/* Small blocks are marked when enough have come together, by a sweep. */
MUZZY(what_a_sweep_has_marked)
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

/* One page in two is taken while it is free: what is left of a huge page is safe, or gone. */
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

/* Of a block that is partly locked the kernel marks the rest, and then says no. */
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
