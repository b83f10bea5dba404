/* SPDX-License-Identifier: MIT */
/*
 * forks.h - tells what this process has mapped from what a fork has left to it, and whether a
 *	child may have inherited a mapping
 *
 * Pids tell neither: each PID namespace has its own.  See os/process.h.
 *
 * A stamp is read before something is mapped, and kept with it.  Stamps grow with each fork, and
 * go on growing in the child.  Not counted are forks that run no handlers of pthread_atfork(): a
 * parent does not notice its _Fork() and clone(), but a child that they made does.
 *
 * Threads: any.  Cost: a few loads; where the kernel cannot wipe a word in children (Linux before
 * 4.14) a getpid, which is all that the children of _Fork() and clone() are noticed by there.
 */
#ifndef PAGES_FORKS_H
#define PAGES_FORKS_H

#include <stdint.h>

/*
 * The stamp of now.  It is odd while a fork is in progress: the child may or may not get
 * what is mapped meanwhile.  Else, as long as it stays the same, no child has been made.
 */
uintptr_t pages_forks_stamp(void);

/*
 * The first stamp of this process: those of its parent are lower.  A child of vfork() has that of
 * its parent, and the memory.
 */
uintptr_t pages_forks_birth(void);

#endif /* PAGES_FORKS_H */
