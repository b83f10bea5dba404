/* SPDX-License-Identifier: MIT */
/*
 * populate.c - faults pages in by MADV_POPULATE_WRITE, by touching them, or by threads
 */
#include "populate.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include "base.h"
#include "caps.h"
#include "os.h"

/*
 * Bytes that a thread populates by one system call.  Large, so that the call itself costs
 * little; small, so that all threads end at about the same time.
 */
#define CHUNK PAGES_MIB(32)
/* Populating this takes 10 ms or more; starting a thread takes some 50 us. */
#define WORTH_A_THREAD PAGES_MIB(128)
/* More threads would only wait for locks within the kernel. */
#define MOST_THREADS 16

/*
 * A store that changes nothing, even if another thread stores to the same byte.
 * Compare-and-swap, because clang turns an atomic "add 0" into a load.  Not checked by the
 * address sanitizer: the first byte of a page may lie before the caller's block.
 */
__attribute__((no_sanitize("address"))) static void
touch(char *p)
{
	char old = __atomic_load_n(p, __ATOMIC_RELAXED);

	/* If it fails another thread has stored to the byte, so the page is present. */
	(void)__atomic_compare_exchange_n(p, &old, old, false, __ATOMIC_RELAXED,
					  __ATOMIC_RELAXED);
}

void
pages_touch(char *p, size_t len)
{
	size_t page = pages_os_page_size();

	for (size_t i = 0; i < len; i += page)
		touch(p + i);
}

int
pages_populate(char *p, size_t len)
{
	if (pages_can(PAGES_CAP_POPULATE))
		return pages_os_populate(p, len);
	pages_touch(p, len);
	return 0;
}

/*
 * The work that the threads share: each takes the next chunk, until there is none left or
 * one fails.  Chunks start at multiples of CHUNK, so that no huge page is in two of them.
 */
struct job {
	char *p;
	size_t len;
	size_t lead;		/* bytes from the multiple of CHUNK below p to p */
	_Atomic size_t next;	/* offset of the next chunk from that multiple */
	_Atomic int err;
};

static void *
work(void *arg)
{
	struct job *j = arg;
	size_t end = j->lead + j->len, at;

	while (atomic_load(&j->err) == 0 && (at = atomic_fetch_add(&j->next, CHUNK)) < end) {
		size_t from = pages_max(at, j->lead), to = pages_min(at + CHUNK, end);
		int err = pages_populate(j->p + (from - j->lead), to - from);

		if (err != 0)
			atomic_store(&j->err, err);
	}
	return NULL;
}

static void
work_together(struct job *j, size_t threads)
{
	pthread_t thread[MOST_THREADS];
	sigset_t all, before;
	size_t n = 0;
	int cancel;

	/* The job is on this stack, so this thread must not be cancelled before the others end. */
	(void)pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	/* The new threads inherit this mask, so they never run the program's signal handlers. */
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	while (n + 1 < threads && pthread_create(&thread[n], NULL, work, j) == 0)
		n++;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)work(j);
	for (size_t i = 0; i < n; i++)
		(void)pthread_join(thread[i], NULL);
	(void)pthread_setcancelstate(cancel, NULL);
}

int
pages_populate_with_threads(char *p, size_t len)
{
	size_t threads = pages_min(len / WORTH_A_THREAD, MOST_THREADS);
	struct job j = { .p = p, .len = len, .lead = (uintptr_t)p % CHUNK };
	int saved = errno;

	if (threads > 1)
		threads = pages_min(threads, pages_os_cpus());
	if (threads <= 1)
		return pages_populate(p, len);
	work_together(&j, threads);
	errno = saved;
	return j.err;
}
