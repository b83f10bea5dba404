/* SPDX-License-Identifier: MIT */
/*
 * malloc.h - malloc for large objects: no faults for temporaries, no copying
 * when blocks grow, nothing zeroed twice
 *
 * The functions behave as the C library's namesakes do and mix with them: a
 * request below PAGES_THRESHOLD, or one that cannot be served (no address
 * space, strict overcommit), goes to malloc(3), and every pointer of malloc(3)
 * may be given to pages_free(), pages_realloc() and pages_usable_size().  The
 * reverse is not true: what pages_owns() says is ours must not go to free(3).
 *
 * How it works: objects are packed at page granularity into one reserved range
 * of address space (the arena).  Physical memory is counted there in units of
 * 2 MiB; units that lie wholly in freed space are kept, and are moved by page
 * tables under whatever is asked for next, whatever its size.
 *
 * Sizes are bytes.  Pointers to large objects are page-aligned, their usable
 * size is a multiple of the page size.  A large object costs whole pages.
 *
 * Threads: every function may be called from any thread.  No function waits
 * longer than a few milliseconds for another thread, or at all for a fork.
 * errno:   set to ENOMEM or EINVAL on failure, as malloc(3) does, and left as
 *          it was otherwise; pages_free() never changes it.
 *
 *	double *m = pages_calloc(n * n, sizeof(*m));
 *	if (m == NULL)
 *		return -1;
 *	...
 *	pages_free(m);
 */
#ifndef PAGES_MALLOC_H
#define PAGES_MALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pages/attr.h>
#include <pages/hint.h>

PAGES_BEGIN_C

/* Requests of at least so many bytes are large. */
#define PAGES_THRESHOLD ((size_t)256 << 10)

/*
 * pages_malloc - allocate size bytes, not initialised
 *
 * Returns a pointer the caller owns and gives back with pages_free() or
 * pages_realloc(); NULL with ENOMEM.  Size 0 gives a unique pointer.
 *
 * Cost: a large request takes one lock and O(log n) steps in the number of free
 * ranges; system calls only when memory has to be found for the range.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((malloc, alloc_size(1))) void *
pages_malloc(size_t size);

/*
 * pages_calloc - allocate count * size bytes, all zero
 *
 * As pages_malloc(), and ENOMEM if the product overflows.
 *
 * Cost: memory that was used before is cleared here; memory that was not is
 * left untouched, and the kernel zeroes it when it is first written.
 *
 * Where blocks of a size (8 MiB and more) turn out to be zero nearly everywhere when
 * they are freed, the next of that size gets small pages, and only what was written
 * is cleared when it is used again.  One that is written densely then costs a fault
 * for each page, once.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((malloc, alloc_size(1, 2))) void *
pages_calloc(size_t count, size_t size);

/*
 * pages_realloc - give a block a new size, keeping its contents
 *
 *   ptr  NULL (then this is pages_malloc), or a block of this allocator or of
 *        malloc(3)
 *   size the new size; 0 frees the block and returns NULL
 *
 * Returns the block, perhaps at another address; NULL with ENOMEM, and then ptr
 * is untouched and still the caller's.  The same size gives the same pointer.
 *
 * Cost: a large block grows in place where there is room.  Otherwise its pages
 * are moved, not copied, to a range with room to double; less than 2 MiB at
 * either end, which neighbours share, is copied.  Shrinking never copies while
 * the block stays large.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((alloc_size(2))) void *
pages_realloc(void *ptr, size_t size);

/*
 * pages_aligned_alloc - allocate size bytes at a multiple of alignment
 *
 *   alignment a power of two; EINVAL otherwise.  size need not be a multiple.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((malloc, alloc_size(2))) void *
pages_aligned_alloc(size_t alignment, size_t size);

/*
 * pages_try_expand - have size bytes of room in a block where it is
 *
 *   ptr   a block of this allocator or of malloc(3), or NULL (then false)
 *   size  smaller than usable is true, too: nothing is ever given back
 *
 * True if the block has at least so many usable bytes now; false if it has not, and
 * then nothing has changed, errno included.  Never moves: a large block grows into free
 * address space behind it, a block of malloc(3) only has what pages_usable_size()
 * tells.  What is new is not initialised.  The compiler may know how many bytes were
 * asked for at first (alloc_size): with _FORTIFY_SOURCE go by another pointer.
 */
PAGES_API PAGES_MUST_CHECK bool pages_try_expand(void *ptr, size_t size);

/*
 * pages_resize_discard - give a block a new size, and drop its contents
 *
 * As pages_realloc() for all arguments, but what is in the block afterwards is not
 * defined.  In place where there is room; else its memory moves to a range that has.
 *
 * Returns the block, perhaps at another address; NULL with ENOMEM, and then ptr is
 * untouched, with its contents.
 *
 * Cost: that of pages_realloc() without the copying.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((alloc_size(2))) void *
pages_resize_discard(void *ptr, size_t size);

/* What a block can be; see pages_malloc_with(). */
enum pages_malloc_flags {
	/* Wishes: where they cannot be had there is a block all the same. */
	PAGES_MALLOC_APART = 1 << 0,		/* may be given hints that stay */
	PAGES_MALLOC_HUGE = 1 << 1,		/* transparent huge pages, */
	PAGES_MALLOC_NO_HUGE = 1 << 2,		/*   or none: touched sparsely */
	PAGES_MALLOC_HUGETLB = 1 << 3,		/* from the pool of 2 MiB pages, while it has any */

	/* Promises: where they cannot be kept there is no block. */
	PAGES_MALLOC_DONT_FORK = 1 << 8,	/* a child does not have it, and must not free it */
	PAGES_MALLOC_WIPE_ON_FORK = 1 << 9,	/* a child finds zeroes; not for HUGETLB */
	PAGES_MALLOC_DONT_DUMP = 1 << 10,	/* not in core dumps */
};

/*
 * pages_malloc_with - allocate size bytes that the kernel is told something about
 *
 *   alignment  a power of two, or 0 for none in particular
 *   flags      any of enum pages_malloc_flags but NO_HUGE together with a huge one; 0
 *              for an ordinary block
 *
 * A block with flags, of whatever size, has a mapping of its own that nothing else ever
 * shares; the flags hold for all of it when it grows and moves, and are gone when it is
 * freed.  It is a block for every other function here; pages_realloc() never takes it
 * to malloc(3) or copies it where pages can be moved.
 *
 * Returns a pointer to be given back with pages_free(); NULL with EINVAL for arguments
 * that are not as above, ENOMEM, or EOPNOTSUPP if a promise cannot be kept: by this
 * kernel, or because there is no arena.
 *
 * Cost: whole units of 2 MiB of address space, and of memory once huge pages are
 * touched; three system calls or more to allocate and one to free; never served from
 * kept memory, which it gives back where it comes to lie, and never kept itself: each
 * page is zeroed by the kernel when it is first touched.  For few and large blocks.
 */
/* Not attribute malloc: a fork changes what is in it, behind the compiler's back. */
PAGES_API PAGES_MUST_CHECK __attribute__((alloc_size(1))) void *
pages_malloc_with(size_t size, size_t alignment, unsigned flags);

/*
 * pages_malloc_prefault - have a range of a block present and writable
 *
 *   offset, len  a part of the usable bytes; every page they touch is meant
 *
 * Contents stay, even if other threads write to them meanwhile.  From 256 MiB on,
 * several threads share the work: one for each CPU that the caller may run on, 16 at
 * most, and one for each 128 MiB.  They exist only inside the call and receive no
 * signals; where they cannot be created fewer do it, or the caller alone.
 *
 * Returns 0; -ERANGE past the end; -ENOMEM or the like if memory is short, a part may
 * be present then.  Kernels before Linux 5.14 cannot say this: there, pages are touched.
 * Not for signal handlers.  Keeps errno.
 */
PAGES_API PAGES_MUST_CHECK int pages_malloc_prefault(void *ptr, size_t offset, size_t len);

/*
 * pages_malloc_advise - give a hint for a range of a block
 *
 * WILL_NEED, COLD, PAGE_OUT, FREE and COLLAPSE tell something about pages, now: of
 * those that lie wholly in the range, in blocks of any kind.  What neighbours have a
 * byte in is left out, so a small block may have no such page; that is success, too.
 *
 * All others stay with a mapping.  They are for blocks with flags
 * (PAGES_MALLOC_APART at least), and for all of one: offset 0 and its usable size.  They
 * stay with the block when it grows or moves, and are gone when it is freed.
 *
 * Returns 0 if the kernel has applied it; -EOPNOTSUPP if this kernel, or this kind of
 * block, does not support it (also a block with flags that became an ordinary one for
 * want of an arena); -EINVAL for what is no hint, and for a part of a block where it
 * has to be all; -ERANGE past the end; another negative errno if it failed, as for
 * pages_advise().  Keeps errno.
 */
PAGES_API PAGES_MUST_CHECK int pages_malloc_advise(void *ptr, size_t offset, size_t len,
						   enum pages_hint hint);

/*
 * pages_free - give a block back
 *
 *   ptr  NULL, or a block of this allocator or of malloc(3)
 *
 * The memory is kept for the next large request, within the limits described at
 * pages_trim().  A pointer into the arena that is not the start of a live block
 * (a double free, an inner pointer) ends the process with one line on stderr,
 * as the C library's free() does.
 */
PAGES_API void pages_free(void *ptr);

/*
 * pages_usable_size - how many bytes of the block may be used
 *
 * At least what was asked for.  Memory that is set aside for growth is not
 * promised.  NULL gives 0.  Takes no lock.
 */
PAGES_API size_t pages_usable_size(const void *ptr);

/*
 * pages_owns - does ptr point into this library's arena?
 *
 * One subtraction and one compare; never reads the memory.  False for blocks
 * that malloc(3) provided.
 */
PAGES_API bool pages_owns(const void *ptr);

/*
 * pages_trim - give kept memory back to the kernel
 *
 *   keep  bytes that may stay
 *
 * Without it, memory is kept while live and kept bytes together stay within the
 * highest number of live bytes so far, and for about ten seconds; what is older
 * goes back when the allocator is next called.  Where huge pages are used, all of
 * it but some 32 MiB is left to the kernel at once (MADV_FREE): it is still there
 * for the next request unless somebody else needed it.
 *
 * Returns the number of bytes given back.
 * Cost: proportional to them (0.7 ms for 256 MiB of huge pages), outside locks.
 */
PAGES_API size_t pages_trim(size_t keep);

/*
 * What the allocator did so far.  Bytes of objects are bytes of their pages;
 * resident memory is counted in whole units of 2 MiB that may hold memory, so
 * it is an upper bound of what the kernel shows.
 *
 * While no other thread is inside the allocator, the counters add up:
 *
 *	requests + inherited_objects == frees + live_objects
 *	resident_bytes == fresh_bytes + inherited_bytes - returned_bytes
 *	kept_bytes == freed_bytes - reused_bytes - moved_free_bytes - returned_bytes
 *	live_bytes <= resident_bytes - kept_bytes <= live_bytes + 4 MiB * live_objects
 *
 * where memory becomes free by whole units: its last neighbour was freed.  From the
 * first three follows what was put under blocks, less what became free under them:
 * reused + moved_free + fresh + inherited - freed == resident - kept.  Each
 * allocation large enough counts in requests or in one of the declined, each growth
 * of a block by pages_realloc() and the like in grown_in_place, grown_by_move or one of
 * the declined; where a block with flags moves, that is an allocation and a free.
 *
 * A forked child starts counting anew, with what it inherited.
 *
 * The struct only ever grows at its end.
 */
struct pages_stats {
	uint64_t requests;		/* allocations served from the arena */
	uint64_t requested_bytes;	/* sum of their sizes, with what blocks grew by */
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t peak_live_bytes;

	uint64_t reused_bytes;		/* served by memory that was resident at that place */
	uint64_t moved_bytes;		/* moved by page tables, as free memory or in a realloc */
	uint64_t fresh_bytes;		/* served by memory that the kernel zeroes on first touch */
	uint64_t cleared_bytes;		/* cleared by calloc because they may have been used before */
	uint64_t copied_bytes;		/* copied by realloc */

	uint64_t grown_in_place;	/* number of realloc calls that grew a block where it was */
	uint64_t grown_by_move;		/* ... that moved it to a range with room to grow */

	uint64_t resident_bytes;	/* live and kept */
	uint64_t peak_resident_bytes;
	uint64_t kept_bytes;		/* of the resident: free, waiting to be used again */
	uint64_t returned_bytes;	/* given back to the kernel */
	uint64_t arena_bytes;		/* address space, 0 when there is no arena */
	uint64_t mapping_seams;		/* places where moves keep the kernel from merging mappings */

	/* Large requests that went to malloc(3), by reason. */
	uint64_t declined_no_arena;	/* no address space, or strict overcommit */
	uint64_t declined_no_space;	/* the arena is full, or the request beyond RAM and swap */
	uint64_t declined_refused;	/* the kernel refused the memory */
	uint64_t declined_busy;		/* a fork or a signal handler came between */
	uint64_t refused_moves;		/* moves the kernel refused; done by other means */

	uint64_t frees;			/* allocations from the arena that are gone again */
	uint64_t freed_bytes;		/* memory that became free; see above */
	uint64_t moved_free_bytes;	/* of the moved: free memory, under what was asked for */
	uint64_t inherited_objects;	/* live when a fork made this process */
	uint64_t inherited_bytes;	/* resident at that time */
};

/*
 * pages_stats - read the counters
 *
 *   ret   filled as far as size reaches
 *   size  sizeof(struct pages_stats) as the caller knows it
 *
 * The counters belong together: they are read under the allocator's lock (or,
 * when that cannot be had in a few milliseconds, without it).
 */
PAGES_API void pages_stats(struct pages_stats *ret, size_t size);

PAGES_END_C

#endif /* PAGES_MALLOC_H */
