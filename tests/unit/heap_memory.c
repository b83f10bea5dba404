/* SPDX-License-Identifier: MIT */
/*
 * heap_memory.c - tests of what free memory and callocs cost: which kept memory is muzzy, and how
 * much of a sparse calloc is resident or cleared
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "support/add_up.h"
#include "heap/mark.h"
#include "heap_support.h"
#include "os/os.h"

/* Muzzy bytes of the process, as the kernel counts them. */
static size_t
lazily_free(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	char line[256];
	size_t kib = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "LazyFree: %zu", &kib);
	if (f != NULL)
		fclose(f);
	return KIB(kib);
}

static void
burst(size_t count, size_t size)
{
	const struct timespec long_enough = { 0, 20 * 1000 * 1000 };
	char *p[800];

	for (size_t i = 0; i < count; i++)
		memset(p[i] = get(size), 1, size);
	if (!h.marking)
		cr_skip_test("no memory can be left to the kernel here");
	nanosleep(&long_enough, NULL);
	for (size_t i = 0; i < count; i++)
		pages_heap_free(&h, p[i]);
}

HEAP(leaves_free_memory_to_the_kernel)
{
	burst(20, MIB(11));
	cr_assert_geq(lazily_free() + MIB(32), stats().kept_bytes);
	cr_assert_eq(stats().kept_bytes, MIB(220));
}

HEAP(leaves_memory_that_blocks_shared_to_the_kernel)
{
	burst(800, KIB(300));
	cr_assert_geq(lazily_free() + MIB(32), stats().kept_bytes);
	cr_assert_geq(stats().kept_bytes, MIB(230));
}

/* Blocks that live for moments are not marked: marking would cost more than it saves. */
HEAP(leaves_no_memory_to_the_kernel_that_was_used_for_a_moment)
{
	bool short_lived = false;

	for (int i = 0; i < 20 && !short_lived; i++) {
		uint32_t born = pages_os_tick();
		char *p = get(MIB(16));

		memset(p, 1, MIB(16));
		pages_heap_free(&h, p);
		short_lived = pages_os_tick() - born < PAGES_LONG_TICKS;
		cr_assert(!short_lived || lazily_free() == 0);
		(void)pages_heap_trim(&h, 0);
	}
	if (!short_lived)
		cr_skip_test("too slow here: nothing is written in a moment");
}

/* Muzzy memory may read as zero or as before, so it must be cleared. */
HEAP(clears_for_calloc_what_was_left_to_the_kernel)
{
	char *p;

	burst(4, MIB(8));
	p = pages_heap_alloc(&h, MIB(30), 1, true);
	cr_assert(is_zero(p, MIB(30)));
	pages_heap_free(&h, p);
}


/* Sparse callocs. -------------------------------------------------------------- */

static char *
get_zero(size_t size)
{
	char *p = pages_heap_alloc(&h, size, 1, true);

	cr_assert_not_null(p);
	return p;
}

/* Write a byte in each MiB, which must be zero.  Reading all pages would make all resident. */
static void
touch(char *p, size_t size)
{
	for (size_t i = 0; i < size; i += MIB(1)) {
		char *at = p + i + (i / MIB(1) * 5000) % MIB(1);

		cr_assert_eq(*at, 0);
		*at = 1;
	}
}

/* Free a calloc of this size of which few pages were written: the next one will be sparse. */
static void
learn(size_t size)
{
	char *p = get_zero(size);

	touch(p, size);
	pages_heap_free(&h, p);
}

HEAP(gives_a_sparse_calloc_small_pages)
{
	char *p;

	if (!pages_can(PAGES_CAP_HUGE))
		cr_skip_test("there is no saying that pages are to be small");
	learn(MIB(48));
	p = get_zero(MIB(48));
	touch(p, MIB(48));
	cr_assert_leq(resident(p, MIB(48)), 50 * (size_t)sysconf(_SC_PAGESIZE));
	pages_heap_free(&h, p);
}

HEAP(clears_of_a_sparse_calloc_what_was_written)
{
	uint64_t cleared;
	char *p;

	learn(MIB(48));
	p = get_zero(MIB(48));
	touch(p, MIB(48));
	pages_heap_free(&h, p);
	cleared = stats().cleared_bytes;
	for (size_t size = MIB(48); size > MIB(40); size -= MIB(1)) {
		p = get_zero(size);
		touch(p, size);
		pages_heap_free(&h, p);
	}
	if (pages_can(PAGES_CAP_SCAN) || pages_can(PAGES_CAP_DISCARD))
		cr_assert_leq(stats().cleared_bytes - cleared, MIB(8));
}

HEAP(does_not_take_a_dense_calloc_for_a_sparse_one)
{
	char *p;

	learn(MIB(16));
	for (int i = 0; i < 2; i++) {
		p = get_zero(MIB(16));
		cr_assert(is_zero(p, MIB(16)));
		memset(p, 1, MIB(16));
		pages_heap_free(&h, p);
	}
	cr_assert_eq(atomic_load(&h.sparse_block) != 0, !pages_can(PAGES_CAP_SCAN));
}

HEAP(does_not_look_into_a_calloc_that_its_owner_protected)
{
	char *p = get_zero(MIB(16));

	memset(p, 0, MIB(16));
	cr_assert_eq(mprotect(p, MIB(16), PROT_NONE), 0);
	pages_heap_free(&h, p);
	cr_assert_eq(mprotect(p, MIB(16), PROT_READ | PROT_WRITE), 0);
}

HEAP(does_not_take_a_small_block_for_a_sparse_calloc)
{
	char *p = get_zero(MIB(16));

	p = pages_heap_resize(&h, p, KIB(300), true);
	cr_assert_not_null(p);
	pages_heap_free(&h, p);
	cr_assert_eq(atomic_load(&h.sparse_sizes), 0);
}

/* Once a temporary has lived for long and been marked, later ones must not be, each time. */
HEAP(marks_no_memory_again_and_again_that_is_used_in_turn)
{
	uint64_t seed = 3;
	char *p = get(MIB(60));

	memset(p, 1, MIB(60));
	usleep(30000);
	pages_heap_free(&h, p);
	for (int i = 0; i < 400; i++)
		pages_heap_free(&h, get(random_size(&seed, MIB(1), MIB(64))));
	cr_assert_lt(h.units.unmarked, 2000);
}

HEAP(grows_and_shrinks_a_sparse_calloc)
{
	size_t sizes[] = { MIB(60), MIB(20), MIB(21), KIB(300), MIB(100) };
	size_t len = MIB(48);
	char *p;

	learn(len);
	p = get_zero(len);
	mark(p, len, 7);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		p = pages_heap_resize(&h, p, sizes[i], true);
		cr_assert_not_null(p);
		len = sizes[i] < len ? sizes[i] : len;
		cr_assert(is_marked(p, len, MIB(48), 7));
		cr_assert(pages_heap_valid(&h));
	}
	pages_heap_free(&h, p);
	p = get_zero(MIB(48));
	cr_assert(is_zero(p, MIB(48)));
	pages_heap_free(&h, p);
}

HEAP(counts_no_sparse_calloc_that_was_freed)
{
	size_t kept;
	char *p;

	learn(MIB(48));
	p = get_zero(MIB(48));
	cr_assert_eq(stats().live_objects, 1);
	pages_heap_free(&h, p);
	cr_assert_eq(stats().live_objects, 0);
	cr_assert_eq(stats().live_bytes, 0);
	kept = stats().kept_bytes;
	cr_assert_geq(kept, MIB(48));
	cr_assert_eq(pages_heap_trim(&h, 0), kept);
	cr_assert_eq(atomic_load(&h.sparse_block), 0);
	cr_assert_eq(stats().resident_bytes, 0);
}

/* A calloc of size bytes, and whether the counters add up and have not gone down. */
static char *
get_counted(size_t size, uint64_t *freed)
{
	char *p = get_zero(size);
	struct pages_stats st = stats();

	cr_assert_null(what_does_not_add_up(&st), "%zu: %s", size, what_does_not_add_up(&st));
	cr_assert_geq(st.freed_bytes, *freed);
	*freed = st.freed_bytes;
	return p;
}

HEAP(counts_a_sparse_calloc_that_is_shorter_than_the_last)
{
	uint64_t freed = 0;

	learn(MIB(60));
	for (size_t size = MIB(60); size > MIB(40); size -= MIB(5)) {
		char *p = get_counted(size, &freed);

		touch(p, size);
		pages_heap_free(&h, p);
		freed = stats().freed_bytes;
	}
}

HEAP(makes_every_calloc_zero_whatever_it_expects)
{
	struct { char *p; size_t len; } b[12] = { { NULL, 0 } };
	uint64_t seed = 9;

	for (int i = 0; i < 300; i++) {
		size_t k = random_next(&seed) % 12, step;

		if (b[k].p != NULL && random_next(&seed) % 4 == 0) {
			b[k].len = random_size(&seed, MIB(1), MIB(20));
			b[k].p = pages_heap_resize(&h, b[k].p, b[k].len, true);
			cr_assert_not_null(b[k].p);
			continue;
		}
		if (b[k].p != NULL)
			pages_heap_free(&h, b[k].p);
		b[k].len = random_size(&seed, MIB(6), MIB(20));
		b[k].p = get_zero(b[k].len);
		cr_assert(is_zero(b[k].p, b[k].len));
		step = random_next(&seed) % 3 == 0 ? 64 : MIB(1) + 64;
		for (size_t at = random_next(&seed) % step; at < b[k].len; at += step)
			b[k].p[at] = 1;
		if (i % 20 == 0)
			cr_assert(pages_heap_valid(&h), "step %d", i);
	}
}
