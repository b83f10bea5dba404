/* SPDX-License-Identifier: MIT */
/*
 * background.h - an optional thread that purges memory which was kept too long
 *
 * Without the thread, later calls of the allocator purge, small requests too (idle.h).  So a program
 * that makes no more calls keeps its freed memory.  But a thread that the program does not know of prevents
 * unshare(2), and some sandboxes forbid new threads.  So it is off by default, and exists only
 * while it is useful: the first large free starts it, and it ends when nothing is kept.
 *
 *	OFF    not configured, or thread creation failed
 *	WANTED no thread exists; the next large free starts one
 *	RUNS   the thread exists
 *
 * A child of fork() has no thread, and goes from RUNS to WANTED.
 */
#ifndef PAGES_BACKGROUND_H
#define PAGES_BACKGROUND_H

#include <stdatomic.h>

#include "os/base.h"
#include "heap/heap.h"

enum { PAGES_BACKGROUND_OFF, PAGES_BACKGROUND_WANTED, PAGES_BACKGROUND_RUNS };

struct pages_background {
	_Atomic unsigned state;
	struct pages_heap *heap;
};

extern struct pages_background pages_background __attribute__((visibility("hidden")));

/* Allow a thread for this heap from the next large free on. */
void pages_background_enable(struct pages_heap *heap);

/* Start the thread, unless another caller is doing it.  errno is kept. */
void pages_background_start(void);

/* Called in the child of a fork. */
void pages_background_fork_child(void);

/* Called after each large free.  Cost: one load, unless a thread has to be started. */
static inline void
pages_background_notify(void)
{
	if (PAGES_UNLIKELY(atomic_load_explicit(&pages_background.state, memory_order_relaxed) ==
			   PAGES_BACKGROUND_WANTED))
		pages_background_start();
}

#endif /* PAGES_BACKGROUND_H */
