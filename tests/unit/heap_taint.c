/* SPDX-License-Identifier: MIT */
/*
 * heap_taint.c - tests of tainted pages: what the program has told the kernel about a block ends
 * with it, exactly there, and the heap's books know
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "heap_support.h"

enum { SYS_MSEAL = 462 };

static size_t page;

static void
open_heap(void)
{
	setup();
	page = (size_t)sysconf(_SC_PAGESIZE);
}

TestSuite(a_tainted_block, .init = open_heap, .fini = teardown);

static void
freeze(char *p, size_t len)
{
	pages_heap_taint(&h, p, len);
	cr_assert_eq(mprotect(p, len, PROT_READ), 0);
}

/* Write to all of a block, which must be possible. */
static void
use(char *p, size_t len)
{
	memset(p, 0x5a, len);
}

Test(a_tainted_block, is_ordinary_memory_for_its_next_owner)
{
	for (size_t size = MIB(1); size <= MIB(16); size *= 4) {
		char *p = get(size);

		use(p, size);
		freeze(p, size);
		pages_heap_free(&h, p);
		cr_assert_eq(get(size), p, "the place is still the best");
		use(p, size);
		pages_heap_free(&h, p);
	}
}

/* Neighbours share its units: only its own tainted pages are mapped anew. */
Test(a_tainted_block, is_cleaned_and_nothing_else)
{
	char *low = get(300 << 10), *p = get(500 << 10), *lid = get(300 << 10);

	use(low, 300 << 10);
	use(p, 500 << 10);
	use(lid, 300 << 10);
	freeze(p + 2 * page, page);
	freeze(lid, page);
	pages_heap_free(&h, p);
	cr_assert_eq(get(500 << 10), p);
	cr_assert_eq(p[0], 0x5a, "pages that were not tainted keep what they have");
	cr_assert_eq(p[2 * page], 0);
	use(p, 500 << 10);
	cr_assert_eq(low[(300 << 10) - 1], 0x5a);
	cr_assert_eq(lid[0], 0x5a);
	cr_assert_eq(mprotect(lid, page, PROT_READ | PROT_WRITE), 0);
}

Test(a_tainted_block, may_be_told_of_wherever_the_range_begins_and_ends)
{
	char *p = get(MIB(3)), *base = h.arena.base;

	pages_heap_taint(&h, NULL, SIZE_MAX);
	pages_heap_taint(&h, base - 1, 1);
	pages_heap_taint(&h, base + h.arena.len, page);
	pages_heap_taint(&h, p + 1, 0);
	pages_heap_taint(&h, p, SIZE_MAX);
	pages_heap_taint(&h, (char *)UINTPTR_MAX, 2);
	use(p, MIB(3));
	pages_heap_free(&h, p);
	p = pages_heap_alloc(&h, MIB(3), 1, true);
	cr_assert(is_zero(p, MIB(3)));
	pages_heap_free(&h, p);
}

/* Its units may be several mappings now, and a move takes only one. */
Test(a_tainted_block, leaves_no_unit_whose_move_is_refused)
{
	char *lid, *p, *q;

	for (int i = 0; i < 20; i++) {
		p = get(MIB(9));
		lid = get(MIB(1) / 2);
		use(p, MIB(9));
		use(lid, MIB(1) / 2);
		freeze(p + MIB(3) + 3 * page, MIB(2));
		freeze(p, page);
		pages_heap_free(&h, p);
		q = get(MIB(5) + (size_t)i * MIB(1));
		use(q, MIB(5));
		pages_heap_free(&h, lid);
		pages_heap_free(&h, q);
	}
	cr_assert_eq(stats().refused_moves, 0);
}

Test(a_tainted_block, is_copied_when_it_grows_elsewhere)
{
	char *p = get(MIB(6)), *lid = get(MIB(6)), *q;

	use(p, MIB(6));
	freeze(p + MIB(2), MIB(1));
	q = pages_heap_resize(&h, p, MIB(30), true);
	cr_assert_not_null(q);
	cr_assert_neq(q, p);
	for (size_t i = 0; i < MIB(6); i += page)
		cr_assert_eq(q[i], 0x5a);
	use(q, MIB(30));
	cr_assert_eq(stats().copied_bytes, MIB(6));
	pages_heap_free(&h, q);
	pages_heap_free(&h, lid);
}

Test(a_tainted_block, gives_back_a_clean_tail)
{
	char *p = get(MIB(8)), *q;

	use(p, MIB(8));
	freeze(p + MIB(3), MIB(5));
	cr_assert_eq(pages_heap_resize(&h, p, MIB(3) + page, true), p);
	q = get(MIB(4));
	use(q, MIB(4));
	cr_assert_eq(p[MIB(3)], 0x5a, "what is not cut off stays as it is");
	pages_heap_free(&h, q);
	pages_heap_free(&h, p);
}

/* Nothing can be mapped over a sealed range: nobody may have it any more. */
Test(a_tainted_block, is_lost_if_the_kernel_refuses_to_clean_it)
{
	char *p = get(MIB(5)), *q;

	use(p, MIB(5));
	freeze(p + page, MIB(1));
	if (syscall(SYS_MSEAL, p + page, MIB(1), 0UL) != 0) {
		pages_heap_free(&h, p);
		cr_skip_test("the kernel does not know mseal");
	}
	/* A tail that cannot be cleaned stays. */
	cr_assert_eq(pages_heap_resize(&h, p, page, true), p);
	cr_assert_eq(pages_heap_usable(&h, p), MIB(5));
	pages_heap_free(&h, p);
	cr_assert_eq(h.lost, MIB(5) / page);
	cr_assert(pages_heap_valid(&h));
	for (int i = 0; i < 10; i++) {
		q = get(MIB(1) << (i % 4));
		cr_assert(q + (MIB(1) << (i % 4)) <= p || q >= p + MIB(5));
		use(q, MIB(1) << (i % 4));
	}
}

/* Free memory. ------------------------------------------------------------ */

/* Free memory of each kind: cached, kept, muzzy, absent, and edges of units. */
static void
leave_free_memory(char **ret_start, char **ret_end)
{
	char *p[8];

	for (int i = 0; i < 8; i++)
		use(p[i] = get(MIB(3)), MIB(3));
	usleep(20000);	/* long enough to be marked */
	for (int i = 0; i < 8; i++)
		pages_heap_free(&h, p[i]);
	*ret_start = p[0];
	*ret_end = p[7] + MIB(3);
}

/* One call for a range that goes on behind a block, or for all that /proc/self/maps shows. */
Test(a_tainted_block, is_not_made_of_free_memory_that_was_tainted)
{
	static const size_t sizes[] = { MIB(3), MIB(1), MIB(7), MIB(2) + 5000, MIB(20), 300 << 10 };
	char *start, *end, *p;

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
			leave_free_memory(&start, &end);
			pages_heap_taint(&h, start, (size_t)(end - start));
			mprotect(start, (size_t)(end - start), round == 0 ? PROT_NONE : PROT_READ);
			p = get(sizes[i]);
			use(p, sizes[i]);
			p = pages_heap_resize(&h, p, sizes[i] + MIB(4), true);
			cr_assert_not_null(p);
			use(p, sizes[i] + MIB(4));
			pages_heap_free(&h, p);
			p = pages_heap_alloc(&h, MIB(9), 1, true);
			cr_assert(is_zero(p, MIB(9)));
			use(p, MIB(9));
			pages_heap_free(&h, p);
			cr_assert(pages_heap_valid(&h));
		}
		pages_heap_trim(&h, 0);
	}
}

Test(a_tainted_block, takes_nothing_of_its_neighbour_along)
{
	char *start, *end, *p, *lid;
	int status;

	leave_free_memory(&start, &end);
	pages_heap_taint(&h, start, (size_t)(end - start));
	cr_assert_eq(madvise(start, (size_t)(end - start), MADV_WIPEONFORK), 0);
	lid = get(MIB(64));
	p = get(MIB(40));
	mark(p, MIB(40), 5);
	mark(lid, MIB(64), 6);
	if (fork() == 0)
		_exit(is_marked(p, MIB(40), MIB(40), 5) && is_marked(lid, MIB(64), MIB(64), 6) ? 0 : 1);
	wait(&status);
	cr_assert_eq(status, 0, "a block in the child has lost its contents");
}

Test(a_tainted_block, does_not_grow_where_its_new_pages_would_be_tainted)
{
	char *p = get(MIB(2)), *q;

	use(p, MIB(2));
	freeze(p, page);
	q = pages_heap_resize(&h, p, MIB(5), true);
	cr_assert_neq(q, p);
	use(q, MIB(5));
	pages_heap_taint(&h, q + MIB(5), MIB(4));	/* free memory behind it */
	(void)mprotect(q + MIB(5), MIB(4), PROT_READ);
	p = pages_heap_resize(&h, q, MIB(8), true);
	use(p, MIB(8));
}
