/* SPDX-License-Identifier: MIT */
/*
 * heap_fork.c - tests of the heap across forks: what the parent keeps, what the child inherits
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/caps.h"
#include "heap_support.h"

static int
status_of(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

/* Sixteen blocks, and then every second one is freed: eight runs of kept units. */
static void
fill_with_holes(char *p[16], size_t size)
{
	for (int i = 0; i < 16; i++)
		mark(p[i] = get(size), size, (uint64_t)i);
	for (int i = 0; i < 16; i += 2)
		pages_heap_free(&h, p[i]);
}

HEAP(keeps_its_memory_to_itself_when_it_forks)
{
	char *p[16], *q;
	size_t mappings;
	struct rusage before, after;
	pid_t pid;
	int hold[2];

	fill_with_holes(p, MIB(4));
	mappings = count_mappings(h.arena.base, h.units.mapped_end * PAGES_UNIT);
	cr_assert_eq(pipe(hold), 0);
	pid = fork_heap();
	if (pid == 0) {
		close(hold[1]);
		_exit((int)read(hold[0], &q, 1));	/* until the parent is done */
	}
	cr_assert_eq(stats().kept_bytes, MIB(32));
	cr_assert_eq(count_mappings(h.arena.base, h.units.mapped_end * PAGES_UNIT), mappings);
	if (pages_can(PAGES_CAP_WIPE)) {
		for (int i = 0; i < 16; i += 2)
			p[i] = get(MIB(4));
		getrusage(RUSAGE_SELF, &before);
		for (int i = 0; i < 16; i += 2)
			memset(p[i], 1, MIB(4));
		getrusage(RUSAGE_SELF, &after);
		cr_assert_eq(stats().reused_bytes, MIB(32));
		/* If the child shared these pages, there would be a fault for each huge page. */
		cr_assert_lt(after.ru_minflt - before.ru_minflt, 8);
	}
	close(hold[0]);
	close(hold[1]);
	cr_assert_eq(status_of(pid), 0);
	for (int i = 1; i < 16; i += 2)
		cr_assert(is_marked(p[i], MIB(4), MIB(4), (uint64_t)i));
}

/* In the child: 0, or a number for what is wrong. */
static int
look_around(char *p[16])
{
	char *q;
	pid_t pid;

	if (stats().kept_bytes != 0 || stats().live_bytes != MIB(32))
		return 1;
	for (int i = 0; i < 16; i++)
		if (resident(p[i], MIB(4)) != (i % 2 == 0 ? 0 : MIB(4)))
			return 2;
	for (int i = 1; i < 16; i += 2)
		if (!is_marked(p[i], MIB(4), MIB(4), (uint64_t)i))
			return 3;
	q = pages_heap_alloc(&h, MIB(40), 1, true);
	if (q == NULL || !is_zero(q, MIB(40)) || !pages_heap_valid(&h))
		return 4;
	/* The child's heap works on, and its own children inherit its new blocks. */
	mark(q, MIB(40), 77);
	mark(q = get(MIB(4)), MIB(4), 78);
	pid = fork_heap();
	if (pid == 0)
		_exit(!is_marked(q, MIB(4), MIB(4), 78));
	return status_of(pid) == 0 ? 0 : 5;
}

HEAP(passes_nothing_that_is_kept_on_to_a_child)
{
	char *p[16];
	pid_t pid;

	fill_with_holes(p, MIB(4));
	pid = fork_heap();
	if (pid == 0)
		_exit(look_around(p));
	cr_assert_eq(status_of(pid), 0);
}

HEAP(passes_on_what_was_kept_and_is_used_again)
{
	char *p[16];
	pid_t pid;

	fill_with_holes(p, MIB(4));
	pid = fork_heap();
	if (pid == 0)
		_exit(0);
	cr_assert_eq(status_of(pid), 0);
	for (int i = 0; i < 16; i += 2)
		mark(p[i] = get(MIB(4)), MIB(4), 100);
	pid = fork_heap();
	if (pid == 0) {
		for (int i = 0; i < 16; i += 2)
			if (!is_marked(p[i], MIB(4), MIB(4), 100))
				_exit(1);
		_exit(0);
	}
	cr_assert_eq(status_of(pid), 0);
}

HEAP(shares_what_it_cannot_hide_when_the_mapping_limit_is_near)
{
	char *p[16];
	pid_t pid;

	fill_with_holes(p, MIB(4));
	h.units.splits.max = 6;
	pid = fork_heap();
	if (pid == 0)
		_exit(stats().kept_bytes != 0);
	cr_assert_eq(stats().kept_bytes, MIB(32));
	cr_assert_eq(status_of(pid), 0);
}

/* Replace the mapping of free memory at p by one of another kind. */
static void
map_over(char *p, size_t len, int kind)
{
	void *q = mmap(p, len, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS | kind, -1, 0);

	cr_assert_eq(q, p);
}

HEAP(hides_nothing_for_good_where_the_kernel_refused_half_way)
{
	char *p = get(MIB(8)), *q;
	pid_t pid;

	memset(p, 1, MIB(8));
	pages_heap_free(&h, p);
	cr_assert_eq(stats().kept_bytes, MIB(8));
	map_over(p + MIB(4), MIB(4), MAP_SHARED);	/* MADV_WIPEONFORK fails here */
	pages_heap_fork_prepare(&h);
	pages_heap_fork_parent(&h);
	map_over(p + MIB(4), MIB(4), MAP_PRIVATE | MAP_NORESERVE);

	q = get(MIB(8));
	cr_assert_eq(q, p);
	mark(q, MIB(8), 3);
	pid = fork_heap();
	if (pid == 0)
		_exit(!is_marked(q, MIB(8), MIB(8), 3));
	cr_assert_eq(status_of(pid), 0);
}

/* Children for whose fork no handler ran. --------------------------------- */

static pid_t
clone_heap(void)
{
	if (!pages_can(PAGES_CAP_WIPE))
		cr_skip_test("nothing tells a child from its parent here");
	return (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

HEAP(finds_out_that_it_is_in_a_child)
{
	char *p[16];
	pid_t pid;

	fill_with_holes(p, MIB(4));
	pid = clone_heap();
	if (pid == 0)
		_exit(look_around(p));
	cr_assert_eq(status_of(pid), 0);
	for (int i = 1; i < 16; i += 2)
		cr_assert(is_marked(p[i], MIB(4), MIB(4), (uint64_t)i));
}

/* 0 if many calls without the lock take no longer than a single wait for it would. */
static int
do_without(char *p[16])
{
	uint64_t start = pages_os_now_ms();

	for (int i = 0; i < 100; i++)
		if (pages_heap_alloc(&h, MIB(1), 1, false) != NULL)
			return 1;
	for (int i = 1; i < 16; i += 2)
		if (!is_marked(p[i], MIB(4), MIB(4), (uint64_t)i) || !pages_heap_free(&h, p[i]))
			return 2;
	pages_heap_fork_prepare(&h);
	pages_heap_fork_parent(&h);
	return pages_os_now_ms() - start < 20 ? 0 : 3;
}

HEAP(is_given_up_at_once_in_a_child_whose_lock_nobody_holds)
{
	char *p[16];
	pid_t pid;

	fill_with_holes(p, MIB(4));
	cr_assert(pages_lock_acquire(&h.lock));
	pid = clone_heap();
	if (pid == 0) {
		atomic_store(&h.lock.owner, 1);		/* another thread */
		_exit(do_without(p));
	}
	pages_lock_release(&h.lock);
	cr_assert_eq(status_of(pid), 0);
}

/* The thread that has the lock is there: it will let go. */
HEAP(is_not_given_up_by_a_signal_handler_that_forks)
{
	char *p[16];
	pid_t pid;

	fill_with_holes(p, MIB(4));
	cr_assert(pages_lock_acquire(&h.lock));
	pid = clone_heap();
	if (pid == 0) {
		if (pages_heap_alloc(&h, MIB(1), 1, false) != NULL)
			_exit(9);
		pages_lock_release(&h.lock);
		_exit(look_around(p));
	}
	pages_lock_release(&h.lock);
	cr_assert_eq(status_of(pid) / 256, 0);
}

/* While one thread of the child does that, the others do without the heap. */
static int
do_without_for_a_while(char *p[16])
{
	if (!pages_process_claim(&h.process) || pages_process_claim(&h.process))
		return 10;
	if (pages_heap_alloc(&h, MIB(1), 1, false) != NULL)
		return 11;
	pages_process_unclaim(&h.process);
	return look_around(p);
}

HEAP(is_taken_over_by_one_thread_of_a_child)
{
	char *p[16];
	pid_t pid;

	fill_with_holes(p, MIB(4));
	pid = clone_heap();
	if (pid == 0)
		_exit(do_without_for_a_while(p));
	cr_assert_eq(status_of(pid), 0);
}

HEAP(knows_whose_it_is)
{
	pid_t pid;

	pages_heap_follow_forks(&h);
	(void)get(MIB(1));
	cr_assert(pages_heap_is_here(&h));
	pid = clone_heap();
	if (pid == 0)
		_exit(!pages_heap_is_here(&h) || !pages_heap_free(&h, get(MIB(1))) ||
		      !pages_heap_is_here(&h));
	cr_assert_eq(status_of(pid), 0);
	pid = vfork();
	if (pid == 0)
		_exit(pages_heap_is_here(&h));
	cr_assert_eq(status_of(pid), 0);
}

static void
check_hidden(char *p[16], uint64_t first)
{
	for (uint64_t i = first; i < 16; i += 2)
		cr_assert(is_marked(p[i], MIB(4), MIB(4), i), "block %d", (int)i);
}

/* As by a signal handler that interrupts fork(): by its own fork of a child, and it goes on. */
HEAP(survives_a_fork_within_a_fork)
{
	char *p[16];
	pid_t inner, outer;

	fill_with_holes(p, MIB(4));
	pages_heap_fork_prepare(&h);
	inner = fork_heap();
	if (inner == 0) {
		/* The interrupted fork goes on in the child, too. */
		outer = fork();
		if (outer == 0)
			pages_heap_fork_child(&h);
		else
			pages_heap_fork_parent(&h);
		check_hidden(p, 1);
		if (pages_heap_alloc(&h, MIB(4), 1, false) != NULL)
			_exit(1);
		_exit(outer == 0 || status_of(outer) == 0 ? 0 : 2);
	}
	cr_assert(pages_lock_is_forking(&h.lock), "the inner fork has released the lock");
	cr_assert_eq(status_of(inner), 0);
	outer = fork();
	if (outer == 0)
		pages_heap_fork_child(&h);
	else
		pages_heap_fork_parent(&h);
	for (uint64_t i = 0; i < 16; i += 2)
		mark(p[i] = get(MIB(4)), MIB(4), i);
	if (outer == 0)
		_exit(0);
	cr_assert_eq(status_of(outer), 0);
	/* Nothing has stayed hidden. */
	outer = fork_heap();
	if (outer == 0) {
		check_hidden(p, 0);
		check_hidden(p, 1);
		_exit(0);
	}
	cr_assert_eq(status_of(outer), 0);
}
