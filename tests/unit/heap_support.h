/* SPDX-License-Identifier: MIT */
/*
 * heap_support.h - a heap for each test, and helpers to inspect it
 */
#ifndef PAGES_TESTS_HEAP_SUPPORT_H
#define PAGES_TESTS_HEAP_SUPPORT_H

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <unistd.h>

#include "os/caps.h"
#include "heap/heap.h"
#include "support/support.h"

static struct pages_heap h;

static void
open_with(size_t arena_max, uint32_t retain_ms)
{
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;

	SKIP_WITHOUT_A_HEAP();
	o.arena_max = arena_max;
	o.retain_ms = retain_ms;
	pages_heap_configure(&h, &o);
}

static void
setup(void)
{
	open_with(MIB(1024), 3600 * 1000);
}

static __attribute__((unused)) void
teardown(void)
{
	cr_assert(pages_heap_valid(&h));
	pages_heap_close(&h);
}

static char *
get(size_t size)
{
	char *p = pages_heap_alloc(&h, size, 1, false);

	cr_assert_not_null(p);
	return p;
}

static struct pages_stats
stats(void)
{
	struct pages_stats st;

	pages_heap_stats(&h, &st);
	return st;
}

/* Resident bytes of [p, p + len). */
static __attribute__((unused)) size_t
resident(const char *p, size_t len)
{
	static unsigned char vec[1 << 20];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 0;

	cr_assert_eq(mincore((void *)(uintptr_t)p, len, vec), 0);
	for (size_t i = 0; i < (len + page - 1) / page; i++)
		n += vec[i] & 1;
	return n * page;
}

/* Fork as fork() does with the heap's handlers installed. */
static __attribute__((unused)) pid_t
fork_heap(void)
{
	pid_t pid;

	pages_heap_fork_prepare(&h);
	pid = fork();
	if (pid == 0)
		pages_heap_fork_child(&h);
	else
		pages_heap_fork_parent(&h);
	return pid;
}

#define HEAP(name) TEST_WITH_FIXTURE(heap, name)

#endif /* PAGES_TESTS_HEAP_SUPPORT_H */
