/* SPDX-License-Identifier: MIT */
/*
 * confine.c - prepares a heap for a process that gives up the right to ask the kernel things
 */
#include "impl.h"
#include "lock.h"
#include "os/caps.h"

/*
 * The lock is not to be had only while another thread uses the heap, which has learnt
 * everything by then.
 */
void
pages_heap_look_around(struct pages_heap *h)
{
	if (!pages_heap_enter(h))
		return;
	pages_heap_learn(h);
	pages_heap_unlock(h);
}

void
pages_heap_confine(struct pages_heap *h)
{
	pages_heap_look_around(h);
	pages_confine(PAGES_CONFINED_ADVICE);
	atomic_store(&h->confined, true);
}
