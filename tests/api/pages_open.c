/* SPDX-License-Identifier: MIT */
/*
 * pages_open.c - pages_open_with(): alignment, reserve, guards, huge pages
 */
#include "pages_support.h"

static bool
aligned(const void *p, size_t align)
{
	return (uintptr_t)p % align == 0;
}

/* ---- alignment ---- */

Test(alignment, holds_for_every_power_of_two)
{
	for (size_t align = 1; align <= MIB(1024); align *= 2) {
		struct pages_rw w = opened_with((struct pages_options){ .len = 5, .align = align });

		cr_assert(aligned(pages_read(&w), align), "%zu", align);
		cr_assert_eq(pages_len(&w), page());
		cr_assert_null(fault_of(pages_write(&w), true));
		pages_close(&w);
	}
}

Test(alignment, survives_every_resize)
{
	struct pages_rw w = opened_with((struct pages_options){ .len = page(), .align = MIB(2) });
	size_t len = page();

	fill(&w);
	for (int i = 0; i < 200; i++) {
		/* Something behind it, so that it cannot always stay. */
		struct pages_rw neighbour = opened(page());

		len = len < MIB(8) ? len * 2 : page();
		cr_assert_eq(pages_resize(&w, len), 0);
		cr_assert(aligned(pages_read(&w), MIB(2)));
		cr_assert(filled(pages_read(&w), page()));
		if (i % 2 == 0)
			pages_close(&neighbour);
	}
	pages_close(&w);
}

Test(alignment, that_is_no_power_of_two_is_refused)
{
	struct pages_options o = { .len = 1, .align = 3 * page() };
	struct pages_rw w = {0};

	cr_assert_eq(pages_open_with(&w, &o), -EINVAL);
	cr_assert_eq(pages_len(&w), 0);
}

Test(huge_pages, that_are_asked_for_by_true_are_refused)
{
	struct pages_options o = { .len = 1 };
	struct pages_rw w = {0};

	for (int i = 1; i < 5; i++) {
		o.huge = (enum pages_huge)i;
		cr_assert_eq(pages_open_with(&w, &o), -EINVAL);
	}
	o.huge = (enum pages_huge)(PAGES_HUGE_1G + 1);
	cr_assert_eq(pages_open_with(&w, &o), -EINVAL);
}

Test(alignment, beyond_the_address_space_is_no_memory)
{
	struct pages_options o = { .len = 1, .align = SIZE_MAX / 2 + 1 };
	struct pages_rw w = {0};

	if (sizeof(size_t) == 4)
		cr_skip_test("half of it may be free");
	cr_assert_eq(pages_open_with(&w, &o), -ENOMEM);
}

/* ---- guards ---- */

static void
expect_guards(struct pages_rw *w)
{
	char *first = pages_write(w), *end = first + pages_len(w);

	cr_assert_eq(fault_of(first - 1, false), first - 1);
	cr_assert_eq(fault_of(first - 1, true), first - 1);
	cr_assert_eq(fault_of(end, false), end);
	cr_assert_eq(fault_of(end, true), end);
	cr_assert_null(fault_of(first, true));
	cr_assert_null(fault_of(end - 1, true));
}

static void
expect_guards_through_life(struct pages_options o)
{
	struct pages_rw w = opened_with(o), w2 = {0};
	struct pages_none n = {0};
	struct pages_ro r = {0};

	expect_guards(&w);
	fill(&w);
	cr_assert_eq(pages_to_none(&w, &n), 0);
	cr_assert_eq(pages_to_ro(&n, &r), 0);
	cr_assert_eq(pages_to_rw(&r, &w2), 0);
	cr_assert(filled(pages_read(&w2), pages_len(&w2)));
	expect_guards(&w2);
	fill(&w2);
	cr_assert_eq(pages_resize(&w2, 9 * page()), 0);
	cr_assert(filled(pages_read(&w2), 4 * page()));
	cr_assert(all_zero((const char *)pages_read(&w2) + 4 * page(), 5 * page()));
	expect_guards(&w2);
	fill(&w2);
	cr_assert_eq(pages_resize(&w2, 2 * page()), 0);
	cr_assert(filled(pages_read(&w2), 2 * page()));
	expect_guards(&w2);
	fill(&w2);
	cr_assert_eq(pages_decommit(&w2, 0, 2 * page()), 0);
	cr_assert(all_zero(pages_read(&w2), 2 * page()));
	expect_guards(&w2);
	cr_assert_eq(pages_verify(&w2), 0);
	pages_close(&w2);
}

Test(guards, catch_one_byte_before_and_behind)
{
	expect_guards_through_life((struct pages_options){ .len = 4 * page(), .guards = true });
}

Test(guards, go_with_alignment)
{
	expect_guards_through_life((struct pages_options){ .len = 4 * page(), .guards = true,
							   .align = MIB(2) });
}

Test(guards, go_with_a_reserve)
{
	expect_guards_through_life((struct pages_options){ .len = 4 * page(), .guards = true,
							   .reserve = 9 * page() });
}

Test(guards, go_with_huge_pages)
{
	expect_guards_through_life((struct pages_options){ .len = 4 * page(), .guards = true,
							   .huge = PAGES_HUGE_TRANSPARENT });
}

Test(guards, go_away_with_the_pages)
{
	for (int i = 0; i < 2; i++) {
		struct pages_options o = { .len = 4 * page(), .guards = true,
					   .reserve = i == 0 ? 0 : 16 * page() };
		struct pages_rw w = opened_with(o);
		char *p = pages_write(&w);

		cr_assert_eq(pages_resize(&w, 8 * page()), 0);
		cr_assert_eq(pages_resize(&w, 6 * page()), 0);
		p = pages_write(&w);
		pages_close(&w);
		cr_assert_eq(count_mappings(p - page(), (i == 0 ? 8 : 18) * page()), 0);
	}
}

Test(guards, cost_no_mapping_where_the_kernel_can_mark_pages)
{
	struct pages_rw w = opened_with((struct pages_options){ .len = 4 * page(), .guards = true });
	const char *p = pages_read(&w);
	size_t mappings = count_mappings(p - page(), 6 * page());

	pages_close(&w);
	cr_assert(mappings == 1 || mappings == 3, "%zu", mappings);
	if (mappings == 3)
		cr_skip_test("no light guards here");
}

/* ---- reserve ---- */

Test(a_reserve, is_grown_into_without_moving)
{
	struct pages_options o = { .len = page(), .reserve = MIB(64) };
	struct pages_rw w = opened_with(o);
	const void *start = pages_read(&w);

	fill(&w);
	for (size_t len = 2 * page(); len <= MIB(64); len *= 2) {
		cr_assert_eq(pages_resize(&w, len), 0);
		cr_assert_eq(pages_read(&w), start);
		cr_assert_null(fault_of((char *)pages_write(&w) + len - 1, true));
	}
	cr_assert(filled(start, page()));
	pages_close(&w);
}

Test(a_reserve, ends_where_it_was_said_to)
{
	struct pages_options o = { .len = page(), .reserve = 4 * page() };
	struct pages_rw w = opened_with(o);

	cr_assert_eq(pages_resize(&w, 4 * page()), 0);
	cr_assert_eq(pages_resize(&w, 4 * page() + 1), -ERANGE);
	cr_assert_eq(pages_len(&w), 4 * page());
	pages_close(&w);
}

Test(a_reserve, is_inaccessible)
{
	struct pages_options o = { .len = page(), .reserve = 4 * page() };
	struct pages_rw w = opened_with(o);
	const char *p = pages_read(&w);

	cr_assert_eq(fault_of(p + page(), false), p + page());
	cr_assert_eq(pages_resize(&w, 3 * page()), 0);
	cr_assert_null(fault_of(p + page(), true));
	cr_assert_eq(pages_resize(&w, page()), 0);
	cr_assert_eq(fault_of(p + page(), false), p + page());
	pages_close(&w);
	cr_assert_eq(count_mappings(p, 4 * page()), 0);
}

Test(a_reserve, is_zero_again_when_it_was_cut_off)
{
	struct pages_options o = { .len = 8 * page(), .reserve = 8 * page() };
	struct pages_rw w = opened_with(o);

	fill(&w);
	cr_assert_eq(pages_resize(&w, 2 * page()), 0);
	cr_assert_eq(pages_resize(&w, 8 * page()), 0);
	cr_assert(filled(pages_read(&w), 2 * page()));
	cr_assert(all_zero((const char *)pages_read(&w) + 2 * page(), 6 * page()));
	pages_close(&w);
}

/* 16 GiB on a machine that need not have them: then they cannot all be used. */
Test(a_reserve, costs_nothing_but_address_space)
{
	struct pages_options o = { .len = page(), .reserve = sizeof(size_t) == 8 ? MIB(16384) : MIB(256) };
	struct pages_rw w = {0};
	int err = pages_open_with(&w, &o);

	if (err == -ENOMEM)
		cr_skip_test("address space is limited here");
	cr_assert_eq(err, 0);
	err = pages_resize(&w, o.reserve);
	if (err == -ENOMEM) {	/* more than this kernel promises to one mapping */
		cr_assert_eq(pages_len(&w), page());
		cr_assert_eq(pages_resize(&w, MIB(256)), 0);
	} else {
		cr_assert_eq(err, 0);
	}
	cr_assert_null(fault_of((char *)pages_write(&w) + pages_len(&w) - 1, true));
	pages_close(&w);
}

Test(a_reserve, below_the_length_is_refused)
{
	struct pages_options o = { .len = 3 * page(), .reserve = page() };
	struct pages_rw w = {0};

	cr_assert_eq(pages_open_with(&w, &o), -EINVAL);
}

/* ---- huge pages ---- */

Test(huge_pages, that_are_transparent_start_at_2_mib)
{
	struct pages_options o = { .len = MIB(4), .huge = PAGES_HUGE_TRANSPARENT };
	struct pages_rw w = opened_with(o);

	cr_assert(aligned(pages_read(&w), MIB(2)));
	cr_assert_eq(pages_len(&w), MIB(4));
	cr_assert_eq(pages_page_size(&w), page());
	pages_close(&w);
}

Test(huge_pages, of_the_pool_come_from_it_or_are_transparent)
{
	const enum pages_huge sizes[] = { PAGES_HUGE_2M, PAGES_HUGE_1G };

	for (int i = 0; i < 2; i++) {
		struct pages_options o = { .len = MIB(2), .huge = sizes[i] };
		struct pages_rw w = opened_with(o);
		size_t unit = pages_page_size(&w);

		cr_assert(unit == page() || unit == (i == 0 ? MIB(2) : MIB(1024)));
		cr_assert_eq(pages_len(&w) % unit, 0);
		cr_assert(aligned(pages_read(&w), MIB(2)));
		cr_assert_null(fault_of(pages_write(&w), true));
		cr_assert_eq(pages_verify(&w), 0);
		pages_close(&w);
	}
}

Test(huge_pages, of_the_pool_keep_what_the_core_promises)
{
	struct pages_options o = { .len = 1, .huge = PAGES_HUGE_2M };
	struct pages_rw w = opened_with(o);
	struct pages_ro r = {0};
	size_t unit = pages_page_size(&w);

	if (unit == page()) {
		pages_close(&w);
		cr_skip_test("the hugetlb pool is empty");
	}
	cr_assert_eq(pages_len(&w), unit);
	PAGES_AT(char, &w, 0) = 1;
	cr_assert_eq(pages_decommit(&w, 0, unit / 2), 0);
	cr_assert_eq(PAGES_AT(char, &w, 0), 1);
	cr_assert_eq(pages_decommit(&w, 0, unit), 0);
	cr_assert_eq(PAGES_AT(char, &w, 0), 0);
	cr_assert_eq(pages_prefault(&w, 0, unit), 0);
	cr_assert_eq(pages_resize(&w, 2 * unit), -EOPNOTSUPP);
	PAGES_AT(char, &w, 5) = 5;
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(PAGES_AT(char, &r, 5), 5);
	pages_close(&r);
}

/* ---- wishes ---- */

Test(wishes, that_exclude_each_other_are_refused)
{
	const struct pages_options refused[] = {
		{ .len = 0 },
		{ .len = SIZE_MAX, .guards = false, .label = "[x]" },
		{ .len = 1, .reserve = MIB(4), .huge = PAGES_HUGE_2M },
		{ .len = 1, .reserve = MIB(4), .shared = true },
		{ .len = 1, .huge = PAGES_HUGE_1G, .shared = true },
		{ .len = 1, .guards = true, .shared = true },
		{ .len = 1, .guards = true, .huge = PAGES_HUGE_2M },
		{ .len = 1, .align = MIB(1), .shared = true },
		{ .len = 1, .huge = (enum pages_huge)77 },
		{ .len = 1, .label = "a [bracket]" },
		{ .len = 1, .label = "0123456789012345678901234567890123456789"
				     "0123456789012345678901234567890123456789" },
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct pages_rw w = {0};
		int err = pages_open_with(&w, &refused[i]);

		cr_assert(err == -EINVAL || (i == 1 && err == -ENOMEM), "%zu: %d", i, err);
		cr_assert_eq(pages_len(&w), 0);
	}
}

Test(wishes, that_overflow_are_no_memory)
{
	const struct pages_options refused[] = {
		{ .len = SIZE_MAX },
		{ .len = PTRDIFF_MAX, .guards = true },
		{ .len = 1, .reserve = SIZE_MAX },
		{ .len = 1, .reserve = PTRDIFF_MAX, .guards = true, .align = MIB(2) },
		{ .len = PTRDIFF_MAX, .huge = PAGES_HUGE_1G },
		{ .len = SIZE_MAX - page() + 1, .guards = true },
		{ .len = SIZE_MAX - page() + 1, .align = MIB(2) },
		{ .len = SIZE_MAX - page() + 1, .shared = true },
	};

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct pages_rw w = {0};

		cr_assert_eq(pages_open_with(&w, &refused[i]), -ENOMEM, "%zu", i);
		cr_assert_eq(pages_len(&w), 0);
	}
}

Test(wishes, are_not_for_a_live_handle)
{
	struct pages_options o = { .len = page() };
	struct pages_rw w = opened(page());
	const void *p = pages_read(&w);

	cr_assert_eq(pages_open_with(&w, &o), -EBUSY);
	cr_assert_eq(pages_read(&w), p);
	pages_close(&w);
}
