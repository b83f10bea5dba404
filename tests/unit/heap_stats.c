/* SPDX-License-Identifier: MIT */
/*
 * heap_stats.c - tests of the heap's counters, against each other and against a model that
 * counts the same requests
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/heap.h"
#include "support/add_up.h"
#include "support/support.h"

enum { BLOCKS = 30, STEPS = 3000 };

static struct pages_heap h;

struct block {
	char *p;
	size_t len;
};

/* The counters that the heap should have. */
struct model {
	uint64_t served, bytes, declined, frees, grown, live_pages;
};

static size_t
whole_pages(size_t len)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (len + page - 1) / page * page;
}

static struct pages_stats
stats(void)
{
	struct pages_stats st;

	pages_heap_stats(&h, &st);
	return st;
}

static uint64_t
declined(const struct pages_stats *s)
{
	return s->declined_no_arena + s->declined_no_space + s->declined_refused +
	       s->declined_busy;
}

static void
open_heap(void)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;

	SKIP_WITHOUT_A_HEAP();
	/* Small enough to be full now and then. */
	o.arena_max = MIB(160);
	pages_heap_configure(&h, &o);
}

static void
drop(struct block *b, struct model *m)
{
	pages_heap_free(&h, b->p);
	m->frees++;
	m->live_pages -= whole_pages(b->len);
	*b = (struct block){ NULL, 0 };
}

static void
take(struct block *b, size_t len, uint64_t how, struct model *m)
{
	char *p = pages_heap_alloc(&h, len, how % 8 == 0 ? MIB(1) : 1, how % 5 == 0);

	if (p == NULL) {
		m->declined++;
		return;
	}
	*p = 1;
	m->served++;
	m->bytes += len;
	m->live_pages += whole_pages(len);
	*b = (struct block){ p, len };
}

static void
resize(struct block *b, size_t len, struct model *m)
{
	size_t was = whole_pages(b->len), is = whole_pages(len);
	char *p = pages_heap_resize(&h, b->p, len, true);

	if (p == NULL) {
		m->declined++;
		return;
	}
	m->grown += is > was;
	m->bytes += is > was ? is - was : 0;
	m->live_pages += is - was;
	*b = (struct block){ p, len };
}

static void
check(const struct model *m, int step)
{
	struct pages_stats st = stats();
	const char *wrong = what_does_not_add_up(&st);

	cr_assert_null(wrong, "step %d: %s", step, wrong);
	cr_assert_eq(st.requests, m->served, "step %d", step);
	cr_assert_eq(st.requested_bytes, m->bytes, "step %d", step);
	cr_assert_eq(declined(&st), m->declined, "step %d", step);
	cr_assert_eq(st.frees, m->frees, "step %d", step);
	cr_assert_eq(st.grown_in_place + st.grown_by_move, m->grown, "step %d", step);
	cr_assert_eq(st.live_bytes, m->live_pages, "step %d", step);
}

static void
work(struct block *blocks, uint64_t *seed, struct model *m, int step)
{
	struct block *b = &blocks[random_next(seed) % BLOCKS];
	size_t len = random_size(seed, KIB(4), MIB(30));
	uint64_t how = random_next(seed);

	if (b->p == NULL)
		take(b, len, how, m);
	else if (how % 3 == 0)
		resize(b, len, m);
	else
		drop(b, m);
	if (step % 300 == 0)
		(void)pages_heap_trim(&h, MIB(how % 64));
}

Test(counters, add_up_after_every_step_of_random_work)
{
	struct block blocks[BLOCKS] = { { NULL, 0 } };
	struct model m = { 0 };
	uint64_t seed = 7;

	open_heap();
	for (int i = 0; i < STEPS; i++) {
		work(blocks, &seed, &m, i);
		check(&m, i);
	}
	for (int i = 0; i < BLOCKS; i++)
		if (blocks[i].p != NULL)
			drop(&blocks[i], &m);
	check(&m, STEPS);
	cr_assert_gt(m.declined, 0);
	cr_assert_gt(m.grown, 50);
	(void)pages_heap_trim(&h, 0);
	cr_assert_eq(stats().fresh_bytes, stats().returned_bytes);
	cr_assert(pages_heap_valid(&h));
	pages_heap_close(&h);
}

/* By way of the front cache, without the lock. */
Test(counters, add_up_when_blocks_are_freed_and_asked_for_again)
{
	struct model m = { 0 };
	struct block b = { NULL, 0 };

	open_heap();
	for (int i = 0; i < 1000; i++) {
		take(&b, MIB(3), 1, &m);
		drop(&b, &m);
	}
	check(&m, 0);
	cr_assert_gt(stats().reused_bytes, 900 * MIB(3));
	pages_heap_close(&h);
}

static void *
thread(void *arg)
{
	struct block blocks[BLOCKS] = { { NULL, 0 } };
	uint64_t seed = (uint64_t)(uintptr_t)arg;
	struct model m = { 0 };

	for (int i = 0; i < STEPS; i++)
		work(blocks, &seed, &m, 1);
	return NULL;
}

Test(counters, add_up_after_threads_have_been_at_work)
{
	pthread_t t[4];
	struct pages_stats st;

	open_heap();
	for (uintptr_t i = 0; i < 4; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, thread, (void *)(i + 1)), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	st = stats();
	cr_assert_null(what_does_not_add_up(&st), "%s", what_does_not_add_up(&st));
	cr_assert(pages_heap_valid(&h));
	pages_heap_close(&h);
}

static bool
child_adds_up(struct block *blocks, const struct pages_stats *parent)
{
	struct pages_stats st = stats();
	struct model m = { 0 };
	uint64_t seed = 3;

	if (st.inherited_objects != parent->live_objects || st.requests != 0 || st.frees != 0)
		return false;
	for (int i = 0; i < 300; i++) {
		work(blocks, &seed, &m, i);
		st = stats();
		if (what_does_not_add_up(&st) != NULL || st.frees != m.frees)
			return false;
	}
	return true;
}

Test(counters, add_up_in_a_forked_child_that_inherits_blocks)
{
	struct block blocks[BLOCKS] = { { NULL, 0 } };
	struct model m = { 0 };
	struct pages_stats st;
	uint64_t seed = 9;
	int status;
	pid_t pid;

	open_heap();
	for (int i = 0; i < 200; i++)
		work(blocks, &seed, &m, 1);
	st = stats();
	pages_heap_fork_prepare(&h);
	pid = fork();
	if (pid == 0) {
		pages_heap_fork_child(&h);
		_exit(child_adds_up(blocks, &st) ? 0 : 1);
	}
	pages_heap_fork_parent(&h);
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0);
	pages_heap_close(&h);
}

/* There is nothing to point into, not even at its start: the sanitizer looks. */
Test(counters, can_be_read_before_the_heap_is_opened)
{
	static struct pages_heap unopened;
	struct pages_stats st;

	pages_heap_stats(&unopened, &st);
	cr_assert_eq(st.arena_bytes, 0);
	cr_assert_eq(st.live_objects, 0);
	cr_assert_eq(pages_heap_release_space(&unopened, SIZE_MAX), 0);
	cr_assert_eq(pages_heap_trim(&unopened, 0), 0);
}
