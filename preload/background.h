/* SPDX-License-Identifier: MIT */
/*
 * background.h - a thread that gives back what has aged, if the settings ask for it
 *
 * Without it that is done by later calls, and a program that makes none keeps what
 * it has.  A thread in somebody else's process is in the way of unshare(2) and of
 * sandboxes that forbid more of them, so there is one only while it is of use: the
 * first large free starts it, and it ends when nothing is kept any more.
 *
 *	OFF    not wanted, or refused
 *	WANTED there is none, and the next large free starts one
 *	RUNS   there is one
 *
 * A child of fork() has none, and is WANTED again.
 */
#ifndef PAGES_BACKGROUND_H
#define PAGES_BACKGROUND_H

#include <stdatomic.h>

#include "os/base.h"
#include "heap/heap.h"

enum { PAGES_BACKGROUND_OFF, PAGES_BACKGROUND_WANTED, PAGES_BACKGROUND_RUNS };

struct pages_background {
	_Atomic unsigned state;
	_Atomic unsigned started, refused;	/* how often, in this process */
	struct pages_heap *heap;
};

extern struct pages_background pages_background __attribute__((visibility("hidden")));

/* From the next large free on there may be a thread, which tends this heap. */
void pages_background_enable(struct pages_heap *heap);

/* Start the thread, if no other caller is doing it.  errno is kept. */
void pages_background_start(void);

/* In the child of a fork. */
void pages_background_fork_child(void);

/* After each large free. */
static inline void
pages_background_notify(void)
{
	if (PAGES_UNLIKELY(atomic_load_explicit(&pages_background.state, memory_order_relaxed) ==
			   PAGES_BACKGROUND_WANTED))
		pages_background_start();
}

#endif /* PAGES_BACKGROUND_H */
