/* SPDX-License-Identifier: MIT */
/*
 * lock.h - a mutex that does not wait for long
 *
 * An allocator that waits inside somebody else's process deadlocks sooner or
 * later: in a signal handler that interrupted it, in a fork that another lock
 * holder waits for.  So taking the lock can fail, and every caller has something
 * else to do then.  Three states on a futex (Drepper, Futexes Are Tricky, mutex 2).
 */
#ifndef PAGES_LOCK_H
#define PAGES_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* A bit of closed: the thread that holds the lock is not in this process. */
#define PAGES_LOCK_LOST (1u << 31)

struct pages_lock {
	_Atomic uint32_t word;		/* 0 free, 1 held, 2 held and somebody sleeps */
	_Atomic uint32_t closed;	/* forks in progress, and PAGES_LOCK_LOST: nobody waits */
	_Atomic uintptr_t owner;	/* the thread that holds the lock, 0 if none */
	_Atomic uintptr_t forker;	/* the same, if it does so for a fork */
	_Atomic uint32_t nested;	/* forks by signal handlers that interrupted that fork */
};

/* The calling thread: valid in parent and child alike, unlike a thread id. */
static inline uintptr_t
pages_lock_self(void)
{
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
	return (uintptr_t)__builtin_thread_pointer();	/* no call */
#else
	return (uintptr_t)pthread_self();
#endif
}

/*
 * True with the lock; false when it could not be had in about 20 ms, and
 * at once while a fork is in progress or when this thread holds it already (this
 * is a signal handler, then).
 */
bool pages_lock_acquire(struct pages_lock *l);
void pages_lock_release(struct pages_lock *l);

/*
 * For pthread_atfork: hold the lock across fork().  Should its owner not let go
 * in time (the forking thread may be a signal handler that interrupted it), the
 * fork goes ahead without; the lock of the child is then closed for ever, because
 * what it protects is in an unknown state there.  So does a fork by a signal handler that
 * interrupted a fork of its own thread.
 */
void pages_lock_before_fork(struct pages_lock *l);
void pages_lock_after_fork_parent(struct pages_lock *l);
void pages_lock_after_fork_child(struct pages_lock *l);

/*
 * In a child for whose fork these were not called, before any of its threads has used the lock:
 * takes it.  False if it was held at the time of the fork; then nobody will have it again.
 */
bool pages_lock_inherit(struct pages_lock *l);

/* Between the two: does the fork of this thread hold the lock? */
static inline bool
pages_lock_is_forking(struct pages_lock *l)
{
	return atomic_load(&l->forker) == pages_lock_self() && atomic_load(&l->nested) == 0;
}

#endif /* PAGES_LOCK_H */
