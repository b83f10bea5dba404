/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the large-object allocator: policy over extents (address space) and
 * units (physical memory)
 *
 * Every function that may fail says no by NULL or false and has changed nothing
 * then; the caller goes to another allocator.  There is always a reason to say
 * no that the caller cannot foresee: no address space, the kernel refuses, a
 * fork is in progress.
 *
 * Threads: all functions but open may be called from any thread at any time,
 *          signal handlers included; none waits longer than a few milliseconds.
 * errno:   never changed.
 */
#ifndef PAGES_HEAP_H
#define PAGES_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pages/malloc.h>

#include "arena.h"
#include "extents.h"
#include "os/lock.h"
#include "os/os.h"
#include "units.h"

enum { PAGES_FRONT_CACHES = 16 };

/*
 * A block that was freed and waits to be asked for again at once, whole, which is
 * what programs do with temporaries: no lock, no neighbours to join with.  Its
 * memory still counts as held, and the block as live.
 *
 * Who finds the pocket empty or full may make it BUSY, look, and say what it is
 * then; who finds it busy goes elsewhere.  The counters are only written by who
 * made it busy.
 */
struct pages_front_cache {
	_Alignas(64) _Atomic uint32_t block;	/* its id, 0, or PAGES_FRONT_CACHE_BUSY */
	_Atomic uint32_t pages;			/* its size: worth a try? */
	_Atomic uint64_t frees;
	_Atomic uint64_t hits, hit_bytes;	/* requests it served */
};
#define PAGES_FRONT_CACHE_BUSY UINT32_MAX

struct pages_heap_options {
	size_t arena_max;	/* address space at most; 0: as the machine's memory suggests */
	uint32_t retain_ms;	/* how long free memory is kept, more or less */
	bool huge;		/* huge pages */
};

/* What is right for most: no limit of its own, ten seconds, huge pages. */
#define PAGES_HEAP_DEFAULTS { 0, 10000, true }

struct pages_heap {
	/* Written once, before the first address leaves; read by everybody, unlocked. */
	_Atomic(char *) base;
	_Atomic size_t len;

	struct pages_lock lock;
	enum { PAGES_HEAP_UNOPENED, PAGES_HEAP_OPEN, PAGES_HEAP_NONE } state;
	struct pages_heap_options options;
	_Atomic bool marking;	/* free memory can be left to the kernel */
	size_t memory;		/* RAM and swap, or what a cgroup allows: the most to ask for */
	uint64_t last_purge;	/* ms */
	uint32_t ticks;		/* counts until the clock is worth a look */
	size_t hidden_end;	/* during a fork: kept units below it are hidden from the child */
	struct pages_arena arena;
	struct pages_extents extents;
	struct pages_units units;
	struct pages_stats stats;	/* without what units and extents count themselves */

	_Atomic uint32_t deferred;	/* freed while the lock could not be had */
	_Atomic uint64_t busy;		/* declined for want of the lock */

	_Atomic uint32_t sparse_block;		/* see sparse.c */
	_Atomic uint64_t sparse_sizes;

	struct pages_front_cache caches[PAGES_FRONT_CACHES];	/* a thread uses the one its address picks */
	_Atomic uint32_t caches_used;			/* a bit for each that ever was */

	_Atomic size_t dedicated;	/* blocks that are */
	size_t lost;		/* pages that are, for good */
	unsigned checks;	/* counts those that a build with --enable-checks could make */

	/* Parts of the statistics that are counted without the lock. */
	_Atomic uint64_t cleared_bytes, copied_bytes;
};

/*
 * Options for a heap that was never used; {0} is a heap with no options set, so
 * this comes first.  The arena is reserved at the first allocation.
 */
void pages_heap_configure(struct pages_heap *h, const struct pages_heap_options *options);

/* Give everything back.  For tests: nobody may be using the heap. */
void pages_heap_close(struct pages_heap *h);

/* Does p point into the arena?  One subtraction, one compare. */
static inline bool
pages_heap_owns(struct pages_heap *h, const void *p)
{
	uintptr_t base = (uintptr_t)atomic_load_explicit(&h->base, memory_order_relaxed);

	return (uintptr_t)p - base < atomic_load_explicit(&h->len, memory_order_relaxed);
}

/*
 * size bytes at a multiple of align (a power of two; the page size or less means
 * a page), all zero if zero is asked for.
 */
void *pages_heap_alloc(struct pages_heap *h, size_t size, size_t align, bool zero);

/*
 * Give block p (owned) a new size, at least 1.  With keep the contents stay; without,
 * nothing is copied.  Returns where it is now, or NULL if it can neither stay nor move.
 */
void *pages_heap_resize(struct pages_heap *h, void *p, size_t size, bool keep);

/* Free block p (owned).  Ends the process if p is not the start of a live block. */
void pages_heap_free(struct pages_heap *h, void *p);

/* Bytes of block p (owned) that may be used; 0 if p is not the start of one.  No lock. */
size_t pages_heap_usable(struct pages_heap *h, const void *p);

/*
 * Blocks apart: of whole units that they share with nobody, so that what the kernel is
 * told about them concerns nobody else, and is forgotten when they are freed: their
 * units are mapped anew then.  Their memory is never moved under others or kept, nor
 * that of others under them.  pages_heap_free() and pages_heap_usable() take them, too.
 */

/* What a block apart shall be: bits 1 << enum pages_os_advice, and PAGES_DEDICATED_POOL. */
struct pages_dedicated {
	uint32_t advice;
	uint32_t musts;		/* of these: without which there is no block */
};
#define PAGES_DEDICATED_ADVICE(advice) ((uint32_t)1 << (advice))
#define PAGES_DEDICATED_POOL ((uint32_t)1 << 31)	/* from the pool of huge pages, if it has them */

/*
 * A zeroed block apart.  0; -EOPNOTSUPP if there is no arena, or the kernel does not
 * know what must be; -ENOMEM or the like.
 */
int pages_heap_alloc_dedicated(struct pages_heap *h, size_t size, size_t align,
			   struct pages_dedicated wish, void **ret);

/* Is p (owned) a block apart?  No lock; a load while there are none. */
bool pages_heap_is_dedicated(struct pages_heap *h, const void *p);

/*
 * Give block p, which is apart, a new size, at least 1, and all that the kernel was told
 * about it.  With keep the contents stay.  NULL if it can neither stay nor move.
 */
void *pages_heap_resize_dedicated(struct pages_heap *h, void *p, size_t size, bool keep);
bool pages_heap_expand_dedicated(struct pages_heap *h, void *p, size_t size);

/* Advice for all of block p, which is apart, that stays when it grows.  0 or -errno. */
int pages_heap_advise_dedicated(struct pages_heap *h, void *p, enum pages_os_advice advice);

/*
 * Let block p (owned, not apart) have size bytes where it is: true if it has, by growing
 * or as it is.
 */
bool pages_heap_expand(struct pages_heap *h, void *p, size_t size);

/* One line, and abort: p was no block. */
_Noreturn void pages_heap_die(const char *caller);

/* Count bytes that were copied into or out of the heap by a realloc. */
void pages_heap_count_copy(struct pages_heap *h, size_t bytes);

/* Give back all but keep bytes of what is free; returns how many bytes that were. */
size_t pages_heap_trim(struct pages_heap *h, size_t keep);

/*
 * Give back what is overdue, as other calls do on their way.  False if nothing is kept
 * any more.  The pace is how many milliseconds later it is worth calling again.
 */
bool pages_heap_tend(struct pages_heap *h);
unsigned pages_heap_pace(const struct pages_heap *h);

/*
 * Give back the reserved address space that was never used, for good, so that a
 * process at its RLIMIT_AS can have it otherwise.  False if there was none.
 */
bool pages_heap_release_reserve(struct pages_heap *h);

void pages_heap_stats(struct pages_heap *h, struct pages_stats *ret);

/*
 * For pthread_atfork.  Kept memory is not passed on to a child, which has no use for
 * it; the parent keeps it, and shares none of it, so that using it again costs no copy.
 */
void pages_heap_fork_prepare(struct pages_heap *h);
void pages_heap_fork_parent(struct pages_heap *h);
void pages_heap_fork_child(struct pages_heap *h);

/*
 * Have these called at every fork, for the one heap of a library.  Not from within malloc:
 * registering may allocate.  Where it fails a child does without the heap.
 */
void pages_heap_follow_forks(struct pages_heap *h);

/* Do the books agree with each other?  Changes nothing.  For tests. */
bool pages_heap_valid(struct pages_heap *h);

#endif /* PAGES_HEAP_H */
