/* SPDX-License-Identifier: MIT */
/*
 * heap.h - the large-object allocator: policy over extents (address space) and
 * units (physical memory)
 *
 * A function that fails returns NULL, false or -errno and has changed nothing; the caller
 * then asks another allocator.  Any request may fail: there is no address space, the kernel
 * refuses, or a fork is in progress.
 *
 * Threads: all functions but configure(), close() and those for forks may be called from any
 *          thread at any time, signal handlers included.  Each wait for the lock ends after
 *          some 20 ms (os/lock.c).
 * errno:   never changed.
 *
 * Terms, address space:
 *
 *	arena		the claimed range of address space in which all large blocks lie
 *	extent		a run of pages of the arena, free or in use; extents tile the arena
 *	block		what the heap hands out: the used part of a live extent, in whole pages
 *	room		the rest of a live extent: address space to grow into, without memory
 *	slot		an extent of about twice a block's length or more, to which a growing block moves
 *	threshold	the size from which a request goes to the heap (route.h)
 *	colour		of a block: where in its first page it begins, in cache lines
 *	dedicated block	a block in units that it shares with no other, so that it can carry advice
 *	zone		of the arena: units that have huge pages, or that have small ones (density.h)
 *	sparse class	sizes of which most live blocks were hardly written to (density.h)
 *	fresh		of a unit: zero when first held, and nothing written there was freed since
 *	sparse block	a calloc in small pages, because blocks of its size stayed mostly zero
 *	front cache	a place for one freed block, which the next request takes without the lock
 *	deferred free	a freed block that waits in a list, because the lock was not to be had
 *	hollow block	of the two extents of a block that is moving, the one that does not count
 *	tainted		of a page: the program has told the kernel something about it (taint.h)
 *	lost		of an extent: never handed out, because the program uses its addresses
 *
 * Terms, memory:
 *
 *	unit		2 MiB of memory, aligned; the granule in which memory is counted and moved
 *	absent		of a unit: mapped without memory; reads as zero
 *	busy		of a unit: its memory is being changed, without the lock
 *	change		one thread's changes of memory: mapping, moving, purging (change.h)
 *	held		of a unit: overlapped by a block; counts as resident, touched or not
 *	kept		of a unit: free and resident; dirty, muzzy, or neither if it was used only
 *			for moments
 *	dirty		of a unit: written to, and to be marked when it is free
 *	muzzy		of a unit: marked (MADV_FREE); the kernel takes it when short of memory
 *	purge		to give the memory of kept units back, or to mark the dirty ones
 *	decay		to purge by age: units kept at the end of one purge are old at the next
 *	move		to bring pages to another address by page tables (mremap), without a copy
 *	VMA split	a boundary between units at which moves keep the kernel from merging VMAs
 */
#ifndef PAGES_HEAP_H
#define PAGES_HEAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pages/malloc.h>

#include "arena.h"
#include "change.h"
#include "extents.h"
#include "os/lock.h"
#include "os/os.h"
#include "os/process.h"
#include "record.h"
#include "units.h"

/* How many changes can be under way; a request beyond them is declined. */
enum { PAGES_CHANGES = 64 };

/* A dedicated block is a mapping of its own: two VMA splits. */
enum { PAGES_DEDICATED_SPLITS = 2 };

/*
 * A front cache holds one freed block for the next request of the same size, because
 * programs free and allocate temporaries in turn.  That costs no lock and no joining of free
 * extents.  In the books the block is still live, and its memory held.
 *
 * A thread reserves the cache by setting block to BUSY, and ends that by storing the new
 * content; a thread that finds it BUSY does without.  Only the thread that made it BUSY writes
 * the counters.  Flushing takes no reservation: it replaces an id by 0.
 */
struct pages_front_cache {
	_Alignas(64) _Atomic uint32_t block;	/* its id, 0, or PAGES_FRONT_CACHE_BUSY */
	_Atomic uint32_t pages;			/* its size; a hint, read without a reservation */
	_Atomic uint64_t frees;
	_Atomic(struct pages_cache_counts *) counts;	/* own, or in a slot; once there was a block */
	struct pages_cache_counts own;
};
#define PAGES_FRONT_CACHE_BUSY UINT32_MAX

/* Classes are powers of two of pages, as many as there can be. */
enum { PAGES_DENSITY_CLASSES = 32, PAGES_DENSITY_CANDIDATES = 4 };

/* A fresh part of a block, which is to be looked at: first page << 32 | pages; 0: none. */
struct pages_candidate {
	_Atomic uint64_t span;
	_Atomic uint32_t untouched;	/* looks that found nothing written to it */
};

/* What is known of a size class: density.h.  All of it is a hint; races lose some of it. */
struct pages_density {
	struct pages_candidate candidate[PAGES_DENSITY_CANDIDATES];
	_Atomic uint32_t next;		/* a counter: the candidate to be looked at next */
	_Atomic uint32_t sparse, dense;	/* looks in a row that found it so */
	_Atomic uint32_t quiet;		/* so many fresh blocks are not made candidates */
	_Atomic uint32_t turns;		/* how often it was sparse, and then dense again */
};

/*
 * Arrays that all begin at the start of a page collide in the first-level cache, which takes its
 * set from the offset in a page (Bonwick, The Slab Allocator, 1994, "cache coloring").  So blocks
 * may begin at one of several offsets.  Every block has room for all of them: then any freed one
 * fits any request for so many pages.
 */
enum {
	PAGES_COLOURS = 16,
	PAGES_COLOUR_BYTES = 64,	/* a cache line */
	PAGES_COLOUR_ROOM = (PAGES_COLOURS - 1) * PAGES_COLOUR_BYTES,
};

/* May memory be moved by page tables, and be marked?  AUTO: until munmap, mremap or madvise is hooked. */
enum pages_moves { PAGES_MOVES_AUTO, PAGES_MOVES_ON, PAGES_MOVES_OFF };

struct pages_heap_options {
	size_t arena_max;	/* limit of address space; 0: derived from the machine's memory */
	uint32_t retain_ms;	/* about how long free memory is kept */
	bool huge;		/* use huge pages */
	enum pages_moves moves;
	bool forgets;		/* what is freed is given back at once, to the page */
	bool colours;		/* blocks that need not begin with a page have a colour */
};

#define PAGES_HEAP_DEFAULTS PAGES_HEAP_DEFAULTS_WITH(false)
#define PAGES_HEAP_DEFAULTS_WITH(colours) { 0, 10000, true, PAGES_MOVES_AUTO, false, colours }

/* What is learnt once, at the first request or before the process enters a sandbox. */
struct pages_facts {
	bool known;
	struct pages_os_facts os;	/* memory within the limits of control groups */
	size_t high;			/* memory.high: beyond it the kernel throttles */
	size_t max_splits;		/* VMA splits that the heap may cause */
	bool huge_pages;		/* not off in .../transparent_hugepage/enabled */
};

struct pages_heap {
	/* What is mapped of the arena: set before an address leaves the heap; read without the lock. */
	_Atomic(char *) base;
	_Atomic size_t len;

	struct pages_lock lock;
	struct pages_process process;
	enum { PAGES_HEAP_UNOPENED, PAGES_HEAP_OPEN, PAGES_HEAP_NONE } state;
	struct pages_heap_options options;
	struct pages_facts facts;
	_Atomic bool confined;	/* the process may be in a sandbox: pages_heap_confine() */
	_Atomic bool tainted;	/* pages of the arena have been: taint.h */
	_Atomic bool marking;	/* free memory can be made muzzy here */
	_Atomic uint32_t mark_from;	/* pages: shorter blocks are not marked one by one */
	size_t other_bytes;	/* resident outside the arena, as far as is known: make_room() */
	size_t memory;		/* RAM and swap, or what a cgroup allows: no block is larger */
	_Atomic uint64_t last_purge;	/* ms */
	uint32_t last_mark;	/* tick in which stale units were marked */
	uint64_t unmarked;	/* units.unmarked at that time */
	unsigned colour;	/* of the block that got one last */
	uint32_t ticks;		/* calls of leave_quickly(): one in 64 reads the clock */
	bool keeps_all;		/* for units.keeps_all, before there are units */
	size_t hidden_end;	/* during a fork: kept units below it are hidden from the child */
	struct pages_arena arena;
	struct pages_extents extents;
	struct pages_units units;
	struct pages_stats stats;	/* without what fill() in counts.c adds */

	_Atomic uint32_t deferred;	/* first of the list of deferred frees */
	_Atomic uint32_t changes_left;	/* how many threads have left one */
	uint64_t changes_used;		/* bit i: changes[i] is under way */
	struct pages_change changes[PAGES_CHANGES];

	_Atomic uint32_t sparse_block;	/* the freed one that waits for the next calloc, or 0 */
	_Atomic uint64_t sparse_sizes;	/* bit log2(pages): such callocs are sparse */

	_Atomic uint64_t small_sizes;	/* bit log2(pages): such blocks go to the small zone */
	_Atomic size_t small_units;	/* of the small zone */
	struct pages_density density[PAGES_DENSITY_CLASSES];
	_Atomic bool peeking;		/* peek is in use */
	char peek[1024];		/* what is looked at: not on the stack of a thread */

	/* A hash of the thread's address picks one. */
	struct pages_front_cache caches[PAGES_FRONT_CACHES];
	_Atomic uint32_t caches_used;	/* bit i: caches[i] was ever used */

	_Atomic size_t dedicated;	/* number of dedicated blocks */
	size_t roots;		/* bytes of the arena that a leak checker knows of */
	size_t lost;		/* pages of lost extents */
	unsigned checks;	/* due with --enable-checks and many blocks: one in 64 is made */

	_Atomic int perturb;	/* fill for new blocks, or 0: pages_heap_perturb() */

	/* Counters that are updated without the lock, unless there is a slot for them. */
	struct pages_other_counts own;

	_Atomic uint64_t background_threads, background_refused;	/* and in the slot, if there is one */

	/* Counters that outlive the process: record.h.  Set by pages_heap_record(). */
	struct pages_record *record;
	_Atomic(struct pages_record_slot *) slot;
	const struct pages_record_slot *model;	/* a forked child's parent's */
	_Atomic bool recording;	/* there is a slot, or one is to be taken at the next change */
};

/*
 * Set the options of a heap that was never used; a heap that is {0} has none yet.  The arena
 * is reserved at the first allocation.
 */
void pages_heap_configure(struct pages_heap *h, const struct pages_heap_options *options);

/*
 * Learn now about the machine, the limits and the kernel what a large request would ask later:
 * before the program changes its root directory, for one.  Cost: the first time, 0.5 ms.
 */
void pages_heap_look_around(struct pages_heap *h);

/*
 * The program is about to enter a sandbox, which may forbid calls or end the process at them.
 * Looks around, and from then on the heap asks the kernel only for mmap, munmap, mremap,
 * mprotect, madvise and futex, with flags and advice that malloc uses, too.
 */
void pages_heap_confine(struct pages_heap *h);

/*
 * False in a child of vfork() or clone(CLONE_VM), which shares the heap with its parent, but has
 * limits of its own.  Costs a system call.
 */
bool pages_heap_is_here(struct pages_heap *h);

/* Give everything back.  For tests: no other thread may use the heap, and no block is valid. */
void pages_heap_close(struct pages_heap *h);

/* Does p point into the arena?  Cost: one subtraction, one compare. */
static inline bool
pages_heap_owns(struct pages_heap *h, const void *p)
{
	uintptr_t base = (uintptr_t)atomic_load_explicit(&h->base, memory_order_relaxed);

	return (uintptr_t)p - base < atomic_load_explicit(&h->len, memory_order_relaxed);
}

/*
 * Is p, in the arena, memory of the heap?  Else the program has mapped something there, in a
 * range that was unmapped at a limit.  Takes no lock.
 */
bool pages_heap_maps(const struct pages_heap *h, const void *p);

/*
 * Allocate size bytes at a multiple of align, a power of two; every block begins at a page, or
 * with options.colours at a cache line if that is enough.  If zero, all bytes are zero.
 */
void *pages_heap_alloc(struct pages_heap *h, size_t size, size_t align, bool zero);

/*
 * Give block p, which lies in the arena, a new size, at least 1.  With keep the contents stay;
 * without it nothing is copied.  Returns the block's address, or NULL if it can neither grow
 * in place nor move.
 */
void *pages_heap_resize(struct pages_heap *h, void *p, size_t size, bool keep);

/*
 * Free block p, in the arena.  False if p is not memory of the heap.  Ends the process if it is,
 * and is not the start of a live block.
 */
bool pages_heap_free(struct pages_heap *h, void *p);

/* Usable bytes of block p, in the arena; 0 if p is not the start of one.  Takes no lock. */
size_t pages_heap_usable(struct pages_heap *h, const void *p);

/*
 * Dedicated blocks lie in whole units that they share with no other block.  So advice to the
 * kernel concerns one block alone.  It ends with the block, because the units are then mapped
 * anew.  Their memory is never kept, and no free memory is moved under them.
 * pages_heap_free() and pages_heap_usable() take them, too.
 */

/* Properties of a dedicated block: bits 1 << enum pages_os_advice, and PAGES_DEDICATED_POOL. */
struct pages_dedicated {
	uint32_t advice;
	uint32_t musts;		/* subset of advice: the request fails if one is refused */
};
#define PAGES_DEDICATED_ADVICE(advice) ((uint32_t)1 << (advice))
#define PAGES_DEDICATED_POOL ((uint32_t)1 << 31)	/* hugetlb pages, if there are any */

/*
 * Allocate a zeroed dedicated block.  0; -EOPNOTSUPP if there is no arena, or if the kernel
 * does not know a must; else -ENOMEM or another -errno.
 */
int pages_heap_alloc_dedicated(struct pages_heap *h, size_t size, size_t align,
			       struct pages_dedicated how, void **ret);

/* Is p, in the arena, a dedicated block?  Takes no lock; costs one load if there is none. */
bool pages_heap_is_dedicated(struct pages_heap *h, const void *p);

/*
 * Give dedicated block p a new size, at least 1; all of it has the block's advice.  With keep
 * the contents stay.  NULL if it can neither grow in place nor move.  expand() never moves it.
 */
void *pages_heap_resize_dedicated(struct pages_heap *h, void *p, size_t size, bool keep);
bool pages_heap_expand_dedicated(struct pages_heap *h, void *p, size_t size);

/* Give advice for all of dedicated block p; it holds for what the block grows by, too. */
int pages_heap_advise_dedicated(struct pages_heap *h, void *p, enum pages_os_advice advice);

/*
 * Make block p, in the arena and not dedicated, at least size bytes long without moving it.
 * True if it is that long now.
 */
bool pages_heap_expand(struct pages_heap *h, void *p, size_t size);

/*
 * The program tells the kernel something about [start, start + len) that outlives a block, or is
 * about to: mprotect, mmap(MAP_FIXED), madvise, mlock, mbind, ...  Where that range overlaps
 * blocks, their pages are mapped anew when they are freed.  Takes no lock; async-signal-safe.
 */
void pages_heap_taint(struct pages_heap *h, const void *start, size_t len);

/* Is a page of block p, in the arena, tainted?  Then its contents may not be readable. */
bool pages_heap_block_is_tainted(struct pages_heap *h, const void *p);

/* Abort: caller() was passed p, in the arena, which is no block.  The message says what is there. */
_Noreturn void pages_heap_die(const struct pages_heap *h, const void *p, const char *caller);

/*
 * The program wants blocks to stay where they are: from now on no memory is moved or marked, but
 * for a realloc at a limit, which would fail otherwise.
 * With all, it wants to keep what is freed, too: nothing is purged below the limit of memory.
 * Without effect if the options say PAGES_MOVES_ON.
 */
void pages_heap_keep_still(struct pages_heap *h, bool all);

/*
 * From now on allocations that are not to be zero are filled with the complement of value's low
 * byte, as by glibc's mallopt(M_PERTURB, value), which finds reads of memory that was never
 * written; 0 ends that.
 */
void pages_heap_perturb(struct pages_heap *h, int value);

/* Count bytes that a realloc has copied. */
void pages_heap_count_copy(struct pages_heap *h, size_t bytes);

/* Give back all kept memory but keep bytes; returns how many bytes went. */
size_t pages_heap_trim(struct pages_heap *h, size_t keep);

/*
 * For a background thread: flush the front caches, purge what has decayed, as other calls do in
 * passing, and mark all that is dirty.  False if no memory is kept any more.
 * pages_heap_pace() is the number of milliseconds until the next purge is due.
 */
bool pages_heap_tend(struct pages_heap *h);
unsigned pages_heap_pace(const struct pages_heap *h);

/*
 * For requests to another allocator.
 * tend_briefly(): once in each interval purge what has decayed, at most 64 MiB a call.  False if it
 * is time to, and nothing is kept.
 * make_room(): they have asked for so many bytes since they said so last.  Where kept memory is not
 * marked, so that the kernel could not take it, purge what exceeds the memory that there is.
 */
bool pages_heap_tend_briefly(struct pages_heap *h);
void pages_heap_make_room(struct pages_heap *h, size_t bytes);

/*
 * Unmap len bytes of address space that no block uses, or all, from the end: for a process at a
 * limit that counts them.  Returns how many bytes that were.
 */
size_t pages_heap_release_space(struct pages_heap *h, size_t len);

void pages_heap_stats(struct pages_heap *h, struct pages_stats *ret);

/*
 * From now on count in slot of record, which stay mapped for ever.  The caller has filled in what
 * the heap does not know: threshold, mode, exe, provider.  A forked child takes a slot of its own
 * at its first call that changes something, and copies these.  False if the lock was not to be had.
 *
 * record_end() is for the end of the process: puts the books right, so that the slot has what
 * pages_heap_stats() would say, and notes that it ended by itself.
 */
bool pages_heap_record(struct pages_heap *h, struct pages_record *record,
		       struct pages_record_slot *slot);
void pages_heap_record_end(struct pages_heap *h);

/* Count a background thread that was started, or was to be and is refused. */
void pages_heap_note_background(struct pages_heap *h, bool started);

/*
 * Handlers for pthread_atfork.  A child has no use for kept memory, so it does not inherit
 * any.  The parent keeps it unshared: to use it again costs no copy.
 */
void pages_heap_fork_prepare(struct pages_heap *h);
void pages_heap_fork_parent(struct pages_heap *h);
void pages_heap_fork_child(struct pages_heap *h);

/*
 * Register these handlers for h; one heap for each library.  Do not call this from malloc(),
 * because registering may allocate.  If registering fails, forks go on without the handlers.
 */
void pages_heap_follow_forks(struct pages_heap *h);

/* Are extents, units, lists and counters consistent?  Changes nothing.  For tests. */
bool pages_heap_valid(struct pages_heap *h);

#endif /* PAGES_HEAP_H */
