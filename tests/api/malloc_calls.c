/* SPDX-License-Identifier: MIT */
/*
 * What <pages/malloc.h> has beyond malloc(3), as its users see it: growing in place,
 * resizing without contents, prefault, hints, flags.
 */
#include "pages_support.h"

#include <fnmatch.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>

#include <pages/malloc.h>

#include "support/add_up.h"

static struct pages_stats
stats(void)
{
	struct pages_stats st;

	pages_malloc_stats(&st, sizeof(st));
	return st;
}

/* Hidden from the compiler, which knows how much was asked for. */
static char *
get(size_t size)
{
	char *volatile p = pages_malloc(size);

	cr_assert_not_null(p);
	return p;
}

static bool
have_arena(void)
{
	void *p = pages_malloc(MIB(1));
	bool owned = pages_owns(p);

	pages_free(p);
	return owned;
}
#define SKIP_WITHOUT_ARENA()                                                       \
	do {                                                                       \
		if (!have_arena())                                                 \
			cr_skip_test("there is no arena here");                    \
	} while (0)

/* A block with another behind it, that keeps it from growing. */
static char *
get_walled(size_t size, char **wall)
{
	char *p = get(size);

	*wall = get(KIB(300));
	if (*wall != p + size)
		cr_skip_test("blocks are not packed");
	return p;
}

/* A pattern of glob(7). */
static void
expect_last_words(void (*misuse)(void), const char *words)
{
	char said[256];
	int status = run_in_child(misuse, said, sizeof(said));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%#x", status);
	cr_assert_eq(fnmatch(words, said, 0), 0, "%s", said);
}

/* ---- pages_try_expand ---- */

Test(try_expand, grows_a_block_where_it_is)
{
	char *p = get(MIB(3));
	struct pages_stats st;

	SKIP_WITHOUT_ARENA();
	mark(p, MIB(3), 1);
	cr_assert(pages_try_expand(p, MIB(100)));
	cr_assert_geq(pages_usable_size(p), MIB(100));
	cr_assert(is_marked(p, MIB(3), MIB(3), 1));
	memset(p + MIB(3), 1, MIB(97));
	st = stats();
	cr_assert_eq(st.grown_in_place, 1);
	cr_assert_null(what_does_not_add_up(&st), "%s", what_does_not_add_up(&st));
	pages_free(p);
}

Test(try_expand, never_moves_and_changes_nothing_when_it_cannot)
{
	char *wall, *p;
	struct pages_stats before, after;

	SKIP_WITHOUT_ARENA();
	p = get_walled(MIB(3), &wall);
	before = stats();
	mark(p, MIB(3), 1);
	errno = 1234;
	cr_assert_not(pages_try_expand(p, MIB(3) + 1));
	cr_assert_not(pages_try_expand(p, PTRDIFF_MAX));
	cr_assert_not(pages_try_expand(p, SIZE_MAX));
	cr_assert_not(pages_try_expand(p, (size_t)1 << 47));
	cr_assert_not(pages_try_expand(NULL, 1));
	cr_assert_eq(errno, 1234);
	after = stats();
	cr_assert_arr_eq(&before, &after, sizeof(before));
	cr_assert_eq(pages_usable_size(p), MIB(3));
	cr_assert(is_marked(p, MIB(3), MIB(3), 1));
}

Test(try_expand, says_yes_to_what_is_there_already)
{
	char *wall, *p;

	SKIP_WITHOUT_ARENA();
	p = get_walled(MIB(3), &wall);
	cr_assert(pages_try_expand(p, MIB(3)));
	cr_assert(pages_try_expand(p, 1));
	cr_assert(pages_try_expand(p, 0));
	cr_assert_eq(pages_usable_size(p), MIB(3));
}

Test(try_expand, knows_what_malloc_blocks_have)
{
	char *p = malloc(1001);
	size_t usable = malloc_usable_size(p);

	cr_assert(pages_try_expand(p, 1001));
	cr_assert(pages_try_expand(p, usable));
	cr_assert_not(pages_try_expand(p, usable + 1));
	free(p);
}

static void
expand_inner(void)
{
	(void)!pages_try_expand(get(MIB(1)) + KIB(4), MIB(2));
}

static void
expand_freed(void)
{
	char *p = get(MIB(1));

	pages_free(p);
	(void)!pages_try_expand(p, MIB(2));
}

Test(try_expand, ends_the_process_for_what_is_no_block)
{
	SKIP_WITHOUT_ARENA();
	expect_last_words(expand_inner, "pages: pages_try_expand(): invalid pointer 0x*: "
			  "byte 4096 of the block of 1048576 bytes at 0x*\n");
	expect_last_words(expand_freed, "pages: pages_try_expand(): invalid pointer 0x*: "
			  "the block of 1048576 bytes there was freed\n");
}

/* ---- pages_resize_discard ---- */

Test(resize_discard, never_copies)
{
	char *wall, *p;
	struct pages_stats st;

	SKIP_WITHOUT_ARENA();
	p = get_walled(MIB(7), &wall);
	memset(p, 1, MIB(7));
	for (size_t len = MIB(7); len < MIB(200); len += KIB(777)) {
		char *volatile q = pages_resize_discard(p, len);

		cr_assert_geq(pages_usable_size(q), len);
		q[len - 1] = 1;
		p = q;
	}
	st = stats();
	cr_assert_eq(st.copied_bytes, 0);
	cr_assert_eq(st.live_objects, 2);
	cr_assert_null(what_does_not_add_up(&st), "%s", what_does_not_add_up(&st));
	pages_free(p);
}

/* The old block's units serve the new one: nothing more is zeroed than what is new. */
Test(resize_discard, gives_the_new_block_the_memory_of_the_old_one)
{
	char *wall, *p;
	uint64_t fresh;

	SKIP_WITHOUT_ARENA();
	if (disabled("move"))
		cr_skip_test("moving pages is not possible here");
	p = get_walled(MIB(40), &wall);
	fresh = stats().fresh_bytes;
	p = pages_resize_discard(p, MIB(50));
	cr_assert_leq(stats().fresh_bytes - fresh, MIB(12));
	cr_assert_leq(stats().peak_live_bytes, MIB(50) + KIB(300) + MIB(1));
	pages_free(p);
}

Test(resize_discard, stays_where_there_is_room)
{
	char *p = get(MIB(7));

	SKIP_WITHOUT_ARENA();
	cr_assert_eq(pages_resize_discard(p, MIB(70)), p);
	cr_assert_eq(pages_resize_discard(p, MIB(70)), p);
	cr_assert_eq(pages_resize_discard(p, MIB(1)), p);
	cr_assert_eq(pages_usable_size(p), MIB(1));
	cr_assert_eq(stats().requests, 2);
	pages_free(p);
}

Test(resize_discard, leaves_the_block_as_it_was_when_it_fails)
{
	char *p = get(MIB(7));

	mark(p, MIB(7), 1);
	errno = 0;
	cr_assert_null(pages_resize_discard(p, (size_t)1 << 46));
	cr_assert_eq(errno, ENOMEM);
	errno = 0;
	cr_assert_null(pages_resize_discard(p, TOO_MUCH));
	cr_assert_eq(errno, ENOMEM);
	cr_assert(is_marked(p, MIB(7), MIB(7), 1));
	pages_free(p);
}

Test(resize_discard, crosses_the_threshold_both_ways)
{
	char *p = pages_resize_discard(NULL, 100), *small;

	cr_assert_not(pages_owns(p));
	cr_assert_eq(pages_resize_discard(p, 90), p);
	p = pages_resize_discard(p, MIB(3));
	memset(p, 1, MIB(3));
	small = pages_resize_discard(p, 1000);
	cr_assert_not(pages_owns(small));
	cr_assert_geq(pages_usable_size(small), 1000);
	cr_assert_null(pages_resize_discard(small, 0));
	cr_assert_null(pages_resize_discard(get(MIB(3)), 0));
	cr_assert_eq(stats().live_objects, 0);
}

/* ---- pages_malloc_prefault ---- */

Test(malloc_prefault, makes_every_page_that_is_touched_present_and_no_other)
{
	char *p;

	SKIP_WITHOUT_ARENA();
	p = pages_malloc_with(MIB(20), 0, PAGES_MALLOC_NO_HUGE);
	cr_assert_eq(resident(p, MIB(20)), 0);
	p[MIB(5)] = 7;
	cr_assert_eq(pages_malloc_prefault(p, MIB(4) + 100, MIB(2)), 0);
	cr_assert_eq(resident(p + MIB(4), MIB(2) + page()), MIB(2) / page() + 1);
	cr_assert_eq(resident(p, MIB(20)), MIB(2) / page() + 1);
	cr_assert_eq(p[MIB(5)], 7);
	cr_assert_eq(pages_malloc_prefault(p, 0, pages_usable_size(p)), 0);
	cr_assert_eq(resident(p, MIB(20)), MIB(20) / page());
	pages_free(p);
}

Test(malloc_prefault, keeps_to_the_block)
{
	char *p = get(MIB(1)), *small = malloc(100);

	errno = 1234;
	cr_assert_eq(pages_malloc_prefault(p, 0, pages_usable_size(p) + 1), -ERANGE);
	cr_assert_eq(pages_malloc_prefault(p, SIZE_MAX, 2), -ERANGE);
	cr_assert_eq(pages_malloc_prefault(p, 1, SIZE_MAX), -ERANGE);
	cr_assert_eq(pages_malloc_prefault(p, MIB(1), 0), 0);
	cr_assert_eq(pages_malloc_prefault(NULL, 0, 0), 0);
	cr_assert_eq(pages_malloc_prefault(NULL, 0, 1), -ERANGE);
	cr_assert_eq(pages_malloc_prefault(small, 0, 100), 0);
	cr_assert_eq(pages_malloc_prefault(small, 99, 1), 0);
	cr_assert_eq(pages_malloc_prefault(small, 0, KIB(64)), -ERANGE);
	cr_assert_eq(errno, 1234);
	free(small);
	pages_free(p);
}

static size_t
threads_now(void)
{
	char line[256];
	size_t n = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "Threads: %zu", &n) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return n;
}

static volatile bool watching;
static volatile size_t most_threads;

static void *
watch(void *arg)
{
	(void)arg;
	while (watching) {
		size_t n = threads_now();

		most_threads = n > most_threads ? n : most_threads;
	}
	return NULL;
}

/* Prefault while another thread counts; how many threads did it at once. */
static size_t
prefault_watched(char *p, size_t len)
{
	size_t before = threads_now();
	pthread_t watcher;

	watching = true;
	most_threads = 0;
	cr_assert_eq(pthread_create(&watcher, NULL, watch, NULL), 0);
	while (most_threads == 0)
		sched_yield();
	cr_assert_eq(pages_malloc_prefault(p, 1, len - 1), 0);
	watching = false;
	pthread_join(watcher, NULL);
	/* The kernel counts those that were joined for a moment yet. */
	for (int i = 0; i < 1000 && threads_now() != before; i++)
		usleep(1000);
	cr_assert_eq(threads_now(), before);
	return most_threads - before;
}

Test(malloc_prefault, shares_big_ranges_among_threads_that_are_gone_afterwards)
{
	char *p;
	cpu_set_t cpus;

	SKIP_WITHOUT_ARENA();
	sched_getaffinity(0, sizeof(cpus), &cpus);
	p = get(MIB(768));
	p[MIB(500)] = 7;
	if (CPU_COUNT(&cpus) > 1)
		cr_assert_gt(prefault_watched(p, MIB(768)), 1);
	else
		cr_assert_eq(prefault_watched(p, MIB(768)), 1);
	cr_assert_eq(resident(p, MIB(768)), MIB(768) / page());
	cr_assert_eq(p[MIB(500)], 7);
	pages_free(p);
}

Test(malloc_prefault, uses_no_more_threads_than_there_are_cpus)
{
	cpu_set_t one;
	char *p;

	SKIP_WITHOUT_ARENA();
	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one) != 0)
		cr_skip_test("no affinities here");
	p = get(MIB(512));
	cr_assert_eq(prefault_watched(p, MIB(512)), 1);
	pages_free(p);
}

Test(malloc_prefault, goes_on_alone_where_there_are_no_threads)
{
	const struct rlimit none = { 0, 0 };
	char *p;
	pthread_t t;

	SKIP_WITHOUT_ARENA();
	p = get(MIB(512));
	/* Root may have more than the limit says; nobody else. */
	cr_assert_eq(setrlimit(RLIMIT_NPROC, &none), 0);
	if (setuid(65534) != 0 || pthread_create(&t, NULL, watch, NULL) == 0)
		cr_skip_test("threads cannot be forbidden here");
	cr_assert_eq(pages_malloc_prefault(p, 0, MIB(512)), 0);
	cr_assert_eq(resident(p, MIB(512)), MIB(512) / page());
}

static void
prefault_inner(void)
{
	(void)!pages_malloc_prefault(get(MIB(1)) + 1, 0, 1);
}

static void
advise_inner(void)
{
	(void)!pages_malloc_advise(get(MIB(1)) + KIB(64), 0, 1, PAGES_HINT_COLD);
}

Test(malloc_prefault, ends_the_process_for_what_is_no_block)
{
	SKIP_WITHOUT_ARENA();
	expect_last_words(prefault_inner, "pages: pages_malloc_prefault(): invalid pointer 0x*: "
			  "byte 1 of the block of 1048576 bytes at 0x*\n");
	expect_last_words(advise_inner, "pages: pages_malloc_advise(): invalid pointer 0x*: "
			  "byte 65536 of the block of 1048576 bytes at 0x*\n");
}

/* ---- pages_malloc_advise ---- */

/* PAGE_OUT and FREE need swap or pressure to be seen; that COLD is known will do. */
Test(malloc_advise, tells_something_about_pages_in_the_range)
{
	char *p = get(MIB(6)), *small = malloc(100);

	SKIP_IF_EMULATED("advice");
	memset(p, 1, MIB(6));
	cr_assert_eq(pages_malloc_advise(p, MIB(1), MIB(3), PAGES_HINT_COLD), 0);
	cr_assert_eq(pages_malloc_advise(p, 0, MIB(6), PAGES_HINT_WILL_NEED), 0);
	cr_assert_eq(pages_malloc_advise(small, 0, 100, PAGES_HINT_COLD), 0);
	cr_assert_eq(pages_malloc_advise(p, 0, MIB(6), PAGES_HINT_FREE), 0);
	free(small);
	pages_free(p);
}

/* MADV_FREE makes a page clean until it is written. */
static size_t
clean_kib(const void *start, size_t len)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	unsigned long a, b;
	size_t sum = 0, kib;
	bool here = false;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%lx-%lx ", &a, &b) == 2)
			here = a < (unsigned long)start + len && (unsigned long)start < b;
		else if (here && sscanf(line, "Private_Clean: %zu", &kib) == 1)
			sum += kib;
	if (f != NULL)
		fclose(f);
	return sum;
}

Test(malloc_advise, keeps_off_pages_that_neighbours_share)
{
	char *p;

	SKIP_WITHOUT_ARENA();
	SKIP_IF_EMULATED("advice");
	p = pages_malloc_with(MIB(3), 0, PAGES_MALLOC_NO_HUGE);
	memset(p, 1, MIB(3));
	cr_assert_eq(pages_malloc_advise(p, 1, 2 * page() - 1, PAGES_HINT_FREE), 0);
	cr_assert_eq(clean_kib(p, MIB(3)), page() >> 10);
	cr_assert_eq(pages_malloc_advise(p, 3 * page() + 1, page(), PAGES_HINT_FREE), 0);
	cr_assert_eq(clean_kib(p, MIB(3)), page() >> 10);
	cr_assert_eq(pages_malloc_advise(p, 8 * page(), 4 * page(), PAGES_HINT_FREE), 0);
	cr_assert_eq(clean_kib(p, MIB(3)), 5 * page() >> 10);
	pages_free(p);
}

Test(malloc_advise, knows_which_hints_need_a_block_apart)
{
	char *p = get(MIB(3)), *q = pages_malloc_with(MIB(3), 0, PAGES_MALLOC_DEDICATED);
	size_t len = pages_usable_size(q);

	SKIP_WITHOUT_ARENA();
	errno = 1234;
	for (int hint = PAGES_HINT_NORMAL; hint <= PAGES_HINT_UNMERGEABLE; hint++) {
		bool page_wise = (hint >= PAGES_HINT_WILL_NEED && hint <= PAGES_HINT_FREE) ||
				 hint == PAGES_HINT_COLLAPSE;
		int err = pages_malloc_advise(p, 0, MIB(3), (enum pages_hint)hint);

		cr_assert(page_wise || err == -EOPNOTSUPP, "hint %d: %d", hint, err);
		if (!page_wise)
			cr_assert_eq(pages_malloc_advise(q, 0, len / 2, (enum pages_hint)hint), -EINVAL);
	}
	cr_assert_eq(pages_malloc_advise(q, 0, len, (enum pages_hint)99), -EINVAL);
	cr_assert_eq(pages_malloc_advise(q, 1, len, PAGES_HINT_COLD), -ERANGE);
	cr_assert_eq(pages_malloc_advise(NULL, 0, 1, PAGES_HINT_COLD), -ERANGE);
	cr_assert_eq(errno, 1234);
}

Test(malloc_advise, hints_stay_until_the_block_is_freed)
{
	char *p = pages_malloc_with(MIB(4), 0, PAGES_MALLOC_DEDICATED);

	SKIP_WITHOUT_ARENA();
	SKIP_IF_EMULATED("advice");
	cr_assert_not(has_flag(p, " dd"));
	cr_assert_eq(pages_malloc_advise(p, 0, MIB(4), PAGES_HINT_DONT_DUMP), 0);
	cr_assert(has_flag(p, " dd"));
	p = pages_realloc(p, MIB(50));
	cr_assert(has_flag(p, " dd") && has_flag(p + MIB(50) - 1, " dd"));
	cr_assert_eq(pages_malloc_advise(p, 0, MIB(50), PAGES_HINT_DO_DUMP), 0);
	cr_assert_not(has_flag(p, " dd"));
	cr_assert_eq(pages_malloc_advise(p, 0, MIB(50), PAGES_HINT_DONT_DUMP), 0);
	pages_free(p);
	cr_assert_not(has_flag(p, " dd"));
}

/* ---- pages_malloc_with ---- */

Test(malloc_mapping_changed, ends_the_change_with_the_block)
{
	size_t size = 5 << 20, page = (size_t)sysconf(_SC_PAGESIZE);

	for (int i = 0; i < 8; i++) {
		char *p = pages_malloc(size), *q;

		cr_assert_not_null(p);
		memset(p, 1, size);
		errno = 77;
		pages_malloc_mapping_changed(p + page, page);
		cr_assert_eq(errno, 77);
		if (mprotect((void *)(((uintptr_t)p + page) & ~(page - 1)), page, PROT_READ) != 0)
			cr_skip_test("no mprotect");
		pages_free(p);
		q = pages_malloc(size + (size_t)i * size);
		cr_assert_not_null(q);
		memset(q, 2, size + (size_t)i * size);
		pages_free(q);
	}
}

/* What the kernel may take is nobody's memory until it is written to. */
Test(malloc_advise, leaves_no_block_that_the_kernel_may_take)
{
	size_t size = 6 << 20;
	char *p = pages_malloc(size), *q;

	cr_assert_not_null(p);
	if (!pages_owns(p))
		cr_skip_test("no heap here");
	memset(p, 1, size);
	if (pages_malloc_advise(p, 0, size, PAGES_HINT_FREE) != 0)
		cr_skip_test("the kernel does not know MADV_FREE");
	pages_free(p);
	q = pages_malloc(size);
	cr_assert_eq(q, p, "the place is still the best");
	/* It was mapped anew, so it is zero, whether or not the kernel had taken it. */
	for (size_t i = 0; i < size; i++)
		cr_assert_eq(q[i], 0);
	pages_free(q);
}

Test(malloc_with, gives_each_flag_to_the_block_and_to_nobody_else)
{
	static const struct {
		unsigned flags;
		const char *seen;
	} table[] = {
		{ PAGES_MALLOC_NO_HUGE, " nh" },
		{ PAGES_MALLOC_HUGE, " hg" },
		{ PAGES_MALLOC_DONT_FORK, " dc" },
		{ PAGES_MALLOC_WIPE_ON_FORK, " wf" },
		{ PAGES_MALLOC_DONT_DUMP, " dd" },
		{ PAGES_MALLOC_DONT_DUMP | PAGES_MALLOC_DONT_FORK, " dc" },
	};

	SKIP_WITHOUT_ARENA();
	SKIP_IF_EMULATED("advice");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		char *p = pages_malloc_with(MIB(3), 0, table[i].flags), *q = get(MIB(1));
		bool huge = (table[i].flags & (PAGES_MALLOC_HUGE | PAGES_MALLOC_NO_HUGE)) != 0;

		cr_assert(pages_owns(p));
		if (!(huge && disabled("huge")))
			cr_assert(has_flag(p, table[i].seen) && has_flag(p + MIB(3) - 1, table[i].seen));
		if (table[i].flags != PAGES_MALLOC_HUGE)
			cr_assert_not(has_flag(q, table[i].seen));
		memset(p, 1, MIB(3));
		pages_free(p);
		if (table[i].flags != PAGES_MALLOC_HUGE)
			cr_assert_not(has_flag(p, table[i].seen));
		pages_free(q);
	}
}

Test(malloc_with, takes_small_sizes_and_any_alignment)
{
	for (size_t align = 0; align <= MIB(8); align = align == 0 ? 1 : 2 * align) {
		char *p = pages_malloc_with(10, align, PAGES_MALLOC_NO_HUGE);
		char *q = pages_malloc_with(10, align, 0), *r = pages_malloc_with(0, align, PAGES_MALLOC_DEDICATED);

		cr_assert(p != NULL && q != NULL && r != NULL);
		cr_assert(align == 0 || ((uintptr_t)p % align == 0 && (uintptr_t)q % align == 0));
		cr_assert_geq(pages_usable_size(p), 10);
		memset(p, 1, 10);
		pages_free(p);
		pages_free(q);
		pages_free(r);
	}
}

Test(malloc_with, refuses_what_makes_no_sense)
{
	static volatile size_t too_much = (size_t)PTRDIFF_MAX + 1;
	const struct {
		size_t size, align;
		unsigned flags;
		int error;
	} bad[] = {
		{ 1, 48, 0, EINVAL },
		{ 1, 48, PAGES_MALLOC_DEDICATED, EINVAL },
		{ 1, 0, 1u << 30, EINVAL },
		{ 1, 0, PAGES_MALLOC_HUGE | PAGES_MALLOC_NO_HUGE, EINVAL },
		{ 1, 0, PAGES_MALLOC_HUGETLB | PAGES_MALLOC_NO_HUGE, EINVAL },
		{ too_much, 0, PAGES_MALLOC_DEDICATED, ENOMEM },
		{ (size_t)1 << 46, 0, PAGES_MALLOC_DONT_DUMP, ENOMEM },
	};

	SKIP_WITHOUT_ARENA();
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		cr_assert_null(pages_malloc_with(bad[i].size, bad[i].align, bad[i].flags), "%zu", i);
		cr_assert_eq(errno, bad[i].error, "%zu", i);
	}
}

Test(malloc_with, never_leaves_a_flag_behind_in_a_realloc)
{
	char *p, *wall;

	SKIP_WITHOUT_ARENA();
	SKIP_IF_EMULATED("advice");
	p = pages_malloc_with(MIB(3), 0, PAGES_MALLOC_DONT_DUMP);
	wall = pages_malloc_with(MIB(3), 0, PAGES_MALLOC_DONT_FORK);
	mark(p, MIB(3), 1);
	p = pages_realloc(p, MIB(30));
	cr_assert(is_marked(p, MIB(3), MIB(3), 1));
	cr_assert(has_flag(p, " dd") && has_flag(p + MIB(30) - 1, " dd"));
	cr_assert_not(has_flag(p, " dc"));
	/* So small that an ordinary block would become malloc's. */
	p = pages_realloc(p, 100);
	cr_assert(pages_owns(p) && has_flag(p, " dd"));
	p = pages_resize_discard(p, MIB(60));
	cr_assert(has_flag(p, " dd") && has_flag(p + MIB(60) - 1, " dd"));
	cr_assert(pages_try_expand(p, pages_usable_size(p) + 1));
	cr_assert(has_flag(p + pages_usable_size(p) - 1, " dd"));
	errno = 0;
	cr_assert_null(pages_realloc(p, (size_t)1 << 46));
	cr_assert_eq(errno, ENOMEM);
	pages_free(wall);
	pages_free(p);
}

Test(malloc_with, wipes_and_withholds_in_children)
{
	char *wiped, *withheld;
	int status;
	pid_t pid;

	SKIP_WITHOUT_ARENA();
	SKIP_IF_EMULATED("forks");
	wiped = pages_malloc_with(MIB(3), 0, PAGES_MALLOC_WIPE_ON_FORK);
	withheld = pages_malloc_with(MIB(3), 0, PAGES_MALLOC_DONT_FORK);
	memset(wiped, 1, MIB(3));
	memset(withheld, 1, MIB(3));
	pid = fork();
	if (pid == 0) {
		signal(SIGSEGV, SIG_DFL);
		if (!is_zero(wiped, MIB(3)))
			_exit(1);
		_exit(fault_of(withheld, false) == withheld ? 0 : 2);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0, "%#x", status);
	cr_assert_eq(wiped[MIB(3) - 1], 1);
	cr_assert_eq(withheld[MIB(3) - 1], 1);
}

Test(malloc_with, uses_the_pool_of_huge_pages_while_it_has_any)
{
	char *p, *q;

	SKIP_WITHOUT_ARENA();
	p = pages_malloc_with(MIB(6), 0, PAGES_MALLOC_HUGETLB);
	memset(p, 1, MIB(6));
	if (!has_flag(p, " ht")) {
		pages_free(p);
		cr_skip_test("the hugetlb pool is empty");
	}
	mark(p, MIB(6), 1);
	cr_assert_eq(pages_malloc_prefault(p, KIB(4), KIB(4)), 0);
	q = pages_realloc(p, MIB(300));		/* more than it will have */
	cr_assert(is_marked(q, MIB(6), MIB(6), 1));
	pages_free(q);
	cr_assert_not(has_flag(q, " ht"));
}

static void
free_apart_twice(void)
{
	char *p = pages_malloc_with(MIB(1), 0, PAGES_MALLOC_DEDICATED);

	pages_free(p);
	pages_free(p);
}

static void
free_apart_inner(void)
{
	char *p = pages_malloc_with(MIB(4), 0, PAGES_MALLOC_DEDICATED);

	pages_free(p + MIB(2));
}

Test(malloc_with, ends_the_process_at_a_double_free)
{
	SKIP_WITHOUT_ARENA();
	expect_last_words(free_apart_twice, "pages: free(): invalid pointer 0x*: "
			  "there is no block below\n");
	expect_last_words(free_apart_inner, "pages: free(): invalid pointer 0x*: "
			  "byte 2097152 of the block of 4194304 bytes at 0x*\n");
}

/* Too little address space for an arena: wishes are dropped, promises not made. */
Test(malloc_with, makes_no_promises_without_an_arena)
{
	const struct rlimit tight = { MIB(400), MIB(400) };
	char *p;

	if (getenv("SANITIZED") != NULL)
		cr_skip_test("sanitizers need more address space");
	setenv("PAGES_DISABLE", "hint", 1);
	cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
	p = pages_malloc_with(MIB(1), KIB(64), PAGES_MALLOC_NO_HUGE | PAGES_MALLOC_DEDICATED);
	cr_assert_not_null(p);
	cr_assert_not(pages_owns(p));
	cr_assert_eq((uintptr_t)p % KIB(64), 0);
	cr_assert_eq(pages_malloc_advise(p, 0, pages_usable_size(p), PAGES_HINT_NO_HUGE), -EOPNOTSUPP);
	cr_assert_eq(pages_malloc_prefault(p, 0, MIB(1)), 0);
	cr_assert_not(pages_try_expand(p, MIB(10)));
	p = pages_resize_discard(p, MIB(2));
	cr_assert_geq(pages_usable_size(p), MIB(2));
	pages_free(p);
	errno = 0;
	cr_assert_null(pages_malloc_with(MIB(1), 0, PAGES_MALLOC_DONT_DUMP));
	cr_assert_eq(errno, EOPNOTSUPP);
}

static void *
churn(void *arg)
{
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	char *p = NULL;

	for (int i = 0; i < 300; i++) {
		size_t len = random_size(&seed, KIB(4), MIB(9));

		if (p == NULL) {
			p = pages_malloc_with(len, 0, seed % 2 != 0 ? PAGES_MALLOC_DONT_DUMP : 0);
		} else if (seed % 3 == 0) {
			pages_free(p);
			p = NULL;
		} else {
			char *q = seed % 2 == 0 ? pages_realloc(p, len) : pages_resize_discard(p, len);

			p = q != NULL ? q : p;
		}
		if (p != NULL)
			mark(p, pages_usable_size(p), seed);
		(void)random_next(&seed);
	}
	pages_free(p);
	return NULL;
}

Test(malloc_with, works_from_several_threads_at_once)
{
	pthread_t t[4];
	struct pages_stats st;

	for (uintptr_t i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, churn, (void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	st = stats();
	cr_assert_null(what_does_not_add_up(&st), "%s", what_does_not_add_up(&st));
	cr_assert_eq(st.live_objects, 0);
}
