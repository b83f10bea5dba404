/* SPDX-License-Identifier: MIT */
#include "background.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include "os/os.h"

/* The C library puts the thread-local variables of all objects on it, too. */
#define STACK_SIZE PAGES_KIB(128)

struct pages_background pages_background;

static void
pause_for(unsigned ms)
{
	static _Atomic uint32_t nobody_wakes;

	pages_os_wait(&nobody_wakes, 0, ms);
}

/*
 * It pauses first, so that a program that uses its memory again at once does not start
 * a thread for each free.  And it ends rather than pause for good: a process whose main
 * thread has called pthread_exit() ends with its last thread.
 */
static void *
run(void *arg)
{
	struct pages_background *b = arg;
	unsigned state;

	(void)pthread_setname_np(pthread_self(), "pages");
	do {
		do
			pause_for(pages_heap_pace(b->heap));
		while (pages_heap_tend(b->heap));
		atomic_store(&b->state, PAGES_BACKGROUND_WANTED);
		state = PAGES_BACKGROUND_WANTED;
		/* Who freed something between these two has started no other. */
	} while (pages_heap_tend(b->heap) &&
		 atomic_compare_exchange_strong(&b->state, &state, PAGES_BACKGROUND_RUNS));
	return NULL;
}

static int
create(size_t stack_size)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err = pthread_attr_init(&attr);

	if (err != 0)
		return err;
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (stack_size != 0)
		(void)pthread_attr_setstacksize(&attr, stack_size);
	err = pthread_create(&thread, &attr, run, &pages_background);
	(void)pthread_attr_destroy(&attr);
	return err;
}

void
pages_background_start(void)
{
	struct pages_background *b = &pages_background;
	unsigned state = PAGES_BACKGROUND_WANTED;
	int saved = errno, err;
	sigset_t all, mask;

	/* Creating it frees and allocates: that must not come here again. */
	if (!atomic_compare_exchange_strong(&b->state, &state, PAGES_BACKGROUND_RUNS))
		return;
	/* Signals are for the program's threads; this mask is inherited. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	err = create(STACK_SIZE);
	if (err == EINVAL)	/* too small for the thread-local variables of this program */
		err = create(0);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (err == 0) {
		atomic_fetch_add(&b->started, 1);
	} else {
		atomic_fetch_add(&b->refused, 1);
		atomic_store(&b->state, PAGES_BACKGROUND_OFF);
	}
	errno = saved;
}

void
pages_background_enable(struct pages_heap *heap)
{
	pages_background.heap = heap;
	atomic_store(&pages_background.state, PAGES_BACKGROUND_WANTED);
}

void
pages_background_fork_child(void)
{
	struct pages_background *b = &pages_background;

	atomic_store(&b->started, 0);
	if (atomic_load(&b->state) == PAGES_BACKGROUND_RUNS)
		atomic_store(&b->state, PAGES_BACKGROUND_WANTED);
}
