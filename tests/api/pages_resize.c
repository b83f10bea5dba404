/* SPDX-License-Identifier: MIT */
/*
 * pages_resize.c - resize, decommit and prefault of plain pages
 */
#include "pages_support.h"

Test(resize, keeps_the_contents_when_growing_and_adds_zeroes)
{
	struct pages_rw w = opened(4 * page());

	fill(&w);
	cr_assert_eq(pages_resize(&w, 1024 * page()), 0);
	cr_assert(filled(pages_read(&w), 4 * page()));
	cr_assert(all_zero((const char *)pages_read(&w) + 4 * page(), 1020 * page()));
	pages_close(&w);
}

Test(resize, keeps_the_contents_when_shrinking)
{
	struct pages_rw w = opened(64 * page());

	fill(&w);
	cr_assert_eq(pages_resize(&w, 3 * page()), 0);
	cr_assert(filled(pages_read(&w), 3 * page()));
	pages_close(&w);
}

Test(resize, gives_back_what_it_cuts_off)
{
	struct pages_rw w = opened(4 * page());
	char *p = pages_write(&w);

	cr_assert_eq(pages_resize(&w, page()), 0);
	p = p == (char *)pages_write(&w) ? p + page() : p;
	cr_assert_eq(fault_of(p, false), p);
	pages_close(&w);
}

Test(resize, rounds_the_length_up_to_pages)
{
	struct pages_rw w = opened(page());

	cr_assert_eq(pages_resize(&w, 0x1234 + 4 * page()), 0);
	cr_assert_eq(pages_len(&w) % page(), 0);
	cr_assert_geq(pages_len(&w), 0x1234 + 4 * page());
	cr_assert_lt(pages_len(&w), 0x1234 + 5 * page());
	cr_assert_null(fault_of(&PAGES_AT(char, &w, pages_len(&w) - 1), true));
	cr_assert_eq(pages_resize(&w, 1), 0);
	cr_assert_eq(pages_len(&w), page());
	pages_close(&w);
}

Test(a_failed_resize, keeps_the_handle)
{
	struct pages_rw w = opened(2 * page());
	void *p = pages_write(&w);

	fill(&w);
	cr_assert_eq(pages_resize(&w, unseen(0)), -EINVAL);
	cr_assert_eq(pages_resize(&w, unseen(SIZE_MAX)), -ENOMEM);
	cr_assert_eq(pages_resize(&w, TOO_MUCH), -ENOMEM);
	cr_assert_eq(pages_write(&w), p);
	cr_assert_eq(pages_len(&w), 2 * page());
	cr_assert(filled(p, 2 * page()));
	pages_close(&w);
}

Test(decommit, gives_memory_back_and_leaves_zeroes)
{
	struct pages_rw w = opened(64 * page());
	const char *p = pages_read(&w);

	unsetenv("PAGES_DISABLE");
	if (!kernel_discards())
		cr_skip_test("the kernel does not discard pages here");
	fill(&w);
	cr_assert_eq(pages_decommit(&w, 8 * page(), 32 * page()), 0);
	cr_assert_eq(resident(p + 8 * page(), 32 * page()), 0);
	cr_assert(all_zero(p + 8 * page(), 32 * page()));
	pages_close(&w);
}

Test(decommit, leaves_the_rest_alone)
{
	struct pages_rw w = opened(8 * page());
	const unsigned char *p = pages_read(&w);

	fill(&w);
	cr_assert_eq(pages_decommit(&w, page(), page()), 0);
	cr_assert(filled(p, page()));
	for (size_t i = 2 * page(); i < 8 * page(); i++)
		cr_assert_eq(p[i], pattern(i));
	pages_close(&w);
}

Test(decommit, rounds_the_range_inward)
{
	struct pages_rw w = opened(4 * page());
	const unsigned char *p = pages_read(&w);

	fill(&w);
	cr_assert_eq(pages_decommit(&w, 1, 3 * page() - 2), 0);
	cr_assert(filled(p, page()));
	cr_assert(all_zero(p + page(), page()));
	for (size_t i = 2 * page(); i < 4 * page(); i++)
		cr_assert_eq(p[i], pattern(i));
	pages_close(&w);
}

Test(decommit, of_less_than_a_page_does_nothing)
{
	struct pages_rw w = opened(2 * page());

	fill(&w);
	cr_assert_eq(pages_decommit(&w, 0, page() - 1), 0);
	cr_assert_eq(pages_decommit(&w, 1, page()), 0);
	cr_assert_eq(pages_decommit(&w, page() - 1, 2), 0);
	cr_assert_eq(pages_decommit(&w, 2 * page(), 0), 0);
	cr_assert(filled(pages_read(&w), 2 * page()));
	pages_close(&w);
}

Test(decommit, refuses_a_range_past_the_end)
{
	struct pages_rw w = opened(2 * page());

	fill(&w);
	cr_assert_eq(pages_decommit(&w, 0, 2 * page() + 1), -ERANGE);
	cr_assert_eq(pages_decommit(&w, 2 * page() + 1, 0), -ERANGE);
	cr_assert_eq(pages_decommit(&w, page(), unseen(SIZE_MAX)), -ERANGE);
	cr_assert_eq(pages_decommit(&w, SIZE_MAX - page() + 1, 2 * page()), -ERANGE);
	cr_assert(filled(pages_read(&w), 2 * page()));
	pages_close(&w);
}

Test(decommit, leaves_zeroes_where_the_kernel_cannot)
{
	struct pages_rw w;
	const unsigned char *p;

	setenv("PAGES_DISABLE", "discard", 1);
	w = opened(4 * page());
	p = pages_read(&w);
	fill(&w);
	cr_assert_eq(pages_decommit(&w, page(), 2 * page() + 1), 0);
	cr_assert(filled(p, page()));
	cr_assert(all_zero(p + page(), 2 * page()));
	cr_assert_eq(p[3 * page()], pattern(3 * page()));
	pages_close(&w);
}

Test(prefault, makes_every_page_present)
{
	struct pages_rw w = opened(64 * page());

	cr_assert_eq(resident(pages_read(&w), 64 * page()), 0);
	cr_assert_eq(pages_prefault(&w, 0, pages_len(&w)), 0);
	cr_assert_eq(resident(pages_read(&w), 64 * page()), 64);
	pages_close(&w);
}

Test(prefault, includes_pages_that_the_range_only_touches)
{
	struct pages_rw w = opened(64 * page());
	const char *p = pages_read(&w);

	cr_assert_eq(pages_prefault(&w, 8 * page() - 1, 2), 0);
	cr_assert_eq(resident(p + 7 * page(), 2 * page()), 2);
	pages_close(&w);
}

Test(prefault, keeps_the_contents)
{
	struct pages_rw w = opened(4 * page());

	fill(&w);
	cr_assert_eq(pages_prefault(&w, 0, 4 * page()), 0);
	cr_assert(filled(pages_read(&w), 4 * page()));
	pages_close(&w);
}

Test(prefault, refuses_a_range_past_the_end)
{
	struct pages_rw w = opened(2 * page());

	cr_assert_eq(pages_prefault(&w, 0, 2 * page() + 1), -ERANGE);
	cr_assert_eq(pages_prefault(&w, 2 * page() + 1, 0), -ERANGE);
	cr_assert_eq(pages_prefault(&w, 1, unseen(SIZE_MAX)), -ERANGE);
	cr_assert_eq(pages_prefault(&w, 2 * page(), 0), 0);
	cr_assert_eq(resident(pages_read(&w), 2 * page()), 0);
	pages_close(&w);
}

Test(prefault, works_where_the_kernel_cannot)
{
	struct pages_rw w;
	const char *p;

	setenv("PAGES_DISABLE", "populate", 1);
	w = opened(64 * page());
	p = pages_read(&w);
	PAGES_AT(char, &w, 20 * page()) = 9;
	cr_assert_eq(pages_prefault(&w, 16 * page() + 1, 31 * page()), 0);
	cr_assert_eq(resident(p + 16 * page(), 32 * page()), 32);
	cr_assert_eq(PAGES_AT(char, &w, 20 * page()), 9);
	PAGES_AT(char, &w, 20 * page()) = 0;
	cr_assert(all_zero(p, pages_len(&w)));
	pages_close(&w);
}
