/* SPDX-License-Identifier: MIT */
/*
 * heap_forgets.c - tests that a heap whose options say so keeps nothing of what was freed, for a
 * core dump to show
 */
#include <criterion/criterion.h>

#include "heap_support.h"

enum { SECRET = 0x5e };

static void
open_heap(void)
{
	setup();
	h.options.forgets = true;
}

TestSuite(a_heap_that_forgets, .init = open_heap, .fini = teardown);

static char *
get_secret(size_t len)
{
	return memset(get(len), SECRET, len);
}

/* Free memory of the arena is mapped, and can be read as a debugger does. */
static bool
knows(const char *p, size_t len)
{
	return memchr(p, SECRET, len) != NULL;
}

Test(a_heap_that_forgets, keeps_nothing_of_a_block_that_shares_units)
{
	char *low = get_secret(700 << 10), *p = get_secret(900 << 10), *lid = get_secret(300 << 10);

	pages_heap_free(&h, p);
	cr_assert_not(knows(p, 900 << 10));
	cr_assert(knows(low + (700 << 10) - 1, 1) && knows(lid, 1));
	pages_heap_free(&h, lid);
	pages_heap_free(&h, low);
	cr_assert_not(knows(low, MIB(1)));
	cr_assert_eq(stats().kept_bytes, 0);
}

Test(a_heap_that_forgets, keeps_nothing_of_what_a_block_has_left)
{
	char *p = get_secret(MIB(5)), *lid = get_secret(MIB(5)), *q;

	q = pages_heap_resize(&h, p, MIB(20), true);
	cr_assert_neq(q, p);
	cr_assert(knows(q, 1) && knows(q + MIB(5) - 1, 1) && knows(lid, 1));
	cr_assert_not(knows(p, MIB(5)));
	memset(q, SECRET, MIB(20));
	cr_assert_eq(pages_heap_resize(&h, q, MIB(3) + 5000, true), q);
	cr_assert_not(knows(q + MIB(3) + 8192, MIB(16)));
	cr_assert(knows(q + MIB(3), 1));
}

Test(a_heap_that_forgets, keeps_nothing_of_a_calloc)
{
	for (int i = 0; i < 4; i++) {
		char *p = pages_heap_alloc(&h, MIB(24), 1, true);

		cr_assert(is_zero(p, MIB(24)));
		memset(p + MIB(7), SECRET, MIB(i == 3 ? 17 : 1));
		pages_heap_free(&h, p);
		cr_assert_not(knows(p, MIB(24)));
	}
	cr_assert(pages_heap_valid(&h));
}
