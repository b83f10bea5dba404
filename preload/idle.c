/* SPDX-License-Identifier: MIT */
/*
 * idle.c - counts small requests while memory is kept, and purges
 */
#include "idle.h"

#include <errno.h>
#include <stdint.h>

#include "os/os.h"

/*
 * How many calls of a thread pass between two looks at the clock; how many bytes are worth a call;
 * and how many ms pass between two purges.
 */
enum { WORK = 256, BYTES = 4096, PAUSE_MS = 100 };

_Atomic unsigned pages_idle_state;
static struct pages_heap *heap;
static struct pages_next *next;		/* of the route */
static struct pages_next plain;		/* the next allocator's */

/* Each thread has its own: one that all write to would cost more than the calls. */
static _Thread_local size_t work __attribute__((tls_model("initial-exec")));

static void
set_pointers(const struct pages_next *n)
{
	__atomic_store_n(&next->malloc, n->malloc, __ATOMIC_RELAXED);
	__atomic_store_n(&next->calloc, n->calloc, __ATOMIC_RELAXED);
	__atomic_store_n(&next->realloc, n->realloc, __ATOMIC_RELAXED);
}

/* One thread a time; it may be a signal handler that has interrupted this.  errno is kept. */
static void
purge(void)
{
	static _Atomic uint64_t last;
	uint64_t now = pages_os_now_ms(), before = atomic_load(&last);
	int saved = errno;

	if (now - before < PAUSE_MS || !atomic_compare_exchange_strong(&last, &before, now))
		return;
	switch (pages_heap_tend_briefly(heap)) {
	case PAGES_TENDED_LITTLE:
		atomic_store(&last, now - PAUSE_MS);
		break;
	case PAGES_TENDED_SOME:
		break;
	case PAGES_TENDED_ALL:
		set_pointers(&plain);
		atomic_store(&pages_idle_state, PAGES_IDLE_WAITS);
		/* A free between the two has found nothing to exchange. */
		if (pages_heap_tend_briefly(heap) != PAGES_TENDED_ALL)
			pages_idle_count();
	}
	errno = saved;
}

/* A sandbox may end a process for a call that small requests do not make without the shim. */
static void
look(void)
{
	if (!atomic_load(&heap->confined)) {
		purge();
	} else {
		set_pointers(&plain);
		atomic_store(&pages_idle_state, PAGES_IDLE_OFF);
	}
}

/* Long requests count more, because they may soon need the memory that is kept. */
static inline void
count(size_t size)
{
	work += 1 + size / BYTES;
	if (PAGES_UNLIKELY(work >= WORK)) {
		work = 0;
		look();
	}
}

static void *
counted_malloc(size_t size)
{
	count(size);
	return plain.malloc(size);
}

static void *
counted_calloc(size_t n, size_t size)
{
	count(n * size);	/* modulo 2^64 will do */
	return plain.calloc(n, size);
}

static void *
counted_realloc(void *ptr, size_t size)
{
	count(size);
	return plain.realloc(ptr, size);
}

void
pages_idle_count(void)
{
	static const struct pages_next counted = {
		.malloc = counted_malloc, .calloc = counted_calloc, .realloc = counted_realloc,
	};
	unsigned state = PAGES_IDLE_WAITS;

	if (atomic_compare_exchange_strong(&pages_idle_state, &state, PAGES_IDLE_COUNTS))
		set_pointers(&counted);
}

void
pages_idle_prepare(struct pages_heap *h, struct pages_next *n)
{
	heap = h;
	plain = *n;
	next = n;
}

void
pages_idle_enable(void)
{
	unsigned state = PAGES_IDLE_OFF;

	(void)atomic_compare_exchange_strong(&pages_idle_state, &state, PAGES_IDLE_WAITS);
}
