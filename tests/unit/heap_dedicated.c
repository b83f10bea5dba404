/* SPDX-License-Identifier: MIT */
/*
 * heap_dedicated.c - tests of dedicated blocks among ordinary ones: their contents, the heap's
 * books, and that the advice for a block never reaches the next owner of its addresses
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/caps.h"
#include "heap/heap.h"
#include "support/add_up.h"
#include "support/flags.h"
#include "support/support.h"

enum { BLOCKS = 24, STEPS = 1500 };

static struct pages_heap h;

static const struct pages_dedicated no_dump = {
	PAGES_DEDICATED_ADVICE(PAGES_OS_DONT_DUMP), PAGES_DEDICATED_ADVICE(PAGES_OS_DONT_DUMP)
};
static const struct pages_dedicated no_fork = {
	PAGES_DEDICATED_ADVICE(PAGES_OS_DONT_FORK) | PAGES_DEDICATED_ADVICE(PAGES_OS_NO_HUGE),
	PAGES_DEDICATED_ADVICE(PAGES_OS_DONT_FORK)
};

static void
open_heap(void)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;

	SKIP_WITHOUT_A_HEAP();
	o.arena_max = MIB(512);
	pages_heap_configure(&h, &o);
}

static void
check(int step)
{
	struct pages_stats st;
	const char *wrong;

	cr_assert(pages_heap_valid(&h), "step %d", step);
	pages_heap_stats(&h, &st);
	wrong = what_does_not_add_up(&st);
	cr_assert_null(wrong, "step %d: %s", step, wrong);
}

static void
close_heap(void)
{
	check(-1);
	pages_heap_close(&h);
}

static char *
get_dedicated(size_t size, struct pages_dedicated wish)
{
	void *p;

	cr_assert_eq(pages_heap_alloc_dedicated(&h, size, 1, wish, &p), 0);
	return p;
}

static const char *const any_flag[] = {
	" dd", " dc", " nh", " wf", " sr", " rr", " mg", " ht", NULL
};

static size_t
flagged_in_arena(void)
{
	return flagged(h.arena.base, h.units.mapped_end * PAGES_UNIT, any_flag);
}

Test(dedicated, blocks_have_whole_units_of_their_own)
{
	char *p, *q, *r;

	open_heap();
	p = pages_heap_alloc(&h, KIB(300), 1, false);
	q = get_dedicated(KIB(300), no_dump);
	r = pages_heap_alloc(&h, KIB(300), 1, false);
	cr_assert_eq((uintptr_t)q % MIB(2), 0);
	cr_assert(p >= q + MIB(2) || p + KIB(300) <= q);
	cr_assert(r >= q + MIB(2) || r + KIB(300) <= q);
	cr_assert(pages_heap_is_dedicated(&h, q) && !pages_heap_is_dedicated(&h, p));
	cr_assert(!pages_heap_is_dedicated(&h, q + MIB(1)));
	cr_assert_geq(pages_heap_usable(&h, q), KIB(300));
	cr_assert_lt(pages_heap_usable(&h, q), MIB(2));
	close_heap();
}

Test(dedicated, blocks_are_zero_wherever_they_come_to_lie)
{
	char *p, *q;

	open_heap();
	p = pages_heap_alloc(&h, MIB(60), 1, false);
	memset(p, 7, MIB(60));
	pages_heap_free(&h, p);
	(void)pages_heap_alloc(&h, MIB(1), 1, false);
	q = get_dedicated(MIB(40), no_dump);
	cr_assert(is_zero(q, MIB(40)));
	memset(q, 7, MIB(40));
	pages_heap_free(&h, q);
	p = pages_heap_alloc(&h, MIB(200), 1, true);
	cr_assert(is_zero(p, MIB(200)));
	close_heap();
}

Test(dedicated, flags_are_there_and_are_gone_after_the_free)
{
	static const char *const dump[] = { " dd", NULL }, *const fork[] = { " dc", NULL };
	char *p, *q;

	open_heap();
	p = get_dedicated(MIB(5), no_dump);
	q = get_dedicated(MIB(3), no_fork);
	cr_assert_eq(flagged(p, MIB(6), dump), MIB(6));
	cr_assert_eq(flagged(q, MIB(4), fork), MIB(4));
	cr_assert_eq(flagged(h.arena.base, h.units.mapped_end * PAGES_UNIT, dump), MIB(6));
	pages_heap_free(&h, p);
	pages_heap_free(&h, q);
	cr_assert_eq(flagged_in_arena(), 0);
	cr_assert_eq(count_mappings(h.arena.base, h.units.mapped_end * PAGES_UNIT), 1);
	close_heap();
}

Test(dedicated, flags_grow_and_move_along)
{
	static const char *const dump[] = { " dd", NULL };
	char *p, *wall, *q;
	struct pages_stats st;

	open_heap();
	p = get_dedicated(MIB(3), no_dump);
	mark(p, MIB(3), 1);
	cr_assert(pages_heap_expand_dedicated(&h, p, MIB(9)));
	cr_assert_eq(flagged(p, MIB(10), dump), MIB(10));
	cr_assert(is_zero(p + MIB(4), MIB(5)));
	wall = get_dedicated(MIB(1), no_fork);
	if (wall != p + MIB(10))
		cr_skip_test("the wall is elsewhere");
	cr_assert_not(pages_heap_expand_dedicated(&h, p, MIB(21)));
	q = pages_heap_resize_dedicated(&h, p, MIB(21), true);
	cr_assert_neq(q, p);
	cr_assert(is_marked(q, MIB(3), MIB(3), 1));
	cr_assert_eq(flagged(q, MIB(22), dump), MIB(22));
	cr_assert_eq(flagged(p, MIB(10), any_flag), 0);
	pages_heap_stats(&h, &st);
	if (pages_can(PAGES_CAP_MOVE))
		cr_assert_eq(st.copied_bytes, 0);
	cr_assert_eq(pages_heap_resize_dedicated(&h, q, MIB(1), true), q);
	cr_assert_eq(flagged(q, MIB(22), dump), MIB(2));
	pages_heap_free(&h, q);
	pages_heap_free(&h, wall);
	cr_assert_eq(flagged_in_arena(), 0);
	close_heap();
}

Test(dedicated, advice_stays_with_the_block_until_it_is_taken_back)
{
	static const char *const random[] = { " rr", NULL };
	const struct pages_dedicated plain = { 0, 0 };
	char *p;

	open_heap();
	p = get_dedicated(MIB(3), plain);
	cr_assert_eq(flagged_in_arena(), 0);
	cr_assert_eq(pages_heap_advise_dedicated(&h, p, PAGES_OS_RANDOM), 0);
	cr_assert(pages_heap_expand_dedicated(&h, p, MIB(20)));
	cr_assert_eq(flagged(p, MIB(20), random), MIB(20));
	cr_assert_eq(pages_heap_advise_dedicated(&h, p, PAGES_OS_NORMAL), 0);
	cr_assert(pages_heap_expand_dedicated(&h, p, MIB(40)));
	cr_assert_eq(flagged_in_arena(), 0);
	close_heap();
}

Test(dedicated, wishes_may_fail_and_musts_may_not)
{
	struct pages_dedicated pool = { PAGES_DEDICATED_POOL, 0 };
	void *p;

	open_heap();
	p = get_dedicated(MIB(5), pool);		/* the pool may be empty, or not */
	memset(p, 1, MIB(5));
	cr_assert_eq(pages_heap_alloc_dedicated(&h, MIB(600), 1, no_dump, &p), -ENOMEM);
	cr_assert_eq(pages_heap_alloc_dedicated(&h, PTRDIFF_MAX, 1, no_dump, &p), -ENOMEM);
	cr_assert_eq(pages_heap_alloc_dedicated(&h, 1, (size_t)1 << 62, no_dump, &p), -ENOMEM);
	cr_assert_eq(pages_heap_alloc_dedicated(&h, 1, MIB(64), no_dump, &p), 0);
	cr_assert_eq((uintptr_t)p % MIB(64), 0);
	close_heap();
}

struct block {
	char *p;
	size_t len;
	uint64_t owner;
	bool dedicated;
};

static void
take(struct block *b, size_t len, uint64_t how)
{
	void *p = NULL;

	b->dedicated = how % 3 == 0;
	if (!b->dedicated)
		p = pages_heap_alloc(&h, len, 1, false);
	else if (pages_heap_alloc_dedicated(&h, len, how % 2 == 0 ? 1 : MIB(4),
					how % 5 == 0 ? no_fork : no_dump, &p) != 0)
		p = NULL;
	b->p = p;
}

static bool
resize(struct block *b, size_t len, bool keep)
{
	char *p;

	if (b->dedicated)
		p = pages_heap_resize_dedicated(&h, b->p, len, keep);
	else
		p = pages_heap_resize(&h, b->p, len, keep);
	if (p == NULL)
		return false;
	cr_assert_eq(pages_heap_is_dedicated(&h, p), b->dedicated);
	cr_assert_geq(pages_heap_usable(&h, p), len);
	cr_assert(!keep || is_marked(p, len < b->len ? len : b->len, b->len, b->owner));
	b->p = p;
	return true;
}

static void
step(struct block *b, uint64_t *seed)
{
	size_t len = random_size(seed, KIB(4), MIB(30));
	uint64_t how = random_next(seed);

	if (b->p != NULL) {
		cr_assert(is_marked(b->p, b->len, b->len, b->owner));
		if (how % 3 == 0) {
			pages_heap_free(&h, b->p);
			b->p = NULL;
			return;
		}
		if (how % 3 == 1) {
			bool done = b->dedicated ? pages_heap_expand_dedicated(&h, b->p, len)
					     : pages_heap_expand(&h, b->p, len);

			if (!done || len < b->len)
				return;
			cr_assert(is_marked(b->p, b->len, b->len, b->owner));
		} else if (!resize(b, len, how % 2 == 0)) {
			return;
		}
	} else {
		take(b, len, how);
	}
	b->len = len;
	b->owner = how;
	if (b->p != NULL)
		mark(b->p, len, how);
}

Test(dedicated, blocks_and_ordinary_ones_agree_with_a_model)
{
	struct block blocks[BLOCKS] = { { NULL, 0, 0, false } };
	uint64_t seed = 17;
	size_t n;

	open_heap();
	for (int i = 0; i < STEPS; i++) {
		step(&blocks[random_next(&seed) % BLOCKS], &seed);
		if (i % 500 == 0)
			(void)pages_heap_trim(&h, MIB(32));
		if (i % 10 == 0)
			check(i);
	}
	for (int i = 0; i < BLOCKS; i++)
		if (blocks[i].p != NULL)
			pages_heap_free(&h, blocks[i].p);
	check(STEPS);
	cr_assert_eq(flagged_in_arena(), 0);
	cr_assert_eq(h.dedicated, 0);
	(void)pages_heap_trim(&h, 0);
	/* The kernel does not merge mappings that faulted in separately: allow for a few. */
	n = count_mappings(h.arena.base, h.units.mapped_end * PAGES_UNIT);
	cr_assert_leq(n, h.units.splits.count + 8, "%zu mappings, %zu splits", n, h.units.splits.count);
	close_heap();
}

Test(dedicated, a_block_grows_into_address_space_that_was_released)
{
	char *p, *q;

	open_heap();
	p = get_dedicated(MIB(60), no_dump);
	SKIP_IF_RESERVED(h);
	mark(p, MIB(60), 1);
	(void)pages_heap_release_space(&h, SIZE_MAX);
	q = pages_heap_resize_dedicated(&h, p, MIB(200), true);
	cr_assert_not_null(q);
	cr_assert(is_marked(q, MIB(60), MIB(60), 1));
	cr_assert(is_zero(q + MIB(60), MIB(140)));
	pages_heap_free(&h, q);
	close_heap();
}

Test(dedicated, a_free_while_the_lock_is_taken_leaves_no_flags)
{
	char *p, *q;

	open_heap();
	p = get_dedicated(MIB(4), no_dump);
	q = get_dedicated(MIB(4), no_dump);
	cr_assert(pages_lock_acquire(&h.lock));
	pages_heap_free(&h, p);
	cr_assert_null(pages_heap_resize_dedicated(&h, q, MIB(40), true));
	cr_assert_eq(pages_heap_resize_dedicated(&h, q, MIB(1), true), q);
	pages_lock_release(&h.lock);
	pages_heap_free(&h, q);
	close_heap();
}

/* The child must not be able to map anything where it did not inherit a block. */
static int
child(char *gone, char *kept)
{
	int status;
	pid_t pid;
	void *hint;

	pages_heap_fork_child(&h);
	hint = mmap(gone, MIB(4), PROT_READ,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (hint == gone || kept[0] != 1)
		return 1;
	pid = fork();
	if (pid == 0) {
		*(volatile char *)gone = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (!WIFSIGNALED(status))
		return 2;
	pages_heap_free(&h, gone);
	pages_heap_free(&h, kept);
	return pages_heap_valid(&h) && flagged_in_arena() == 0 ? 0 : 3;
}

Test(dedicated, a_block_that_a_child_does_not_have_is_no_hole_there)
{
	char *p, *q;
	int status;
	pid_t pid;

	open_heap();
	p = get_dedicated(MIB(4), no_fork);
	q = get_dedicated(MIB(4), no_dump);
	mark(p, MIB(4), 1);
	q[0] = 1;
	pages_heap_fork_prepare(&h);
	pid = fork();
	if (pid == 0)
		_exit(child(p, q));
	pages_heap_fork_parent(&h);
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0, "%#x", status);
	cr_assert(is_marked(p, MIB(4), MIB(4), 1));
	close_heap();
}
