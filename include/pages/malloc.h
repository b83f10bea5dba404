/* SPDX-License-Identifier: MIT */
/*
 * malloc.h - malloc for large objects: reuses resident memory for temporaries, and grows
 * blocks without copying them
 *
 * The functions behave as the C library's functions of the same name and can be mixed with
 * them.  A request below PAGES_THRESHOLD goes to malloc(3), as does one that cannot be served
 * (no address space, strict overcommit).  Every pointer from malloc(3) may be passed to
 * pages_free(), pages_realloc() and pages_usable_size().  The reverse is not true: a block
 * for which pages_owns() is true must not be passed to free(3).
 *
 * How it works: objects are packed at page granularity into one range of address space, the
 * arena, which is mapped in steps.  Physical memory is managed in units of 2 MiB.  When a unit
 * lies wholly in freed space it is kept for reuse.  The next request gets kept units wherever its address
 * range lies: they are moved there by page tables.
 *
 * Sizes are bytes.  Pointers to large objects are page-aligned, and their usable size is a
 * multiple of the page size.
 *
 * Threads: every function may be called from any thread.  No function waits for another
 * thread for more than about 20 ms at a time, and none waits while a fork is in progress.
 * errno:   set to ENOMEM or EINVAL on failure, as by malloc(3), and unchanged otherwise;
 *          pages_free() never changes it.
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

/* Requests of this many bytes or more are large. */
#define PAGES_THRESHOLD ((size_t)256 << 10)

/*
 * pages_malloc - allocate size bytes, not initialised
 *
 * Returns a block that the caller frees with pages_free() or pages_realloc(); NULL with
 * ENOMEM.  Size 0 gives a unique pointer.
 *
 * Cost: a large request takes one lock and O(log n) steps in the number of free ranges.  It
 * makes system calls only if memory has to be found for the block, or if it is time to purge.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((malloc, alloc_size(1))) void *
pages_malloc(size_t size);

/*
 * pages_calloc - allocate count * size bytes, all zero
 *
 * As pages_malloc(), and ENOMEM if the product overflows.
 *
 * Cost: memory that was used before is cleared by this call.  Memory that was not stays
 * untouched, and the kernel zeroes it at its first touch.
 *
 * If a block of 8 MiB or more is zero nearly everywhere when it is freed, the next one of
 * about its size gets small pages, and is cleared only where it was written when it is
 * reused.  If that block is then written densely, it costs a fault for each page, once.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((malloc, alloc_size(1, 2))) void *
pages_calloc(size_t count, size_t size);

/*
 * pages_realloc - give a block a new size and keep its contents
 *
 *   ptr  NULL (then this is pages_malloc), or a block of this allocator or of
 *        malloc(3)
 *   size the new size; 0 frees the block and returns NULL
 *
 * Returns the block, perhaps at another address; NULL with ENOMEM, and then ptr
 * is unchanged and still the caller's.  The same size gives the same pointer.
 *
 * Cost: a large block grows in place if there is free address space behind it.  Otherwise
 * its pages are moved, not copied, to a range in which it can grow to double its size.  At
 * either end less than 2 MiB is copied, which shares a unit with a neighbour.  Shrinking
 * does not copy while the block stays large.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((alloc_size(2))) void *
pages_realloc(void *ptr, size_t size);

/*
 * pages_aligned_alloc - allocate size bytes at a multiple of alignment
 *
 *   alignment a power of two; EINVAL otherwise.  size need not be a multiple of it.
 *
 * Otherwise as pages_malloc().
 */
PAGES_API PAGES_MUST_CHECK __attribute__((malloc, alloc_size(2))) void *
pages_aligned_alloc(size_t alignment, size_t size);

/*
 * pages_try_expand - grow a block to size usable bytes in place, or not at all
 *
 *   ptr   a block of this allocator or of malloc(3), or NULL (then false)
 *   size  true, and nothing is done, if the block has that many usable bytes already
 *
 * True if the block has at least size usable bytes now.  False if not; then nothing has
 * changed, errno included.  A large block grows into free address space behind it; a block
 * of malloc(3) cannot grow beyond its pages_usable_size().  New bytes are not initialised.
 *
 * The compiler remembers the size that was first requested (attribute alloc_size).  With
 * _FORTIFY_SOURCE access the new bytes by a pointer that it cannot trace to the allocation.
 */
PAGES_API PAGES_MUST_CHECK bool pages_try_expand(void *ptr, size_t size);

/*
 * pages_resize_discard - give a block a new size and drop its contents
 *
 * Takes the arguments of pages_realloc().  The contents of the block are undefined
 * afterwards.  It grows in place if there is room; else its memory moves to a range with
 * room.
 *
 * Returns the block, perhaps at another address; NULL with ENOMEM, and then ptr is
 * untouched, with its contents.
 *
 * Cost: that of pages_realloc() without the copying.
 */
PAGES_API PAGES_MUST_CHECK __attribute__((alloc_size(2))) void *
pages_resize_discard(void *ptr, size_t size);

/* The properties of a dedicated block; see pages_malloc_with(). */
enum pages_malloc_flags {
	/* Wishes: if the kernel does not grant them, the allocation succeeds without. */
	PAGES_MALLOC_DEDICATED = 1 << 0,	/* a dedicated block, which takes lasting hints */
	PAGES_MALLOC_HUGE = 1 << 1,		/* transparent huge pages, */
	PAGES_MALLOC_NO_HUGE = 1 << 2,		/*   or small pages, for sparse use */
	PAGES_MALLOC_HUGETLB = 1 << 3,		/* from the pool of 2 MiB pages, while it has any */

	/* Promises: if the kernel does not grant them, the allocation fails. */
	PAGES_MALLOC_DONT_FORK = 1 << 8,	/* a child does not have it, and must not free it */
	PAGES_MALLOC_WIPE_ON_FORK = 1 << 9,	/* a child finds zeroes; not for HUGETLB */
	PAGES_MALLOC_DONT_DUMP = 1 << 10,	/* not in core dumps */
};

/*
 * pages_malloc_with - allocate a dedicated block of size bytes, with hints for the kernel
 *
 *   alignment  a power of two, or 0 for no requirement
 *   flags      bits of enum pages_malloc_flags, but not NO_HUGE with HUGE or HUGETLB; 0
 *              for an ordinary block
 *
 * A block with flags, of whatever size, is a dedicated block: it has a mapping of its own,
 * which it shares with no other block.  The flags hold for all of it, also when it grows or
 * moves, until it is freed.  Every other function here takes it.  pages_realloc() never
 * moves it to malloc(3), and copies it only if the kernel cannot move its pages.
 *
 * Returns a block to be freed with pages_free(); NULL with EINVAL for arguments
 * that are not as above, ENOMEM, or EOPNOTSUPP if a promise cannot be kept by this kernel,
 * or because there is no arena.
 *
 * Cost: whole units of 2 MiB of address space, and of memory once huge pages are touched.
 * Three system calls or more to allocate, one to free.  It is neither served from memory
 * that is kept for reuse nor kept itself, so the kernel zeroes each page at its first touch.
 * Kept memory at its place is purged first.  For few and large blocks.
 */
/* Without attribute malloc, because a fork can change the contents unseen by the compiler. */
PAGES_API PAGES_MUST_CHECK __attribute__((alloc_size(1))) void *
pages_malloc_with(size_t size, size_t alignment, unsigned flags);

/*
 * pages_malloc_prefault - fault in a range of a block for writing
 *
 *   offset, len  bytes, a part of the usable size; every page that they overlap is faulted in
 *
 * Contents stay, even if other threads write to them at the same time.  From 256 MiB on
 * several threads share the work: one for each 128 MiB, but no more than 16, and no more
 * than the CPUs that the caller may run on.  They exist only during the call and receive no
 * signals.  If threads cannot be created, fewer do the work, or the caller alone.
 *
 * Returns 0; -ERANGE past the end; -ENOMEM or the like if memory is short, and then a part
 * may be present.  Before Linux 5.14 the pages are touched one by one, and a shortage cannot
 * be reported.  Not for signal handlers.  Does not change errno.
 */
PAGES_API PAGES_MUST_CHECK int pages_malloc_prefault(void *ptr, size_t offset, size_t len);

/*
 * pages_malloc_advise - give a hint for a range of a block
 *
 * WILL_NEED, COLD, PAGE_OUT, FREE and COLLAPSE act once.  They work for blocks of any kind,
 * on the pages that lie wholly in the range.  Pages that the block shares with a neighbour
 * are left out.  A small block may have no page of its own; that is no error.
 *
 * All other hints set an attribute of the mapping, which lasts.  They need a dedicated block
 * (one with flags, PAGES_MALLOC_DEDICATED at least), and all of it: offset 0 and its usable
 * size.  They stay with the block when it grows or moves, until it is freed.
 *
 * Returns 0 if the kernel has applied it; -EOPNOTSUPP if this kernel does not support it, or
 * not for this kind of block (also if pages_malloc_with() gave an ordinary block because
 * there is no arena); -EINVAL for a value that is no hint, and for a part of a block where
 * the whole is needed; -ERANGE past the end; another negative errno if it failed, as for
 * pages_advise().  Does not change errno.
 */
PAGES_API PAGES_MUST_CHECK int pages_malloc_advise(void *ptr, size_t offset, size_t len,
						   enum pages_hint hint);

/*
 * pages_malloc_mapping_changed - say that the program has changed the mapping of a range itself
 *
 * To be called when, or before, the program tells the kernel something about pages of blocks
 * that lasts: mprotect, mlock, mbind, madvise(MADV_DONTFORK), mmap(MAP_FIXED), munmap or mremap
 * of a part, userfaultfd.  When a block that has such pages is freed, shortened or moved, its
 * changed pages are mapped anew: the change ends with the block, and the memory of these pages
 * goes back to the kernel.  Where the kernel refuses that, their addresses never serve again.
 * realloc keeps the contents, but not the change when the block moves.
 *
 * Without this call the change outlives the block: its memory may move to addresses of other
 * blocks and take the change along.  Not needed for what pages_malloc_advise() does, nor under
 * libpages_malloc.so, which sees these calls itself, for its own blocks.
 *
 *   start, len  the range, of any pages; what is no block of this allocator is ignored
 *
 * Takes no lock, does not change errno, and may be called in signal handlers.
 */
PAGES_API void pages_malloc_mapping_changed(const void *start, size_t len);

/*
 * pages_malloc_before_sandbox - prepare for a sandbox, which the process enters next
 *
 * To be called before a seccomp filter, Landlock or chroot takes from the process what malloc(3)
 * does not need.  Reads what a later large request may have to know: the limits of the process
 * and its control groups, the memory of the machine, and what the kernel can do.  From then on
 * requests for blocks without flags ask the kernel only for what malloc asks for, too: mmap,
 * munmap, mremap, mprotect, madvise (MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE) and futex.
 *
 * Not needed under libpages_malloc.so, which sees prctl(PR_SET_NO_NEW_PRIVS or PR_SET_SECCOMP)
 * and chroot() itself.  Cost: 0.5 ms once, if no large block was allocated before.  Does not
 * change errno.
 */
PAGES_API void pages_malloc_before_sandbox(void);

/*
 * pages_free - free a block
 *
 *   ptr  NULL, or a block of this allocator or of malloc(3)
 *
 * The memory is kept for later large requests, within the limits described at pages_trim().
 * A pointer into the arena that is not the start of a live block (a double free, an inner
 * pointer) prints one line on stderr and aborts, as the C library's free() does.
 */
PAGES_API void pages_free(void *ptr);

/*
 * pages_usable_size - how many bytes of the block may be used
 *
 * At least the size that was requested.  Address space that is set aside for growth does not
 * count.  NULL gives 0.  Takes no lock.
 */
PAGES_API size_t pages_usable_size(const void *ptr);

/*
 * pages_owns - does ptr point into this library's arena?
 *
 * False for blocks that malloc(3) provided.  Cost: one subtraction and one compare, and for an
 * address in the arena a bit of a table; the memory is not read.
 */
PAGES_API bool pages_owns(const void *ptr);

/*
 * pages_trim - give kept memory back to the kernel at once
 *
 *   keep  bytes that may stay
 *
 * Without this call freed memory decays.  It is kept for about ten seconds (8.5 to 11.5), as
 * long as live and kept bytes together do not exceed the highest number of live bytes so far.  Memory that
 * was kept longer is purged when the allocator is called next.  Where huge pages are used,
 * all but some 32 MiB of the kept memory is muzzy (MADV_FREE): later requests reuse it unless
 * the kernel was short of memory and has taken it.
 *
 * The pages of freed vectors (paged_vec.h) count as kept memory, and are given back first.
 *
 * Returns the number of bytes given back.
 * Cost: proportional to them (0.7 ms for 256 MiB of huge pages), outside of locks.
 */
PAGES_API size_t pages_trim(size_t keep);

/*
 * Counters of what the allocator has done so far.  Bytes of objects are bytes of their pages.
 * Resident memory is counted in whole units of 2 MiB, any of which may be only partly
 * resident, so it is an upper bound of what the kernel shows.
 *
 * While no other thread is inside the allocator, these equations hold:
 *
 *	requests + inherited_objects == frees + live_objects
 *	resident_bytes == fresh_bytes + inherited_bytes - returned_bytes
 *	kept_bytes == freed_bytes - reused_bytes - moved_free_bytes - returned_bytes
 *	live_bytes <= resident_bytes - kept_bytes <= live_bytes + 4 MiB * live_objects
 *
 * A unit counts as freed when the last block that overlaps it is freed.  From the first three
 * equations follows, for the units under live blocks:
 * reused + moved_free + fresh + inherited - freed == resident - kept.
 *
 * Each large allocation counts in requests or in one of the declined counters.  Each growth of
 * a block by pages_realloc() and the like counts in grown_in_place, grown_by_move or one of
 * the declined.  A dedicated block that moves counts as an allocation and a free.
 *
 * A forked child starts counting anew, with the objects and bytes that it inherited.
 *
 * New members are only added at the end.
 */
struct pages_stats {
	uint64_t requests;		/* allocations served from the arena */
	uint64_t requested_bytes;	/* sum of their sizes, with the bytes that blocks grew by */
	uint64_t live_objects;
	uint64_t live_bytes;
	uint64_t peak_live_bytes;

	uint64_t reused_bytes;		/* served by kept memory that was at the place already */
	uint64_t moved_bytes;		/* moved by page tables: kept memory, blocks in realloc */
	uint64_t fresh_bytes;		/* served by memory that the kernel zeroes at first touch */
	uint64_t cleared_bytes;		/* cleared by calloc, because used before, perhaps */
	uint64_t copied_bytes;		/* copied by realloc */

	uint64_t grown_in_place;	/* number of realloc calls that grew a block where it was */
	uint64_t grown_by_move;		/* ... that moved it to a range with room to grow */

	uint64_t resident_bytes;	/* under live blocks, and kept */
	uint64_t peak_resident_bytes;
	uint64_t kept_bytes;		/* free and resident (dirty or muzzy), kept for reuse */
	uint64_t returned_bytes;	/* given back to the kernel */
	uint64_t arena_bytes;		/* address space that is mapped for blocks */
	uint64_t vma_splits;		/* VMA boundaries that moves have caused */

	/* Large requests that went to malloc(3), by reason. */
	uint64_t declined_no_arena;	/* no address space, or strict overcommit */
	uint64_t declined_no_space;	/* the arena is full, or the request exceeds RAM and swap */
	uint64_t declined_refused;	/* the kernel refused the memory */
	uint64_t declined_busy;		/* the lock was not to be had: a fork or a signal handler */
	uint64_t refused_moves;		/* moves that the kernel refused; done by other means */

	uint64_t frees;			/* allocations from the arena that were freed again */
	uint64_t freed_bytes;		/* memory that became free; see above */
	uint64_t moved_free_bytes;	/* part of moved_bytes: kept memory, moved under requests */
	uint64_t inherited_objects;	/* live when a fork made this process */
	uint64_t inherited_bytes;	/* resident at that time */

	/* Resident memory for allocations of 32 MiB and more, which glibc's malloc maps anew. */
	uint64_t large_reused_bytes;

	/* Pages of freed vectors (paged_vec.h), which are in none of the counters above. */
	uint64_t vector_kept_bytes;	/* kept for reuse: hot up to 8 MiB, and muzzy */
	uint64_t vector_reused_bytes;	/* that the next vectors got */
};

/*
 * pages_malloc_stats - read the counters
 *
 *   ret   the first size bytes of it are filled
 *   size  sizeof(struct pages_stats) in the caller's version of this header
 *
 * The counters are consistent, because they are read under the allocator's lock.  If the lock
 * cannot be had in about 20 ms, they are read without it.
 */
PAGES_API void pages_malloc_stats(struct pages_stats *ret, size_t size);

PAGES_END_C

#endif /* PAGES_MALLOC_H */
