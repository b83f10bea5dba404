/* SPDX-License-Identifier: MIT */
/*
 * idle.h - purges by small requests what was kept too long
 *
 * Large requests purge in passing.  A server that idles makes only small ones, which go to the
 * next allocator.  So from a large free on, as long as anything is kept, the route's pointers to
 * the next allocator's malloc, calloc and realloc are exchanged for functions that count their
 * calls, and now and then look at the clock, or where huge pages are off at how much memory is in use.
 * Otherwise small requests cost what they cost without this.
 *
 * Aligned requests are not counted, nor is the operator new of another allocator behind the shim.
 *
 *	OFF     the shim is inactive, or a background thread purges, or the process is in a sandbox
 *	WAITS   the pointers are the next allocator's; the next large free exchanges them
 *	COUNTS  the pointers are this file's
 */
#ifndef PAGES_IDLE_H
#define PAGES_IDLE_H

#include <stdatomic.h>

#include "heap/route.h"

enum { PAGES_IDLE_OFF, PAGES_IDLE_WAITS, PAGES_IDLE_COUNTS };

extern _Atomic unsigned pages_idle_state __attribute__((visibility("hidden")));

/* Says what to purge, and which pointers to exchange.  They are the next allocator's now. */
void pages_idle_prepare(struct pages_heap *heap, struct pages_next *next);

/* From the next large free on; prepared. */
void pages_idle_enable(void);

/* Exchange the pointers, unless another caller does.  Takes no lock, makes no system call. */
void pages_idle_start(void);

/* Called in the child of a fork. */
void pages_idle_fork_child(void);

/* Called after each large free.  Cost: one load, unless the pointers have to be exchanged. */
static inline void
pages_idle_notify(void)
{
	if (PAGES_UNLIKELY(atomic_load_explicit(&pages_idle_state, memory_order_relaxed) ==
			   PAGES_IDLE_WAITS))
		pages_idle_start();
}

#endif /* PAGES_IDLE_H */
