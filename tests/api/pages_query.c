/* SPDX-License-Identifier: MIT */
/*
 * pages_query.c - what the kernel says about pages: query, verify, resident
 */
#include "pages_support.h"

Test(query, finds_the_mapping_of_every_type)
{
	struct pages_rw w = opened(4 * page());
	struct pages_none n = {0};
	struct pages_ro r = {0};
	struct pages_rx x = {0};
	struct pages_mapping m;

	cr_assert_eq(pages_query(&w, &m), 0);
	cr_assert((const char *)m.start <= (const char *)pages_read(&w));
	cr_assert((const char *)m.start + m.len >= (const char *)pages_read(&w) + 4 * page());
	cr_assert(m.can_read && m.can_write && !m.can_exec && !m.shared);
	cr_assert_eq(pages_to_none(&w, &n), 0);
	cr_assert_eq(pages_query(&n, &m), 0);
	cr_assert(!m.can_read && !m.can_write && !m.can_exec);
	cr_assert_eq(pages_to_ro(&n, &r), 0);
	cr_assert_eq(pages_query(&r, &m), 0);
	cr_assert(m.can_read && !m.can_write && !m.can_exec);
	cr_assert_eq(pages_to_rx(&r, &x), 0);
	cr_assert_eq(pages_query(&x, &m), 0);
	cr_assert(m.can_read && !m.can_write && m.can_exec);
	pages_close(&x);
}

Test(query, knows_any_address)
{
	struct pages_mapping m;
	static int variable;
	char local = 0;

	SKIP_IF_EMULATED("it shows a part of the mappings");
	cr_assert_eq(pages_query_address(&variable, &m), 0);
	cr_assert(m.can_write);
	cr_assert_eq(pages_query_address(&local, &m), 0);
	cr_assert(m.can_write);
	cr_assert_eq(pages_query_address((const void *)(uintptr_t)&pages_query_address, &m), 0);
	cr_assert(m.can_exec && !m.can_write);
	cr_assert_neq(m.name[0], '\0');
}

Test(query, of_a_hole_is_a_fault)
{
	struct pages_mapping m = { .len = 77 };
	struct pages_rw w = opened(4 * page());
	const void *p = pages_read(&w);

	pages_close(&w);
	cr_assert_eq(pages_query_address(p, &m), -EFAULT);
	cr_assert_eq(pages_query_address(NULL, &m), -EFAULT);
	cr_assert_eq(pages_query_address((const void *)UINTPTR_MAX, &m), -EFAULT);
	cr_assert_eq(m.len, 77);
}

/* ---- verify ---- */

Test(verify, agrees_with_every_type)
{
	struct pages_rw w = opened(4 * page());
	struct pages_none n = {0};
	struct pages_ro r = {0};
	struct pages_rx x = {0};

	cr_assert_eq(pages_verify(&w), 0);
	cr_assert_eq(pages_to_none(&w, &n), 0);
	cr_assert_eq(pages_verify(&n), 0);
	cr_assert_eq(pages_to_ro(&n, &r), 0);
	cr_assert_eq(pages_verify(&r), 0);
	cr_assert_eq(pages_to_rx(&r, &x), 0);
	cr_assert_eq(pages_verify(&x), 0);
	pages_close(&x);
}

Test(verify, sees_what_was_done_behind_the_back)
{
	struct pages_rw w = opened(8 * page());
	char *p = pages_write(&w);

	cr_assert_eq(mprotect(p + 5 * page(), page(), PROT_READ), 0);
	cr_assert_eq(pages_verify(&w), -EACCES);
	cr_assert_eq(mprotect(p + 5 * page(), page(), PROT_READ | PROT_WRITE), 0);
	cr_assert_eq(pages_verify(&w), 0);
	cr_assert_eq(munmap(p + 7 * page(), page()), 0);
	cr_assert_eq(pages_verify(&w), -EFAULT);
	pages_close(&w);
}

Test(verify, sees_that_a_guard_is_gone)
{
	struct pages_rw w = opened_with((struct pages_options){ .len = 2 * page(), .guards = true });
	char *p = pages_write(&w);
	bool light = count_mappings(p - page(), 4 * page()) == 1;

	cr_assert_eq(pages_verify(&w), 0);
	if (light)
		cr_assert_eq(madvise(p + 2 * page(), page(), 103 /* MADV_GUARD_REMOVE */), 0);
	else
		cr_assert_eq(mprotect(p + 2 * page(), page(), PROT_READ), 0);
	cr_assert_eq(pages_verify(&w), -EACCES);
	pages_close(&w);
}

/* ---- residency ---- */

/* The runs that the iteration finds, as "offset+len " in pages. */
static void
runs(const struct pages_rw *w, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	for (struct pages_range r = {0}; pages_resident(w, &r) == 0 && r.len != 0 && n < size;)
		n += (size_t)snprintf(buf + n, size - n, "%zu+%zu ", r.offset / page(),
				      r.len / page());
}

Test(residency, is_a_run_for_each_part_that_was_touched)
{
	struct pages_rw w = opened_with((struct pages_options){ .len = 3000 * page(),
								.huge = PAGES_HUGE_NEVER });
	char got[256];

	SKIP_IF_EMULATED("mincore counts the host's pages");
	runs(&w, got, sizeof(got));
	cr_assert_str_eq(got, "");
	cr_assert_eq(pages_prefault(&w, 5 * page(), 3 * page()), 0);
	cr_assert_eq(pages_prefault(&w, 1000 * page(), 1500 * page()), 0);
	cr_assert_eq(pages_prefault(&w, 2999 * page(), page()), 0);
	runs(&w, got, sizeof(got));
	cr_assert_str_eq(got, "5+3 1000+1500 2999+1 ");
	if (disabled("discard"))
		cr_skip_test("nothing is given back here");
	cr_assert_eq(pages_decommit(&w, 1100 * page(), page()), 0);
	cr_assert_eq(pages_decommit(&w, 2999 * page(), page()), 0);
	runs(&w, got, sizeof(got));
	cr_assert_str_eq(got, "5+3 1000+100 1101+1399 ");
	pages_close(&w);
}

Test(residency, refuses_a_range_outside)
{
	struct pages_rw w = opened(2 * page());
	struct pages_range r = { 0, 3 * page() };

	cr_assert_eq(pages_resident(&w, &r), -EINVAL);
	r = (struct pages_range){ SIZE_MAX, page() };
	cr_assert_eq(pages_resident(&w, &r), -EINVAL);
	r = (struct pages_range){ 1, page() };
	cr_assert_eq(pages_resident(&w, &r), -EINVAL);
	r = (struct pages_range){ 0, 2 * page() };
	cr_assert_eq(pages_resident(&w, &r), 0);
	cr_assert_eq(r.len, 0);
	pages_close(&w);
}
