/* SPDX-License-Identifier: MIT */
/*
 * idle.c - counts small requests while memory is kept, and purges
 */
#include "idle.h"

#include <errno.h>
#include <stdint.h>

#include "os/os.h"

/* A thread says what it has asked for after so many requests or bytes; then ms between two purges. */
enum { CALLS = 256, BYTES = 1 << 20, PAUSE_MS = 100 };

_Atomic unsigned pages_idle_state;
static struct pages_heap *heap;
static struct pages_next *next;		/* of the route */
static struct pages_next plain;		/* the next allocator's */

/* Each thread has its own: what all write to would cost more than the calls. */
static _Thread_local struct {
	unsigned calls;
	size_t bytes;
} asked __attribute__((tls_model("initial-exec")));

static void
set_pointers(const struct pages_next *n)
{
	__atomic_store_n(&next->malloc, n->malloc, __ATOMIC_RELAXED);
	__atomic_store_n(&next->calloc, n->calloc, __ATOMIC_RELAXED);
	__atomic_store_n(&next->realloc, n->realloc, __ATOMIC_RELAXED);
}

/* A hook of a system call may allocate, and get here again: then it is too early for another purge. */
static void
purge(void)
{
	static _Atomic uint64_t last;
	uint64_t before = atomic_load(&last), now = pages_os_now_ms();

	if (now - before < PAUSE_MS || !atomic_compare_exchange_strong(&last, &before, now))
		return;
	if (pages_heap_tend_briefly(heap))
		return;
	set_pointers(&plain);
	atomic_store(&pages_idle_state, PAGES_IDLE_WAITS);
	/* A free between the two has found nothing to exchange. */
	if (pages_heap_tend_briefly(heap))
		pages_idle_start();
}

/* A sandbox may end a process for a call that small requests do not make without the shim. */
static void
look(size_t bytes)
{
	int saved = errno;

	if (!atomic_load(&heap->confined)) {
		pages_heap_make_room(heap, bytes);
		purge();
	} else {
		set_pointers(&plain);
		atomic_store(&pages_idle_state, PAGES_IDLE_OFF);
	}
	errno = saved;
}

/* The first call of a thread looks: there are threads that make few. */
static inline void
count(size_t size)
{
	asked.bytes += size;
	if (PAGES_UNLIKELY(asked.calls++ % CALLS == 0 || asked.bytes >= BYTES)) {
		size_t bytes = asked.bytes;

		asked.bytes = 0;
		look(bytes);
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
pages_idle_start(void)
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

/* Another thread may have been exchanging the pointers.  Whichever they are, they do their work. */
void
pages_idle_fork_child(void)
{
	unsigned state = PAGES_IDLE_COUNTS;

	(void)atomic_compare_exchange_strong(&pages_idle_state, &state, PAGES_IDLE_WAITS);
}
