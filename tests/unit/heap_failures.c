/* SPDX-License-Identifier: MIT */
/*
 * heap_failures.c - tests of the heap on a system that refuses calls at random
 *
 * Whatever the system refuses, blocks keep their contents, callocs are zero, and the heap's books
 * stay consistent.  Once the system refuses nothing any more, the heap works as before.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "os/bits.h"
#include "os/caps.h"
#include "heap/heap.h"
#include "support/add_up.h"
#include "failing_os.h"
#include "limit.h"
#include "support/flags.h"
#include "support/support.h"

enum { BLOCKS = 24, STEPS = 500 };

struct block {
	char *p;
	size_t len;
	size_t marked;		/* bytes of it that are marked: few, if a calloc is to be sparse */
	uint64_t owner;
};

static struct pages_heap h;
static struct block blocks[BLOCKS];

static void
drop(struct block *b)
{
	if (b->p != NULL)
		pages_heap_free(&h, b->p);
	b->p = NULL;
}

static void
own(struct block *b, char *p, size_t len, size_t marked, uint64_t owner)
{
	*b = (struct block){ p, len, marked, owner };
	mark(p, marked, owner);
}

static void *
take(size_t len, uint64_t *seed, bool zero)
{
	const uint32_t no_fork = PAGES_DEDICATED_ADVICE(PAGES_OS_DONT_FORK);
	const struct pages_dedicated wish = { no_fork | PAGES_DEDICATED_POOL, no_fork };
	size_t align = (size_t)1 << random_next(seed) % 22;
	void *p;

	if (random_next(seed) % 4 != 0)
		return pages_heap_alloc(&h, len, align, zero);
	return pages_heap_alloc_dedicated(&h, len, align, wish, &p) == 0 ? p : NULL;
}

/* Where all is reserved at once, address space that is unused may keep a flag.  Memory may not. */
static size_t
flagged_memory(const struct pages_extent *e, const char *const *flags)
{
	size_t page = h.arena.page_size, up = PAGES_UNIT / page, sum = 0;

	for (size_t i = e->first; i < e->first + e->count; i = (i / up + 1) * up)
		if (pages_bits_test(h.units.mapped_bits, i / up))
			sum += flagged(h.arena.base + i * page, page, flags);
	return sum;
}

/* All of a dedicated block has its advice, and neither other blocks nor free memory have any. */
static void
check_flags(void)
{
	static const char *const fork[] = { " dc", NULL };
	struct pages_extents *x = &h.extents;
	size_t page = h.arena.page_size;

	for (uint32_t at = 0; at < x->pages; at += x->node[x->edge[at]].count) {
		const struct pages_extent *e = &x->node[x->edge[at]];
		size_t there = flagged(h.arena.base + at * page, e->count * page, fork);

		if (e->state == PAGES_EXTENT_DEDICATED)
			cr_assert_eq(there, e->count * page, "a block lost its flag");
		else if (there != 0 &&
			 (e->state == PAGES_EXTENT_FREE || e->state == PAGES_EXTENT_LIVE))
			cr_assert_eq(flagged_memory(e, fork), 0, "a flag outlived its block");
	}
}

/* One operation on one block.  If it is refused the block stays as it was, or was freed before. */
static void
step(struct block *b, uint64_t *seed)
{
	size_t len = random_size(seed, KIB(4), MIB(24));
	bool zero = random_next(seed) % 3 == 0, sparse = zero && random_next(seed) % 4 != 0;
	char *p;

	if (b->p != NULL)
		cr_assert(is_marked(b->p, b->marked, b->marked, b->owner),
			  "a block lost its contents");
	if (b->p != NULL && random_next(seed) % 2 == 0) {
		p = pages_heap_is_dedicated(&h, b->p) ?
			pages_heap_resize_dedicated(&h, b->p, len, true) :
			pages_heap_resize(&h, b->p, len, true);
		if (p == NULL)
			return;
		cr_assert(is_marked(p, len < b->marked ? len : b->marked, b->marked, b->owner),
			  "a resized block lost its contents");
	} else {
		drop(b);
		p = take(len, seed, zero);
		if (p == NULL)
			return;
		cr_assert(!zero || is_zero(p, len), "memory that should be zero is not");
	}
	own(b, p, len, sparse && len > KIB(64) ? KIB(64) : len, random_next(seed));
}

static void
check_all(int i)
{
	struct pages_stats st;

	cr_assert(pages_heap_valid(&h), "step %d", i);
	pages_heap_stats(&h, &st);
	cr_assert_null(what_does_not_add_up(&st), "step %d: %s", i, what_does_not_add_up(&st));
	for (int k = 0; k < BLOCKS; k++)
		cr_assert(blocks[k].p == NULL ||
			  is_marked(blocks[k].p, blocks[k].marked, blocks[k].marked,
				    blocks[k].owner),
			  "step %d: block %d lost its contents", i, k);
}

static unsigned
run(uint64_t seed, unsigned one_in, int error)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;
	unsigned failures;

	SKIP_WITHOUT_A_HEAP();
	o.arena_max = MIB(512);
	o.retain_ms = 1;
	pages_heap_configure(&h, &o);
	failing_arm_random(seed, one_in, error);
	for (int i = 0; i < STEPS; i++) {
		step(&blocks[random_next(&seed) % BLOCKS], &seed);
		if (i % 100 == 0) {
			(void)pages_heap_trim(&h, MIB(16));
			check_all(i);
		}
	}
	failures = failing_count();
	failing_disarm();
	check_all(STEPS);
	check_flags();
	for (int k = 0; k < BLOCKS; k++)
		drop(&blocks[k]);
	(void)pages_heap_trim(&h, 0);
	check_flags();
	cr_assert(pages_heap_valid(&h));
	pages_heap_close(&h);
	return failures;
}

static void
try_seeds(int error)
{
	static const unsigned rates[] = { 2, 5, 20 };
	unsigned failures = 0;

	for (int cap = 0; cap < PAGES_CAP_COUNT; cap++)
		(void)pages_can((enum pages_cap)cap);
	for (uint64_t seed = 1; seed <= 9; seed++)
		failures += run(seed * 7919, rates[seed % 3], error);
	cr_assert_gt(failures, 50, "only %u", failures);
}

Test(a_heap_with_failures, keeps_contents_without_memory)
{
	try_seeds(ENOMEM);
}

Test(a_heap_with_failures, keeps_contents_without_support)
{
	try_seeds(EINVAL);
}

Test(a_heap_with_failures, keeps_contents_without_permission)
{
	try_seeds(EPERM);
}

Test(a_heap_with_failures, keeps_contents_when_told_to_come_again)
{
	try_seeds(EAGAIN);
}

/* The n-th call fails, and all that follow.  True if that was the mapping of units. */
static bool
refuse_dedicated(unsigned n)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;
	bool refused;
	void *q = NULL;
	char *p;

	o.arena_max = MIB(512);
	o.retain_ms = 3600 * 1000;
	pages_heap_configure(&h, &o);
	p = pages_heap_alloc(&h, MIB(30), 1, false);
	cr_assert_not_null(p);
	memset(p, 1, MIB(30));
	pages_heap_free(&h, p);
	failing_arm(FAILING_FOR_GOOD, n, ENOMEM);
	(void)pages_heap_alloc_dedicated(&h, MIB(100), 1, (struct pages_dedicated){ 0, 0 }, &q);
	failing_disarm();
	refused = h.stats.declined_refused != 0;
	cr_assert(pages_heap_valid(&h));
	p = pages_heap_alloc(&h, MIB(5), 1, true);
	cr_assert(p != NULL && is_zero(p, MIB(5)));
	pages_heap_close(&h);
	return refused;
}

/* The kept units that it was to replace still hold what was written there. */
Test(a_heap_with_failures, takes_nothing_for_zero_that_a_refused_dedicated_block_has_left)
{
	unsigned refused = 0;

	SKIP_WITHOUT_A_HEAP();
	for (int cap = 0; cap < PAGES_CAP_COUNT; cap++)
		(void)pages_can((enum pages_cap)cap);
	for (unsigned n = 1; n <= 8; n++)
		refused += refuse_dedicated(n);
	cr_assert_neq(refused, 0);
}

/* Calloc and free until a sparse block waits for the next calloc. */
static void
make_sparse(size_t size)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;

	SKIP_WITHOUT_A_HEAP();
	for (int cap = 0; cap < PAGES_CAP_COUNT; cap++)
		(void)pages_can((enum pages_cap)cap);
	o.arena_max = MIB(512);
	o.retain_ms = 3600 * 1000;
	pages_heap_configure(&h, &o);
	for (int i = 0; i < 2; i++) {
		char *p = pages_heap_alloc(&h, size, 1, true);

		cr_assert_not_null(p);
		p[i] = 1;
		pages_heap_free(&h, p);
	}
	cr_assert_neq(atomic_load(&h.sparse_block), 0);
}

Test(a_heap_with_failures, keeps_its_books_when_a_sparse_block_cannot_be_renewed)
{
	char *p;

	for (int discards = 0; discards < 2; discards++) {
		make_sparse(MIB(20));
		p = pages_heap_alloc(&h, MIB(17), 1, true);
		mark(p, MIB(17), 1);
		pages_heap_free(&h, p);
		failing_arm(discards ? FAILING_ONCE : FAILING_FOR_GOOD, 1, ENOMEM);
		(void)pages_heap_trim(&h, 0);
		failing_disarm();
		cr_assert(pages_heap_valid(&h));
		p = pages_heap_alloc(&h, MIB(400), 1, true);
		cr_assert(p != NULL && is_zero(p, MIB(400)));
		pages_heap_free(&h, p);
		cr_assert(pages_heap_valid(&h));
		pages_heap_close(&h);
	}
}

Test(a_heap_with_failures, hands_out_no_sparse_block_that_has_a_hole)
{
	for (uint64_t seed = 1; seed <= 16; seed++) {
		char *p, *q;

		make_sparse(MIB(20));
		p = pages_heap_alloc(&h, MIB(17), 1, true);
		mark(p, MIB(17), 1);
		failing_arm_random(seed, 1, ENOMEM);
		q = pages_heap_resize(&h, p, MIB(40), true);
		failing_disarm();
		p = q != NULL ? q : p;
		cr_assert(is_marked(p, MIB(17), MIB(17), 1));
		cr_assert(pages_heap_valid(&h));
		pages_heap_free(&h, p);
		p = pages_heap_alloc(&h, MIB(20), 1, true);
		cr_assert(is_zero(p, MIB(20)));
		mark(p, MIB(20), 2);
		pages_heap_free(&h, p);
		cr_assert(pages_heap_valid(&h));
		pages_heap_close(&h);
	}
}

/*
 * At a limit a block moves, and the n-th call is refused.  Returns whether there were so many;
 * *ret_moved says whether the block has moved.
 */
static bool
move_at_limit(enum failing_mode mode, unsigned n, bool *ret_moved)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;
	struct rlimit was;
	const char *refused;
	char *p, *q;

	o.arena_max = MIB(512);
	o.retain_ms = 3600 * 1000;
	pages_heap_configure(&h, &o);
	p = pages_heap_alloc(&h, MIB(41), 1, false);
	q = pages_heap_alloc(&h, MIB(3), 1, false);	/* behind it */
	cr_assert(p != NULL && q != NULL);
	mark(p, MIB(41), 1);
	mark(q, MIB(3), 2);
	(void)pages_heap_release_space(&h, SIZE_MAX);
	was = leave(RLIMIT_AS, MIB(16));
	failing_arm(mode, n, ENOMEM);
	own(&blocks[0], q, MIB(3), MIB(3), 2);
	q = pages_heap_resize(&h, p, MIB(49), true);
	refused = failing_disarm();
	restore(RLIMIT_AS, was);
	*ret_moved = q != NULL;
	p = q != NULL ? q : p;
	cr_assert(is_marked(p, MIB(41), MIB(41), 1), "call %u: %s", n, refused);
	check_all((int)n);
	memset(p, 1, q != NULL ? MIB(49) : MIB(41));
	pages_heap_free(&h, p);
	drop(&blocks[0]);
	cr_assert(pages_heap_valid(&h));
	pages_heap_close(&h);
	return refused != NULL;
}

Test(a_heap_with_failures, brings_a_block_back_that_is_half_moved)
{
	static const struct {
		enum failing_mode mode;
		unsigned calls;		/* at least */
	} modes[] = { { FAILING_ONCE, 20 }, { FAILING_WITH_DAMAGE, 20 }, { FAILING_RESIZE_TO, 5 } };
	unsigned n, stayed = 0;
	bool moved;

	if (getenv("SANITIZED") != NULL)
		cr_skip_test("sanitizers need memory of their own");
	SKIP_WITHOUT_A_HEAP();
	if (!pages_can(PAGES_CAP_HINT))
		cr_skip_test("what is reserved is not handed over");
	for (int cap = 0; cap < PAGES_CAP_COUNT; cap++)
		(void)pages_can((enum pages_cap)cap);
	for (unsigned i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		for (n = 1; move_at_limit(modes[i].mode, n, &moved); n++)
			stayed += !moved;
		cr_assert(moved, "not even if nothing is refused");
		cr_assert_gt(n, modes[i].calls, "only %u calls", n);
	}
	cr_assert_gt(stayed, 10, "only %u", stayed);
}

/* Memory that can be neither dropped nor mapped anew is unmapped: it is given back all the same. */
Test(a_heap_with_failures, counts_what_a_purge_could_only_unmap)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;
	struct pages_stats st;
	char *p[4];
	size_t mapped;

	for (int cap = 0; cap < PAGES_CAP_COUNT; cap++)
		(void)pages_can((enum pages_cap)cap);
	o.arena_max = MIB(512);
	pages_heap_configure(&h, &o);
	/* Map what is needed later, and forget that there ever was more. */
	pages_heap_free(&h, pages_heap_alloc(&h, MIB(64), 1, false));
	(void)pages_heap_trim(&h, 0);
	h.units.peak_held = 0;
	for (int i = 0; i < 4; i++)
		cr_assert_not_null(p[i] = pages_heap_alloc(&h, MIB(i % 2 == 0 ? 8 : 2), 1, false));
	pages_heap_free(&h, p[0]);
	pages_heap_free(&h, p[2]);
	mapped = h.units.mapped;
	/* Memory that has to be zero is new, so all that is free is too much. */
	failing_arm(FAILING_FOR_GOOD, 1, EINVAL);
	p[0] = pages_heap_alloc(&h, MIB(20), 1, true);
	cr_assert_gt(failing_count(), 0);
	failing_disarm();
	cr_assert_not_null(p[0]);
	pages_heap_stats(&h, &st);
	cr_assert_gt(st.returned_bytes, 0);
	cr_assert_lt(h.units.mapped, mapped);
	cr_assert_null(what_does_not_add_up(&st), "%s", what_does_not_add_up(&st));
	cr_assert(pages_heap_valid(&h));
	pages_heap_close(&h);
}
