/* SPDX-License-Identifier: MIT */
/*
 * forks.c - counts the forks of this process, and notices that it is a child
 */
#include "forks.h"

#include <pthread.h>
#include <stdatomic.h>

#include "os/base.h"
#include "os/os.h"
#include "os/process.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct pages_process process;
static _Atomic uintptr_t begun = 1, ended = 1;	/* forks; they differ while one is in progress */
static _Atomic uintptr_t birth = 2;

/*
 * In a child, which has one thread yet or has claimed its process.  The count goes up, so that
 * the stamps of the parent are lower, also where it was not told of this fork.
 */
static void
begin_life(void)
{
	uintptr_t n = atomic_fetch_add(&begun, 1) + 1;

	atomic_store(&ended, n);
	atomic_store(&birth, 2 * n);
	pages_process_tell(&process, true);
}

static bool
can_be_wiped(void)
{
	return atomic_load(&process.word) != NULL;
}

/* Children that ran no handlers notice here what they are. */
static void
notice(void)
{
	if (!can_be_wiped()) {
		if (atomic_load(&process.pid) != pages_os_pid())
			begin_life();
		return;
	}
	while (PAGES_UNLIKELY(pages_process_is_new(&process))) {
		if (pages_process_claim(&process))
			begin_life();
		else
			pages_os_yield();	/* until the thread that has claimed it is done */
	}
}

static void
before_fork(void)
{
	atomic_fetch_add(&begun, 1);
}

static void
after_fork_parent(void)
{
	atomic_fetch_add(&ended, 1);
}

/* A handler that ran before this one may have noticed already, if there is a word. */
static void
after_fork_child(void)
{
	if (can_be_wiped())
		notice();
	else
		begin_life();
}

static void
begin(void)
{
	pages_process_open(&process);
	pages_process_tell(&process, true);
	pages_process_at_fork(before_fork, after_fork_parent, after_fork_child);
}

static void
catch_up(void)
{
	(void)pthread_once(&once, begin);
	notice();
}

/* Those that have ended are read first: if the counts are equal, they were so at that time. */
uintptr_t
pages_forks_stamp(void)
{
	uintptr_t done, n;

	catch_up();
	done = atomic_load(&ended);
	n = atomic_load(&begun);
	return 2 * n - (done != n);
}

uintptr_t
pages_forks_birth(void)
{
	catch_up();
	return atomic_load(&birth);
}
