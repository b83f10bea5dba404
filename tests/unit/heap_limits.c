/* SPDX-License-Identifier: MIT */
/*
 * heap_limits.c - tests of the heap in a process that uses more than its limits allow
 *
 * A limit can be lowered below what is in use.  From then on the kernel refuses every new
 * mapping, including the one that would close the hole left by a refused move.
 */
#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "heap/heap.h"
#include "limit.h"
#include "support/support.h"

enum { BLOCKS = 12 };

static struct pages_heap h;
static char *block[BLOCKS];

/* Free every second block of a row: 48 MiB are free, but no piece is larger than 8 MiB. */
static void
open_and_fragment(void)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;

	if (getenv("SANITIZED") != NULL)
		cr_skip_test("sanitizers need memory of their own");
	SKIP_WITHOUT_A_HEAP();
	o.arena_max = MIB(1024);
	o.retain_ms = 3600 * 1000;
	pages_heap_configure(&h, &o);
	for (int i = 0; i < BLOCKS; i++) {
		block[i] = pages_heap_alloc(&h, MIB(8), 1, false);
		cr_assert_not_null(block[i]);
		mark(block[i], MIB(8), (uint64_t)i);
	}
	for (int i = 0; i < BLOCKS; i += 2) {
		pages_heap_free(&h, block[i]);
		block[i] = NULL;
	}
}

static void
check_and_close(void)
{
	cr_assert(pages_heap_valid(&h));
	for (int i = 0; i < BLOCKS; i++)
		cr_assert(block[i] == NULL || is_marked(block[i], MIB(8), MIB(8), (uint64_t)i));
	pages_heap_close(&h);
}

static struct rlimit
lower(int resource)
{
	struct rlimit was, low;

	cr_assert_eq(getrlimit((__rlimit_resource_t)resource, &was), 0);
	low = (struct rlimit){ MIB(1), was.rlim_max };
	cr_assert_eq(setrlimit((__rlimit_resource_t)resource, &low), 0);
	return was;
}

static const int resources[] = { RLIMIT_AS, RLIMIT_DATA };

/* Write and read all of a block; the request may have been refused. */
static void
use(char *p, size_t len)
{
	if (p == NULL)
		return;
	mark(p, len, 77);
	cr_assert(is_marked(p, len, len, 77));
}

Test(a_heap_over_its_limits, hands_out_no_holes)
{
	for (size_t i = 0; i < 2; i++) {
		struct rlimit was;

		open_and_fragment();
		was = lower(resources[i]);
		for (int k = 0; k < 12; k++)
			use(pages_heap_alloc(&h, MIB(20), 1, k % 2), MIB(20));
		restore(resources[i], was);
		check_and_close();
	}
}

Test(a_heap_over_its_limits, grows_no_block_into_a_hole)
{
	for (size_t i = 0; i < 2; i++) {
		struct rlimit was;
		char *p, *q;

		open_and_fragment();
		p = pages_heap_alloc(&h, MIB(9), 1, false);
		mark(p, MIB(9), 5);
		was = lower(resources[i]);
		q = pages_heap_resize(&h, p, MIB(20), true);
		p = q != NULL ? q : p;
		cr_assert(is_marked(p, MIB(9), MIB(9), 5));
		use(p, q != NULL ? MIB(20) : MIB(9));
		restore(resources[i], was);
		check_and_close();
	}
}

Test(a_heap_over_its_limits, moves_no_block_into_a_hole)
{
	for (size_t i = 0; i < 2; i++) {
		struct rlimit was;
		char *q;

		open_and_fragment();
		was = lower(resources[i]);
		q = pages_heap_resize(&h, block[3], MIB(20), true);
		if (q != NULL) {
			block[3] = NULL;
			cr_assert(is_marked(q, MIB(8), MIB(8), 3));
		}
		use(q, MIB(20));
		restore(resources[i], was);
		check_and_close();
	}
}

Test(a_heap_over_its_limits, works_on_when_it_is_not_any_more)
{
	for (size_t i = 0; i < 2; i++) {
		struct rlimit was;
		char *p;

		open_and_fragment();
		was = lower(resources[i]);
		use(pages_heap_alloc(&h, MIB(20), 1, false), MIB(20));
		(void)pages_heap_trim(&h, 0);
		restore(resources[i], was);
		p = pages_heap_alloc(&h, MIB(40), 1, true);
		if (p == NULL)
			SKIP_IF_RESERVED(h);
		cr_assert_not_null(p);
		cr_assert(is_zero(p, MIB(40)));
		use(p, MIB(40));
		check_and_close();
	}
}

/* Locked memory cannot be discarded; with MCL_FUTURE new mappings are locked, too. */
Test(a_heap_over_its_limits, gives_back_what_is_locked)
{
	char *p;

	open_and_fragment();
	if (mlockall(MCL_FUTURE) != 0 || mlock(block[1], MIB(8)) != 0)
		cr_skip_test("memory cannot be locked here");
	p = pages_heap_alloc(&h, MIB(20), 1, false);
	cr_assert_not_null(p);
	use(p, MIB(20));
	pages_heap_free(&h, p);
	pages_heap_free(&h, block[1]);
	block[1] = NULL;
	(void)pages_heap_trim(&h, 0);
	p = pages_heap_alloc(&h, MIB(30), 1, true);
	cr_assert(is_zero(p, MIB(30)));
	use(p, MIB(30));
	munlockall();
	check_and_close();
}

/* A block in the middle of units that cannot grow where it is; all that is mapped is in use. */
static char *
fence_in(size_t len)
{
	char *p, *q;

	open_and_fragment();
	q = pages_heap_alloc(&h, len, 1, false);
	p = pages_heap_alloc(&h, len, 1, false);
	block[0] = pages_heap_alloc(&h, MIB(9), 1, false);
	cr_assert(q != NULL && p != NULL && block[0] != NULL);
	mark(p, len, 99);
	mark(block[0], MIB(8), 0);
	pages_heap_free(&h, q);
	(void)pages_heap_release_space(&h, SIZE_MAX);
	return p;
}

static void
move_at_limit(int resource, size_t left)
{
	char *p = fence_in(MIB(101)), *q;
	struct rlimit was;

	SKIP_IF_RESERVED(h);
	was = leave(resource, left);
	q = pages_heap_resize(&h, p, MIB(121), true);
	restore(resource, was);
	cr_assert_not_null(q, "with %zu MiB left", left / MIB(1));
	cr_assert_neq(q, p, "it need not have moved");
	cr_assert(is_marked(q, MIB(101), MIB(101), 99));
	use(q, MIB(121));
	pages_heap_free(&h, q);
	check_and_close();
}

/* With 112 MiB left the place for what is there can be mapped, but not that for the rest. */
Test(a_heap_at_its_limits, moves_a_block_without_space_for_two)
{
	for (size_t i = 0; i < 2; i++) {
		move_at_limit(resources[i], MIB(30));
		move_at_limit(resources[i], MIB(112));
	}
}

Test(a_heap_at_its_limits, leaves_a_block_alone_that_it_cannot_move)
{
	for (size_t i = 0; i < 2; i++) {
		char *p = fence_in(MIB(101));
		struct rlimit was = leave(resources[i], MIB(8));

		/* There is space for what it grows by, but not for the move. */
		cr_assert_null(pages_heap_resize(&h, p, MIB(109), true));
		restore(resources[i], was);
		cr_assert(is_marked(p, MIB(101), MIB(101), 99));
		use(p, MIB(101));
		pages_heap_free(&h, p);
		check_and_close();
	}
}

/* A request that no machine could serve is no reason to give up a reserved arena. */
Test(a_heap_without_limits, keeps_its_arena_when_it_releases_space)
{
	open_and_fragment();
	for (int i = 0; i < BLOCKS; i++)
		if (block[i] != NULL)
			pages_heap_free(&h, block[i]);
	if (pages_os_address_limit() != SIZE_MAX)
		cr_skip_test("there is a limit");
	(void)pages_heap_release_space(&h, SIZE_MAX);
	block[0] = pages_heap_alloc(&h, MIB(500), 1, false);
	cr_assert_not_null(block[0]);
	pages_heap_free(&h, block[0]);
	pages_heap_close(&h);
}
