/* SPDX-License-Identifier: MIT */
/*
 * pages_mistakes.c - errno, and mistakes that only show at run time
 */
#include "pages_support.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* ---- conventions ---- */

Test(errno_value, survives_success)
{
	struct pages_rw w = {0};
	struct pages_ro r = {0};

	errno = 1234;
	cr_assert_eq(pages_open(&w, 4 * page()), 0);
	cr_assert_eq(pages_resize(&w, 8 * page()), 0);
	cr_assert_eq(pages_prefault(&w, 0, page()), 0);
	cr_assert_eq(pages_decommit(&w, 0, page()), 0);
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	pages_close(&r);
	cr_assert_eq(errno, 1234);
}

Test(errno_value, survives_failure)
{
	struct pages_rw w = opened(page());
	struct pages_ro r = {0};

	unmap(pages_write(&w), page());
	errno = 1234;
	cr_assert_eq(pages_to_ro(&w, &r), -ENOMEM);
	cr_assert_neq(pages_resize(&w, 2 * page()), 0);
	pages_close(&w);
	cr_assert_eq(pages_open(&w, TOO_MUCH), -ENOMEM);
	cr_assert_eq(errno, 1234);
}

/* What stands in for the kernel's advice touches the pages: that has no errors to tell. */
Test(errno_value, survives_failure_of_advice)
{
	struct pages_rw w = opened(page());
	void *p = pages_write(&w);

	unsetenv("PAGES_DISABLE");
	cr_assert_eq(munmap(p, page()), 0);
	if (madvise(p, page(), MADV_DONTNEED) == 0 ||
	    madvise(p, page(), MADV_POPULATE_WRITE) == 0 || errno != ENOMEM)
		cr_skip_test("advice does not fail here");
	errno = 1234;
	cr_assert_eq(pages_prefault(&w, 0, page()), -ENOMEM);
	cr_assert_eq(pages_decommit(&w, 0, page()), -ENOMEM);
	cr_assert_eq(errno, 1234);
}

/* ---- mistakes that only show at run time ---- */

static void
write_through_a_moved_handle(void)
{
	struct pages_rw w = opened(1);
	struct pages_ro r = {0};

	if (pages_to_ro(&w, &r) != 0)
		_exit(1);
	FORGET(w);
	*(char *)pages_write(&w) = 1;
}

static void
move_an_empty_handle(void)
{
	struct pages_rw w = {0};
	struct pages_ro r = {0};

	FORGET(w);
	_exit(pages_to_ro(&w, &r));
}

static void
resize_an_empty_handle(void)
{
	struct pages_rw w = {0};

	FORGET(w);
	_exit(pages_resize(&w, 1));
}

static void
index_an_element_too_many(void)
{
	struct pages_rw w = opened(1);

	PAGES_AT(char, &w, page() * 16) = 1;
}

static void
index_a_partial_element(void)
{
	struct seven { char c[7]; };
	struct pages_rw w = opened(1);

	PAGES_AT(struct seven, &w, page() / 7).c[0] = 1;
}

static void
index_negatively(void)
{
	struct pages_rw w = opened(1);
	int i = -1;

	PAGES_AT(char, &w, i) = 1;
}

static void
take_code_past_the_end(void)
{
	struct pages_rw w = opened(1);
	struct pages_rx x = {0};

	if (pages_to_rx(&w, &x) == 0)
		PAGES_FN(&x, pages_len(&x), void(void))();
}

#define EMPTY "empty handle (not opened, closed, or moved by a transition)"

Test(an_empty_handle, ends_the_process_when_accessed)
{
	assert_last_words(write_through_a_moved_handle, "pages_write", EMPTY);
}

Test(an_empty_handle, ends_the_process_when_moved)
{
	assert_last_words(move_an_empty_handle, "pages_to_ro", EMPTY);
}

Test(an_empty_handle, ends_the_process_when_resized)
{
	assert_last_words(resize_an_empty_handle, "pages_resize", EMPTY);
}

Test(an_index_out_of_range, ends_the_process)
{
	char want[128];

	snprintf(want, sizeof(want), "%zu is out of range, there are %zu",
		 page() * 16, page());
	assert_last_words(index_an_element_too_many, "PAGES_AT", want);
}

Test(an_index_out_of_range, includes_the_last_partial_element)
{
	char want[128];

	snprintf(want, sizeof(want), "%zu is out of range, there are %zu",
		 page() / 7, page() / 7);
	assert_last_words(index_a_partial_element, "PAGES_AT", want);
}

Test(an_index_out_of_range, includes_negative_ones)
{
	char want[128];

	snprintf(want, sizeof(want), "%zu is out of range, there are %zu",
		 SIZE_MAX, page());
	assert_last_words(index_negatively, "PAGES_AT", want);
}

Test(a_code_offset_out_of_range, ends_the_process)
{
	char want[128];

	snprintf(want, sizeof(want), "%zu is out of range, there are %zu",
		 page(), page());
	assert_last_words(take_code_past_the_end, "PAGES_FN", want);
}
