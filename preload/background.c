/* SPDX-License-Identifier: MIT */
/*
 * background.c - starts and ends the thread that purges kept memory of an idle program
 */
#include "background.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>

#include "os/os.h"
#include "idle.h"

/* The C library also places the thread-local variables of all loaded objects on the stack. */
#define STACK_SIZE PAGES_KIB(128)

struct pages_background pages_background;

/* Sleeps on a word that nobody wakes, so only the time-out ends it. */
static void
pause_for(unsigned ms)
{
	static _Atomic uint32_t nobody_wakes;

	pages_os_wait(&nobody_wakes, 0, ms);
}

/*
 * The thread.  It pauses before it purges, so that a program that reuses its memory at once
 * does not start a thread for each free.  It ends when nothing is kept, and does not wait for
 * more: a process whose main thread has called pthread_exit() ends with its last thread.
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
		/*
		 * A free between the last tend and the store above has started no new thread.  So
		 * look once more, and go on unless another thread was started meanwhile.
		 */
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

	/* A sandbox may end a process that creates one. */
	if (atomic_load(&b->heap->confined))
		return;
	/* Before creating the thread, which allocates and frees, and so could recurse to here. */
	if (!atomic_compare_exchange_strong(&b->state, &state, PAGES_BACKGROUND_RUNS))
		return;
	/* The thread inherits this mask, so it never runs the program's signal handlers. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mask);
	err = create(STACK_SIZE);
	if (err == EINVAL)	/* the thread-local variables do not fit: use the default size */
		err = create(0);
	pthread_sigmask(SIG_SETMASK, &mask, NULL);
	if (err != 0) {
		atomic_store(&b->state, PAGES_BACKGROUND_OFF);
		pages_idle_enable();
	}
	pages_heap_note_background(b->heap, err == 0);
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

	if (atomic_load(&b->state) == PAGES_BACKGROUND_RUNS)
		atomic_store(&b->state, PAGES_BACKGROUND_WANTED);
}
