/* SPDX-License-Identifier: MIT */
/*
 * vec_cache.c - freed vectors' pages that the next vectors get: what it saves, what it keeps,
 * and that a vector never notices
 *
 * Linked statically, so that the clock and the kernel can be had to say what a test wants.
 */
#include <pages/malloc.h>
#include <pages/paged_vec.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/caps.h"
#include "os/os.h"
#include "support/support.h"

PAGED_VEC(longs, long);
PAGED_VEC(doubles, double);

/* The clock, and the kernel's calls that keeping needs. */
static uint64_t later_by;
static unsigned fails_in;	/* calls to go; 0: none fails */

uint64_t __real_pages_os_now_ms(void);
uint64_t __wrap_pages_os_now_ms(void);
uint64_t
__wrap_pages_os_now_ms(void)
{
	return __real_pages_os_now_ms() + later_by;
}

#define WRAP(name, parameters, ...)                                                \
	int __real_##name parameters;                                              \
	int __wrap_##name parameters;                                              \
	int                                                                        \
	__wrap_##name parameters                                                   \
	{                                                                          \
		if (fails_in != 0 && --fails_in == 0)                              \
			return -ENOMEM;                                            \
		return __real_##name(__VA_ARGS__);                                 \
	}
WRAP(pages_os_protect, (void *p, size_t len, unsigned prot), p, len, prot)
WRAP(pages_os_advise, (void *p, size_t len, enum pages_os_advice advice), p, len, advice)
WRAP(pages_os_populate, (void *p, size_t len), p, len)
WRAP(pages_os_discard, (void *p, size_t len), p, len)

#define SKIP_IF_NOTHING_IS_KEPT()                                                  \
	do {                                                                       \
		if (!pages_can(PAGES_CAP_LAZY))                                    \
			cr_skip_test("nothing is kept without MADV_FREE");         \
	} while (0)
#define SKIP_IF_NOTHING_IS_HOT()                                                   \
	do {                                                                       \
		SKIP_IF_NOTHING_IS_KEPT();                                         \
		if (!pages_can(PAGES_CAP_WIPE))                                    \
			cr_skip_test("nothing is kept as it is without MADV_WIPEONFORK"); \
	} while (0)

static uint64_t
kept(void)
{
	struct pages_stats s;

	pages_malloc_stats(&s, sizeof(s));
	return s.vector_kept_bytes;
}

static uint64_t
reused(void)
{
	struct pages_stats s;

	pages_malloc_stats(&s, sizeof(s));
	return s.vector_reused_bytes;
}

static void
push_until(struct longs *v, size_t n)
{
	for (long i = (long)longs_len(v); i < (long)n; i++)
		if (longs_push(v, i) != 0)
			cr_assert_fail("push");
}

static void
check_count(const struct longs *v, size_t n)
{
	cr_assert_eq(longs_len(v), n);
	for (size_t i = 0; i < n; i += 509)
		cr_assert_eq(*longs_get(v, i), (long)i);
}

/* A vector with a capacity of so many bytes at least, all of them written. */
static struct longs
full(size_t bytes)
{
	struct longs v = {0};

	cr_assert_eq(longs_reserve_exact(&v, bytes / sizeof(long)), 0);
	cr_assert_eq(longs_resize(&v, bytes / sizeof(long), -1), 0);
	return v;
}

static void
free_one_of(size_t bytes)
{
	struct longs v = full(bytes);

	longs_free(&v);
}

static long
faults(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return u.ru_minflt;
}

/* 196 faults each, if each one has to begin with new pages. */
Test(vec_cache, vectors_one_after_the_other_fault_once)
{
	enum { VECTORS = 50, N = 100000 };
	long before = 0;

	SKIP_IF_NOTHING_IS_HOT();
	if (getenv("SANITIZED") != NULL)
		cr_skip_test("a sanitizer's memory faults, too");
	for (int k = 0; k <= VECTORS; k++) {
		struct doubles v = {0};

		for (int i = 0; i < N; i++)
			if (doubles_push(&v, i) != 0)
				cr_assert_fail("push");
		for (int i = 0; i < N; i += 511)
			cr_assert_eq(*doubles_get(&v, (size_t)i), i);
		doubles_free(&v);
		if (k == 0)
			before = faults();
	}
	cr_assert_leq(faults() - before, VECTORS);
}

Test(vec_cache, keeps_several_sizes)
{
	struct longs v[6];
	const long *place[6];
	uint64_t before;

	SKIP_IF_NOTHING_IS_KEPT();
	for (int i = 0; i < 6; i++) {
		v[i] = full(KIB(64) << i);
		place[i] = longs_cdata(&v[i]);
	}
	for (int i = 0; i < 6; i++)
		longs_free(&v[i]);
	before = reused();
	for (int i = 5; i >= 0; i--) {
		v[i] = full(KIB(64) << i);
		cr_assert_eq(longs_cdata(&v[i]), place[i]);
	}
	cr_assert_eq(kept(), 0);
	cr_assert_eq(reused() - before, KIB(64) * 63);
	for (int i = 0; i < 6; i++)
		longs_free(&v[i]);
}

/* Of 24 MiB, 16 are left to the kernel. */
Test(vec_cache, leaves_all_but_8_mib_to_the_kernel)
{
	struct longs v[12];
	size_t before = proc_bytes("smaps_rollup", "LazyFree:");

	SKIP_IF_NOTHING_IS_HOT();
	for (int i = 0; i < 12; i++)
		v[i] = full(MIB(2));
	for (int i = 0; i < 12; i++)
		longs_free(&v[i]);
	cr_assert_eq(kept(), MIB(24));
	if (proc_bytes("smaps_rollup", "Rss:") == 0)
		cr_skip_test("this kernel does not tell");
	cr_assert_geq(proc_bytes("smaps_rollup", "LazyFree:"), before + MIB(15));
}

Test(vec_cache, has_a_bound)
{
	struct longs v[20];

	SKIP_IF_NOTHING_IS_KEPT();
	for (int i = 0; i < 20; i++) {		/* reserved, but not written */
		v[i] = (struct longs){0};
		cr_assert_eq(longs_reserve_exact(&v[i], MIB(100) / sizeof(long)), 0);
	}
	for (int i = 0; i < 20; i++) {
		longs_free(&v[i]);
		cr_assert_leq(kept(), MIB(512));
	}
	cr_assert_eq(kept(), MIB(500));
	cr_assert_eq(longs_reserve_exact(&v[0], MIB(600) / sizeof(long)), 0);
	longs_free(&v[0]);
	cr_assert_eq(kept(), MIB(600), "the last one is kept alone");
	for (int i = 0; i < 20; i++)
		v[i] = full(KIB(64));
	for (int i = 0; i < 20; i++)
		longs_free(&v[i]);
	cr_assert_eq(kept(), 16 * KIB(64));
}

Test(vec_cache, is_emptied_by_trim)
{
	struct longs v[3] = { full(KIB(64)), full(MIB(2)), full(MIB(16)) };
	unsigned char in_core;
	char *place[3];

	SKIP_IF_NOTHING_IS_KEPT();
	for (int i = 0; i < 3; i++) {
		place[i] = (char *)longs_data(&v[i]);
		longs_free(&v[i]);
	}
	cr_assert_geq(pages_trim(MIB(17)), KIB(64));
	cr_assert_leq(kept(), MIB(17));
	cr_assert_geq(pages_trim(0), MIB(16));
	cr_assert_eq(kept(), 0);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(mincore(place[i], 4096, &in_core), -1, "%d is still mapped", i);
	cr_assert_eq(pages_trim(0), 0);
}

Test(vec_cache, forgets_with_age)
{
	size_t lazy;

	SKIP_IF_NOTHING_IS_HOT();
	free_one_of(MIB(3));
	lazy = proc_bytes("smaps_rollup", "LazyFree:");
	later_by = 2000;
	free_one_of(KIB(64));
	later_by = 4000;
	free_one_of(MIB(4));
	cr_assert_eq(kept(), MIB(7) + KIB(64));
	if (proc_bytes("smaps_rollup", "Rss:") != 0)
		cr_assert_geq(proc_bytes("smaps_rollup", "LazyFree:"), lazy + MIB(2));
	later_by = 13000;
	free_one_of(KIB(64));
	cr_assert_eq(kept(), MIB(4) + KIB(64));
	later_by = 30000;
	free_one_of(KIB(96));
	cr_assert_eq(kept(), KIB(96));
}

/* What the last owner has done to the memory. */
static void
lock_all(char *p)
{
	cr_assert_eq(mlock(p, MIB(1)), 0);
}

static void
unmap_the_middle(char *p)
{
	cr_assert_eq(munmap(p + KIB(512), KIB(64)), 0);
}

static void
map_shared_memory(char *p)
{
	cr_assert_eq(mmap(p + KIB(512), KIB(64), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0), p + KIB(512));
}

static void
map_a_file(char *p)
{
	int fd = memfd_create("file", 0);

	cr_assert_eq(ftruncate(fd, (off_t)KIB(64)), 0);
	cr_assert_eq(mmap(p, KIB(64), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, fd, 0), p);
	close(fd);
}

Test(vec_cache, does_not_keep_what_is_no_longer_the_vectors)
{
	void (*spoil[])(char *) = { lock_all, unmap_the_middle, map_shared_memory, map_a_file };

	for (size_t i = 0; i < sizeof(spoil) / sizeof(*spoil); i++) {
		struct longs v = full(MIB(1));
		struct rlimit locks;

		getrlimit(RLIMIT_MEMLOCK, &locks);
		if (spoil[i] == lock_all && (!locks_are_real() || locks.rlim_cur < MIB(1)))
			continue;
		spoil[i]((char *)longs_data(&v));
		longs_free(&v);
		cr_assert_eq(kept(), 0, "spoilt in way %zu", i);
	}
}

Test(vec_cache, resets_permissions)
{
	for (size_t bytes = KIB(64); bytes <= MIB(16); bytes *= 16) {
		struct longs v = full(bytes);

		cr_assert_eq(mprotect(longs_data(&v), bytes / 2, PROT_READ), 0);
		longs_free(&v);
		v = full(bytes);
		longs_free(&v);
	}
}

/* Its pages would be kept twice, and two later vectors would share them. */
Test(vec_cache, aborts_when_a_vector_is_freed_twice_through_a_copy)
{
	SKIP_IF_NOTHING_IS_KEPT();
	for (size_t bytes = KIB(64); bytes <= MIB(16); bytes *= 16) {
		pid_t child = fork();
		int status;

		if (child == 0) {
			struct longs v = full(bytes), copy = v;

			(void)!freopen("/dev/null", "w", stderr);
			longs_free(&v);
			free_one_of(bytes / 4 * 3);
			longs_free(&copy);
			_exit(0);
		}
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

/* Parent and child each have the cache as it was, and write to it apart. */
Test(vec_cache, survives_a_fork)
{
	struct longs v;
	int status;
	pid_t child;

	free_one_of(MIB(1));
	free_one_of(MIB(8));
	child = fork();
	for (size_t bytes = MIB(1); bytes <= MIB(8); bytes *= 8) {
		v = (struct longs){0};
		cr_assert_eq(longs_resize_zeroed(&v, bytes / sizeof(long)), 0);
		cr_assert(is_zero((char *)longs_data(&v), bytes));
		for (size_t i = 0; i < longs_len(&v); i++)
			*longs_at(&v, i) = child == 0;
		for (size_t i = 0; i < longs_len(&v); i++)
			cr_assert_eq(*longs_at(&v, i), child == 0);
		longs_free(&v);
	}
	if (child == 0)
		_exit(0);
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert_eq(status, 0);
}

static void *
work(void *seed)
{
	uint64_t state = (uintptr_t)seed;

	for (int round = 0; round < 300; round++) {
		struct longs v[3] = {{{0}}};
		size_t n[3];

		for (size_t i = 0; i < 3; i++) {
			n[i] = random_size(&state, 1000, 400000);
			for (size_t k = 0; k < n[i]; k++)
				if (longs_push(&v[i], (long)(state + k)) != 0)
					return (void *)(uintptr_t)"push failed";
		}
		for (size_t i = 0; i < 3; i++) {
			for (size_t k = 1; k < n[i]; k++)
				if (*longs_at(&v[i], k) != *longs_at(&v[i], 0) + (long)k)
					return (void *)(uintptr_t)"two vectors have the same pages";
			longs_free(&v[i]);
		}
		if (round % 50 == 0)
			(void)pages_trim(0);
	}
	return NULL;
}

Test(vec_cache, threads_get_pages_of_their_own)
{
	enum { THREADS = 4 };
	pthread_t thread[THREADS];
	void *complaint;

	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&thread[i], NULL, work, (void *)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_join(thread[i], &complaint), 0);
		cr_assert_null(complaint, "%s", (const char *)complaint);
	}
	(void)pages_trim(0);
	cr_assert_eq(kept(), 0);
}

/* Each call in turn: then pages may be closed, but nothing is lost, and no vector notices. */
Test(vec_cache, a_refusal_of_the_kernel_costs_only_the_pages)
{
	static const size_t sizes[] = { KIB(64), MIB(1), MIB(8) };
	size_t before = count_mappings(NULL, SIZE_MAX / 2);

	for (unsigned k = 1; k <= 40; k++) {
		for (size_t i = 0; i < 3; i++) {
			struct longs v;

			later_by += 1100;	/* hot ones become muzzy in between */
			fails_in = k;
			free_one_of(sizes[i]);
			v = full(sizes[i]);
			for (size_t j = 0; j < longs_len(&v); j += 512)
				cr_assert_eq(*longs_at(&v, j), -1);
			longs_free(&v);
			fails_in = 0;
		}
	}
	(void)pages_trim(0);
	cr_assert_eq(kept(), 0);
	cr_assert_leq(count_mappings(NULL, SIZE_MAX / 2), before + 3);
}

/* What the last one left is used again, and its contents show nowhere. */
Test(vec_cache, keeps_the_pages_of_the_last_big_vector_for_the_next)
{
	struct paged_vec_options o = { .capacity = MIB(1) };
	struct longs v = {0}, w = {0}, small = {0};
	const long *place;

	SKIP_IF_NOTHING_IS_KEPT();
	push_until(&v, MIB(8));
	place = longs_cdata(&v);
	longs_free(&v);
	push_until(&small, MIB(1) / 8);
	cr_assert_neq(longs_cdata(&small), place);
	cr_assert_eq(longs_open(&v, &o), 0);
	cr_assert_eq(longs_cdata(&v), place);
	cr_assert_geq(longs_capacity(&v), MIB(8));
	cr_assert_eq(longs_open(&w, &o), 0);
	cr_assert_neq(longs_cdata(&w), place);
	cr_assert_eq(longs_resize_zeroed(&v, MIB(8)), 0);
	for (size_t i = 0; i < MIB(8); i++)
		cr_assert_eq(*longs_at(&v, i), 0);
	longs_clear(&v);
	push_until(&v, MIB(9));
	check_count(&v, MIB(9));
	longs_free(&v);
	longs_free(&w);
	longs_free(&small);
}

Test(vec_cache, does_not_keep_pages_with_hints_of_the_caller)
{
	struct paged_vec_options o = { .capacity = MIB(1) };
	struct longs v = {0}, w = {0};
	struct pages_range r = {0};

	push_until(&v, MIB(8));
	cr_assert_eq(longs_advise(&v, PAGES_HINT_DONT_FORK), 0);
	longs_free(&v);
	cr_assert_eq(longs_open(&w, &o), 0);
	cr_assert_eq(longs_resident(&w, &r), 0);
	cr_assert_eq(r.len, 0);
	longs_free(&w);
}

Test(vec_cache, is_zero_where_it_should_be_in_pages_that_were_used)
{
	struct paged_vec_options o = { .capacity = MIB(8) / sizeof(long) };
	struct longs v = {0}, w = {0};

	push_until(&v, MIB(8));
	for (size_t i = 0; i < longs_len(&v); i++)
		*longs_at(&v, i) = -1;
	longs_free(&v);
	cr_assert_eq(longs_open(&w, &o), 0);
	cr_assert_eq(longs_resize_zeroed(&w, o.capacity), 0);
	cr_assert(is_zero((const char *)longs_data(&w), MIB(8)));
	longs_free(&w);
}

/*
 * What is kept is left to the kernel; before a vector gets it each page is stored to, since
 * what the kernel itself writes there later would not count.  Without swap, paging out takes
 * just what was not.
 */
Test(vec_cache, that_was_kept_cannot_be_taken_from_its_next_owner)
{
	struct paged_vec_options o = { .capacity = MIB(16) / sizeof(long) };
	struct longs v = {0}, w = {0};
	char *p;
	size_t kept = 0, lost = 0;

	SKIP_IF_NOTHING_IS_KEPT();
	push_until(&v, MIB(16));
	for (size_t i = 0; i < longs_len(&v); i++)
		*longs_at(&v, i) = -1;
	longs_free(&v);
	cr_assert_eq(longs_open(&w, &o), 0);
	p = (char *)longs_data(&w);
	for (size_t i = 100; i < MIB(16); i += 4096)
		kept += p[i] == -1;
	if (madvise(p, MIB(16), 21 /* MADV_PAGEOUT */) != 0)
		cr_skip_test("this kernel cannot page out");
	for (size_t i = 100; i < MIB(16); i += 4096)
		lost += p[i] != -1;
	cr_assert_geq(kept, MIB(15) / 4096);
	cr_assert_leq(lost, MIB(16) / 4096 - kept, "%zu of %zu pages are lost", lost, kept);
	longs_free(&w);
}

Test(vec_cache, gives_up_what_is_kept_when_address_space_is_short)
{
	struct rlimit limit = { 0, RLIM_INFINITY };
	struct longs v = {0};

	SKIP_IF_NOTHING_IS_KEPT();
	push_until(&v, MIB(32));
	longs_free(&v);
	limit.rlim_cur = proc_bytes("status", "VmSize") + MIB(32);
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	cr_assert_eq(longs_reserve_exact(&v, MIB(34)), 0);
	longs_free(&v);
}
