/* SPDX-License-Identifier: MIT */
/*
 * pages_near.c - pages within reach of an address, and code that calls what is there
 */
#include "pages_support.h"

#include <pthread.h>

static long
answer(void)
{
	return 4711;
}

/* Code for address at: long f(void) { return target(); } by the call that linkers use. */
#if defined(__x86_64__)
static size_t
assemble(unsigned char *code, uintptr_t at, uintptr_t target)
{
	intptr_t distance = (intptr_t)(target - (at + 9));
	int32_t rel = (int32_t)distance;

	cr_assert_eq(rel, distance);
	memcpy(code, "\x48\x83\xec\x08\xe8", 5);	/* sub $8, %rsp; call */
	memcpy(code + 5, &rel, 4);
	memcpy(code + 9, "\x48\x83\xc4\x08\xc3", 5);	/* add $8, %rsp; ret */
	return 14;
}
#elif defined(__aarch64__)
static size_t
assemble(unsigned char *code, uintptr_t at, uintptr_t target)
{
	intptr_t distance = (intptr_t)(target - (at + 4));
	uint32_t words[] = { 0xa9bf7bfd, 0x94000000, 0xa8c17bfd, 0xd65f03c0 };

	cr_assert(distance >= -(1 << 27) && distance < 1 << 27);
	words[1] |= (uint32_t)(distance >> 2) & 0x3ffffff;
	memcpy(code, words, sizeof(words));	/* stp; bl; ldp; ret */
	return sizeof(words);
}
#else
#define NO_CODE
static size_t
assemble(unsigned char *code, uintptr_t at, uintptr_t target)
{
	(void)at;
	(void)target;
	code[0] = 0;
	return 0;
}
#endif

#ifdef PAGES_CALL_REACH
#define REACH PAGES_CALL_REACH
#else
#define REACH ((size_t)MIB(100))
#endif

#define ANSWER ((uintptr_t)answer)

static bool
reaches(const void *start, size_t len, uintptr_t target, size_t within)
{
	uintptr_t p = (uintptr_t)start;

	return (p >= target || target - p <= within) && (p + len <= target || p + len - target <= within);
}

static struct pages_options
near_options(size_t len, uintptr_t target, size_t within)
{
	return (struct pages_options){ .len = len, .target = target, .within = within };
}

Test(near, code_calls_a_function_of_the_program)
{
	unsigned char code[32];
	struct pages_jit jit = {0};
	int err = pages_jit_open_near(&jit, page(), answer, REACH);
	size_t len;

#ifdef NO_CODE
	cr_skip_test("no code for this machine");
#endif
	SKIP_IF_EMULATED("code is translated once");
	if (err == -EACCES)
		cr_skip_test("a policy forbids code");
	cr_assert_eq(err, 0);
	len = assemble(code, (uintptr_t)PAGES_JIT_FN(&jit, 0, void(void)), ANSWER);
	cr_assert_eq(pages_jit_write(&jit, 0, code, len), 0);
	cr_assert_eq(PAGES_JIT_FN(&jit, 0, long(void))(), 4711);
	/* And from the very end. */
	len = assemble(code, (uintptr_t)PAGES_JIT_FN(&jit, page() - len, void(void)), ANSWER);
	cr_assert_eq(pages_jit_write(&jit, page() - len, code, len), 0);
	cr_assert_eq(PAGES_JIT_FN(&jit, page() - len, long(void))(), 4711);
	pages_jit_close(&jit);
}

Test(near, pages_that_become_code_call_it_too)
{
	struct pages_rw w = opened_with(near_options(1, ANSWER, REACH));
	struct pages_rx x = {0};
	int err;

#ifdef NO_CODE
	cr_skip_test("no code for this machine");
#endif
	assemble(pages_write(&w), (uintptr_t)pages_read(&w), ANSWER);
	err = pages_to_rx(&w, &x);
	if (err == -EACCES)
		cr_skip_test("a policy forbids code");
	cr_assert_eq(err, 0);
	cr_assert_eq(PAGES_FN(&x, 0, long(void))(), 4711);
	pages_close(&x);
}

/* Without PAGES_JIT_FN(), also where a jit cannot run. */
Test(near, a_jit_stays_in_reach_after_a_fork)
{
	struct pages_jit jit = {0};
	const char *run;
	pid_t pid;
	int err = pages_jit_open_near(&jit, MIB(1), answer, REACH);

	if (err == -EACCES)
		cr_skip_test("a policy forbids code");
	cr_assert_eq(err, 0);
	run = jit.run_;
	cr_assert(reaches(run, MIB(1), ANSWER, REACH));
	pid = fork();
	if (pid == 0)
		_exit(pages_jit_write(&jit, 0, "code", 4) == 0 && jit.run_ == run ? 0 : 1);
	cr_assert_eq(waitpid(pid, &err, 0), pid);
	cr_assert_eq(err, 0);
	cr_assert_eq(pages_jit_write(&jit, 0, "code", 4), 0);
	cr_assert_eq(jit.run_, run);
	pages_jit_close(&jit);
	cr_assert_eq(count_mappings(run, MIB(1)), 0);
}

Test(near, a_function_of_the_c_library_is_reached_too)
{
	struct pages_rw w = opened_with(near_options(MIB(1), (uintptr_t)qsort, REACH));

	cr_assert(reaches(pages_read(&w), MIB(1), (uintptr_t)qsort, REACH));
	pages_close(&w);
}

/* ---- where it is full ---- */

enum { WITHIN = 64 };		/* pages */

/* A taken range, in the middle of which is what is to be reached. */
static char *
take_all(void)
{
	size_t len = 4 * WITHIN * page();
	char *start = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(start, MAP_FAILED);
	memset(start, 'x', len);
	return start + len / 2;
}

static int
open_in_the_midst(struct pages_rw *w, const char *middle, size_t pages)
{
	struct pages_options o = near_options(pages * page(), (uintptr_t)middle, WITHIN * page());

	return pages_open_with(w, &o);
}

static bool
is_untouched(const char *middle, size_t from, size_t to)
{
	const char *p = middle - WITHIN * page();

	for (size_t i = from * page(); i < to * page(); i++)
		if (p[i] != 'x')
			return false;
	return true;
}

Test(near, a_full_range_is_refused_and_left_alone)
{
	char *middle = take_all();
	struct pages_rw w = {0};
	struct pages_jit jit = {0};

	cr_assert_eq(open_in_the_midst(&w, middle, 1), -EADDRNOTAVAIL);
	cr_assert_eq(pages_len(&w), 0);
	cr_assert_eq(pages_jit_open_near(&jit, 1, middle, WITHIN * page()), -EADDRNOTAVAIL);
	cr_assert_eq(pages_jit_len(&jit), 0);
	cr_assert(is_untouched(middle, 0, 2 * WITHIN));
}

/* Wherever it is: at both ends of what is in reach, and so small that chance does not find it. */
Test(near, the_only_hole_is_found)
{
	static const size_t holes[] = { 0, 1, 17, WITHIN - 1, WITHIN, 2 * WITHIN - 3, 2 * WITHIN - 2 };

	for (size_t i = 0; i < sizeof(holes) / sizeof(holes[0]); i++) {
		char *middle = take_all(), *hole = middle + (holes[i] - WITHIN) * page();
		struct pages_rw w = {0}, second = {0};

		cr_assert_eq(munmap(hole, 2 * page()), 0);
		cr_assert_eq(open_in_the_midst(&w, middle, 3), -EADDRNOTAVAIL);
		cr_assert_eq(open_in_the_midst(&w, middle, 2), 0);
		cr_assert_eq(pages_read(&w), (const void *)hole);
		cr_assert_eq(open_in_the_midst(&second, middle, 1), -EADDRNOTAVAIL);
		cr_assert(is_untouched(middle, 0, holes[i]));
		cr_assert(is_untouched(middle, holes[i] + 2, 2 * WITHIN));
		pages_close(&w);
		cr_assert_eq(open_in_the_midst(&w, middle, 1), 0);
		pages_close(&w);
	}
}

/* Beyond the last byte in reach there is room enough. */
Test(near, no_byte_is_out_of_reach)
{
	char *middle = take_all(), *end = middle + WITHIN * page();
	struct pages_rw w = {0};

	cr_assert_eq(munmap(end - page(), 4 * page()), 0);
	cr_assert_eq(munmap(middle - (WITHIN + 3) * page(), 4 * page()), 0);
	cr_assert_eq(open_in_the_midst(&w, middle, 2), -EADDRNOTAVAIL);
	cr_assert_eq(open_in_the_midst(&w, middle, 1), 0);
	cr_assert(pages_read(&w) == (void *)(end - page()) ||
		  pages_read(&w) == (void *)(middle - WITHIN * page()));
	pages_close(&w);
}

Test(near, guards_and_alignment_are_in_reach_as_well)
{
	struct pages_options o = near_options(2 * page(), ANSWER, REACH);
	struct pages_rw w;
	char *start, *end;

	o.guards = true;
	o.align = MIB(2);
	o.label = "near";
	w = opened_with(o);
	start = pages_write(&w);
	end = start + pages_len(&w);
	cr_assert_eq((uintptr_t)start % MIB(2), 0);
	cr_assert(reaches(start - page(), 4 * page(), ANSWER, REACH));
	cr_assert_eq(fault_of(start - 1, true), start - 1);
	cr_assert_eq(fault_of(end, true), end);
	cr_assert_eq(pages_verify(&w), 0);
	pages_close(&w);
	cr_assert_eq(count_mappings(start - page(), 4 * page()), 0);
}

Test(near, pages_stay_where_they_are)
{
	struct pages_options o = near_options(2 * page(), ANSWER, REACH);
	struct pages_rw w = opened_with(o);
	const void *start = pages_read(&w);

	cr_assert_eq(pages_resize(&w, 3 * page()), -ERANGE);
	cr_assert_eq(pages_resize(&w, page()), 0);
	cr_assert_eq(pages_resize(&w, 2 * page()), 0);
	cr_assert_eq(pages_read(&w), start);
	pages_close(&w);
	o.reserve = MIB(1);
	w = opened_with(o);
	cr_assert(reaches(pages_read(&w), MIB(1), ANSWER, REACH));
	cr_assert_eq(pages_resize(&w, MIB(1)), 0);
	pages_close(&w);
}

Test(near, what_makes_no_sense_is_refused)
{
	struct pages_options ok = near_options(1, ANSWER, REACH), o = ok;
	struct pages_frozen frozen = {0};
	struct pages_rw w = {0}, clone = {0};
	struct pages_jit jit = {0};

	o.within = 0;
	cr_assert_eq(pages_open_with(&w, &o), -EINVAL);
	o = ok;
	o.shared = true;
	cr_assert_eq(pages_open_with(&w, &o), -EINVAL);
	o = ok;
	o.huge = PAGES_HUGE_2M;
	cr_assert_eq(pages_open_with(&w, &o), -EINVAL);
	o = near_options(unseen(SIZE_MAX), ANSWER, REACH);
	cr_assert_eq(pages_open_with(&w, &o), -ENOMEM);
	o = near_options(1, 0, 1);		/* no address is that low */
	cr_assert_eq(pages_open_with(&w, &o), -EADDRNOTAVAIL);
	w = opened(1);
	cr_assert_eq(pages_freeze(&w, &frozen), 0);
	cr_assert_eq(pages_clone_with(&frozen, &clone, &ok), -EINVAL);
	pages_close(&frozen);
	cr_assert_eq(pages_jit_open_near(&jit, unseen(0), answer, REACH), -EINVAL);
	cr_assert_eq(pages_jit_open_near(&jit, 1, answer, 0), -EADDRNOTAVAIL);
}

/* ---- many ---- */

Test(near, a_thousand_have_each_a_place)
{
	static struct pages_rw w[1000];

	for (size_t i = 0; i < 1000; i++) {
		w[i] = opened_with(near_options(page(), ANSWER, REACH));
		cr_assert(reaches(pages_read(&w[i]), page(), ANSWER, REACH));
		memset(pages_write(&w[i]), (int)i % 251, page());
	}
	for (size_t i = 0; i < 1000; i++) {
		cr_assert_eq(PAGES_AT(unsigned char, &w[i], 0), i % 251);
		cr_assert_eq(PAGES_AT(unsigned char, &w[i], page() - 1), i % 251);
		pages_close(&w[i]);
	}
}

/* Room for one a thread, for which they contend. */
enum { THREADS = 4 };
static char *contended;
static _Atomic unsigned granted;

static void *
contend(void *arg)
{
	uintptr_t wrong = 0;

	for (int i = 0; i < 300; i++) {
		struct pages_rw w = {0};
		int err = open_in_the_midst(&w, contended, 1);

		/* An emulator's mmap now and then has no place at all, with pages of 64 KiB. */
		wrong += err != 0 && err != -EADDRNOTAVAIL && !(err == -ENOMEM && emulated());
		if (err != 0)
			continue;
		granted++;
		*(void **)pages_write(&w) = arg;
		sched_yield();
		wrong += *(void *const *)pages_read(&w) != arg;
		wrong += !reaches(pages_read(&w), page(), (uintptr_t)contended, WITHIN * page());
		pages_close(&w);
	}
	return (void *)wrong;
}

Test(near, threads_do_not_get_the_same)
{
	pthread_t threads[THREADS];
	char own[THREADS];
	void *wrong;

	contended = take_all();
	cr_assert_eq(munmap(contended, THREADS * page()), 0);
	for (size_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, contend, &own[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		cr_assert_eq(pthread_join(threads[i], &wrong), 0);
		cr_assert_null(wrong);
	}
	cr_assert_gt(granted, 0);
	cr_assert(is_untouched(contended, 0, WITHIN));
	cr_assert(is_untouched(contended, WITHIN + THREADS, 2 * WITHIN));
}
