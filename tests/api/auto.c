/* SPDX-License-Identifier: MIT */
/*
 * auto.c - what spares a program care: PAGES_AUTO, loops over const vectors, results that
 * are not wanted
 */
#define PAGES_ENABLE_EXEC
#include "pages_support.h"

#include <pages/paged_vec.h>

static int dropped;

static void
count_drop(long *x)
{
	(void)x;
	dropped++;
}

PAGED_VEC(longs, long);
PAGED_VEC_OWNING(owned, long, count_drop, PAGED_VEC_NO_CLONE);

static const void *
open_and_leave(bool moved)
{
	PAGES_AUTO(pages_rw) w = {0};
	PAGES_AUTO(pages_ro) r = {0};
	const void *start;

	cr_assert_eq(pages_open(&w, 1), 0);
	start = pages_read(&w);
	if (moved)
		cr_assert_eq(pages_to_ro(&w, &r), 0);
	return start;
}

Test(automatic, handles_are_closed_at_the_end_of_their_block)
{
	cr_assert_eq(count_mappings(open_and_leave(false), page()), 0);
	cr_assert_eq(count_mappings(open_and_leave(true), page()), 0);
}

Test(automatic, vectors_are_freed_at_the_end_of_their_block)
{
	{
		PAGES_AUTO(owned) v = {0};

		for (long i = 0; i < 10; i++)
			cr_assert_eq(owned_push(&v, i), 0);
	}
	cr_assert_eq(dropped, 10);
}

Test(automatic, vectors_can_leave_their_block)
{
	struct owned kept;
	{
		PAGES_AUTO(owned) v = {0};

		cr_assert_eq(owned_push(&v, 7), 0);
		kept = owned_take(&v);
	}
	cr_assert_eq(dropped, 0);
	cr_assert_eq(*owned_at(&kept, 0), 7);
	owned_free(&kept);
	cr_assert_eq(dropped, 1);
}

static long
sum(const struct longs *v)
{
	long total = 0;

	PAGED_VEC_EACH(longs, x, v)
		total += *x;
	return total + PAGED_VEC_AT(longs, v, 0) - *longs_cat(v, 0);
}

Test(const_vectors, are_looped_over_and_indexed)
{
	struct longs v = {0};

	for (long i = 0; i < 100; i++)
		cr_assert_eq(longs_push(&v, i), 0);
	cr_assert_eq(sum(&v), 4950);
	PAGED_VEC_EACH(longs, x, &v)
		*x *= 2;
	PAGED_VEC_AT(longs, &v, 1) += 1;
	cr_assert_eq(sum(&v), 9901);
	longs_free(&v);
}

Test(const_vectors, end_the_process_beyond_the_end, .signal = SIGABRT)
{
	const struct longs v = {0};

	(void)PAGED_VEC_AT(longs, &v, 0);
}

Test(pop, drops_an_element_that_is_not_wanted)
{
	struct owned v = {0};

	cr_assert_eq(owned_push(&v, 1), 0);
	cr_assert_eq(owned_push(&v, 2), 0);
	cr_assert_eq(owned_pop(&v, NULL), 0);
	cr_assert_eq(dropped, 1);
	cr_assert_eq(owned_len(&v), 1);
	cr_assert_eq(*owned_at(&v, 0), 1);
	cr_assert_eq(owned_pop(&v, NULL), 0);
	cr_assert_eq(owned_pop(&v, NULL), -ERANGE);
	owned_free(&v);
	cr_assert_eq(dropped, 2);
}
