/* SPDX-License-Identifier: MIT */
/*
 * process.h - tells whether this is still the process that it was
 *
 * Children of _Fork() and clone() run no handlers of pthread_atfork, and pids say little: each
 * PID namespace has its own.  So a word in memory tells, which the kernel wipes in a child
 * (MADV_WIPEONFORK, Linux 4.14).  A child of vfork() shares all memory with its parent: there the
 * word is as it was, but the pid is another.
 */
#ifndef PAGES_PROCESS_H
#define PAGES_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGES_PROCESS_NEW, PAGES_PROCESS_KNOWN, PAGES_PROCESS_CLAIMED };	/* the word's values */

struct pages_process {
	_Atomic(_Atomic uint32_t *) word;	/* in a page of its own; NULL: nothing can be told */
	_Atomic int pid;			/* 0: not asked for yet */
};

/* Map the word's page, if the kernel can wipe it; unmap it. */
void pages_process_open(struct pages_process *p);
void pages_process_close(struct pages_process *p);

/* Is this a child that has not been told to p yet?  Cost: two loads. */
static inline bool
pages_process_is_new(const struct pages_process *p)
{
	_Atomic uint32_t *word = atomic_load_explicit(&p->word, memory_order_acquire);

	return word != NULL &&
	       atomic_load_explicit(word, memory_order_acquire) != PAGES_PROCESS_KNOWN;
}

/* Of a new process only one thread gets true.  It has to tell p, or to give up its claim. */
bool pages_process_claim(struct pages_process *p);
void pages_process_unclaim(struct pages_process *p);

/* This process is the one now.  may_ask: the pid may be asked for, which sandboxes forbid. */
void pages_process_tell(struct pages_process *p, bool may_ask);

/* False in a child of vfork() or clone(CLONE_VM): what it does to itself does not concern p. */
bool pages_process_is_here(struct pages_process *p);

/*
 * pthread_atfork().  In a process with another C library than the one that this was built with
 * (a musl program under the shim) it may be missing; then nothing happens.
 */
void pages_process_at_fork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

#endif /* PAGES_PROCESS_H */
