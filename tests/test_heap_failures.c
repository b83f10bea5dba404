/* SPDX-License-Identifier: MIT */
/*
 * test_heap_failures.c - the heap on a system that refuses calls at random
 *
 * Whatever is refused, blocks keep their contents, memory that is to be zero is, and
 * the heap's own books stay in order.  Once nothing is refused any more it works as
 * if nothing had been.
 */
#include <criterion/criterion.h>
#include <errno.h>

#include "../src/caps.h"
#include "../src/heap.h"
#include "failing_os.h"
#include "support.h"

enum { BLOCKS = 24, STEPS = 500 };

struct block {
	char *p;
	size_t len;
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
own(struct block *b, char *p, size_t len, uint64_t owner)
{
	*b = (struct block){ p, len, owner };
	mark(p, len, owner);
}

/* One operation on one block; what is refused leaves the block as it was, or gone. */
static void
step(struct block *b, uint64_t *seed)
{
	size_t len = random_size(seed, KIB(4), MIB(24));
	bool zero = random_next(seed) % 3 == 0;
	char *p;

	if (b->p != NULL)
		cr_assert(is_marked(b->p, b->len, b->len, b->owner), "a block lost its contents");
	if (b->p != NULL && random_next(seed) % 2 == 0) {
		p = pages_heap_resize(&h, b->p, len);
		if (p == NULL)
			return;
		cr_assert(is_marked(p, len < b->len ? len : b->len, b->len, b->owner),
			  "a resized block lost its contents");
	} else {
		drop(b);
		p = pages_heap_alloc(&h, len, (size_t)1 << random_next(seed) % 22, zero);
		if (p == NULL)
			return;
		cr_assert(!zero || is_zero(p, len), "memory that should be zero is not");
	}
	own(b, p, len, random_next(seed));
}

static void
check_all(int i)
{
	cr_assert(pages_heap_valid(&h), "step %d", i);
	for (int k = 0; k < BLOCKS; k++)
		cr_assert(blocks[k].p == NULL ||
			  is_marked(blocks[k].p, blocks[k].len, blocks[k].len, blocks[k].owner),
			  "step %d: block %d lost its contents", i, k);
}

static unsigned
run(uint64_t seed, unsigned one_in, int error)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;
	unsigned failures;

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
	for (int k = 0; k < BLOCKS; k++)
		drop(&blocks[k]);
	(void)pages_heap_trim(&h, 0);
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
