/* SPDX-License-Identifier: MIT */
/*
 * pages.h - memory pages whose permissions are part of their type
 *
 * A handle is a small struct that owns a range of whole pages.  Its type says what may be
 * done with them; what the type does not allow does not compile:
 *
 *	struct pages_none	no access
 *	struct pages_ro		read
 *	struct pages_rw		read and write
 *	struct pages_rx		read and execute, where PAGES_ENABLE_EXEC is defined
 *	struct pages_sealed	read, for the rest of the process's life
 *	struct pages_frozen	read, and make copy-on-write clones
 *	struct pages_rwx	everything; only where PAGES_ENABLE_WX is defined and the
 *				library was configured with --enable-wx
 *
 * Define PAGES_ENABLE_EXEC and PAGES_ENABLE_WX before the first include of a header of pages.
 *
 *	struct pages_rw w = {0};
 *	struct pages_ro r = {0};
 *
 *	if (pages_open(&w, 1 << 20) != 0)
 *		return -1;
 *	PAGES_AT(long, &w, 7) = 42;
 *	if (pages_to_ro(&w, &r) == 0)		(now r owns the pages, w is empty)
 *		use(PAGES_AT(long, &r, 7));
 *	pages_close(&w);
 *	pages_close(&r);			(closing an empty handle is harmless)
 *
 * Handles: {0} is an empty handle; start from it.  After an assignment only one of the two
 * copies may be used.  Calls are macros that evaluate each argument once.
 *
 * Mistakes: an argument of a wrong type does not compile.  (Hints and NUMA modes are an
 * exception in C, where enums are numbers and the compiler may only warn; another number,
 * such as MADV_COLD, gets -EINVAL.)  Using an
 * empty handle (not opened, closed, or moved away by a transition) is a compile error
 * where the optimiser sees it, in gcc from -Og and in clang from -O2.  Else it prints one
 * line on stderr and calls abort(3).  So does an index or a code offset past the end.
 *   In C a constant length of 0 and a negative constant length, offset or index do not compile.
 * A handle that is opened without its {0} is an error in gcc from -Og, where it is seen for
 * certain; clang does not see it.
 *   Copies: once pages were closed, resized or frozen, something else may lie where they were.
 * A call that changes pages, such as pages_close(), prints one line and aborts if its handle is
 * a copy from before that.  Not noticed are pages_read(), PAGES_AT() and the like; a copy that has
 * slept while 8192 handles were opened, resized or frozen; and at first a copy from before a mere
 * transition: if that is closed, the other handle aborts when it is changed next.  Cost: about 10
 * instructions for each open and each close.
 *
 * Errors: calls that return an int return 0 or a negative errno value, and leave their
 * handles unchanged on failure.  No call changes errno.  Errors that a security policy such
 * as seccomp makes the kernel return are passed on, even if they are not listed here.
 * Threads: several threads may access the pages and query one handle at the same time;
 * every other call needs the handle for itself.  Different handles are independent.
 * Sizes and offsets are bytes; the page size is that of the running machine.
 *
 * This header includes those of other groups of calls: options.h (pages_open_with()), frozen.h,
 * secret.h, explain.h, and with PAGES_ENABLE_EXEC jit.h.
 */
#ifndef PAGES_PAGES_H
#define PAGES_PAGES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pages/attr.h>
#include <pages/hint.h>
#include <pages/typed.h>

/* Open and close. --------------------------------------------------------- */

/*
 * pages_open - fill the empty *rw with len bytes of zeroed pages
 *
 * len is rounded up to whole pages.  A page uses memory from the first store to it.
 * Returns 0; -EINVAL for len 0, -ENOMEM, or -EBUSY if *rw is not empty.
 * Cost: one system call, and a page fault at the first touch of each page.
 */
#define pages_open(rw, len)                                                        \
	pages_open_(PAGES_NEEDS_EXACTLY(pages_rw, rw), PAGES_NEEDS_LENGTH(len),             \
		    PAGES_CALL_("pages_open"))

/*
 * pages_close - unmap the pages of any handle but a sealed one, and leave the handle empty
 *
 * Closing an empty handle does nothing.  Cost: that of munmap(2), about 0.3 us for a resident
 * MiB of huge pages and 20 us for one of small pages.
 */
#define pages_close(p) pages_close_(PAGES_NEEDS_CLOSABLE(p), PAGES_CALL_("pages_close"))

/*
 * PAGES_AUTO - declare a handle that is closed when its block is left
 *
 *	PAGES_AUTO(pages_rw) w = {0};
 *
 * For the types that pages_close() accepts, pages_jit, and vectors (PAGES_AUTO(NAME)).  To
 * hand the pages out of the block, move them to another handle.  Not for longjmp(3), which
 * leaves blocks without a notice.
 */
#define PAGES_AUTO(type) __attribute__((cleanup(type##_auto_))) struct type

/* Transitions. ------------------------------------------------------------ */

/*
 * pages_to_none, pages_to_ro, pages_to_rw, pages_to_rx - change permissions
 *
 *   from  a live handle of any of these types, empty after success
 *   to    an empty handle of the type that the call names, which gets the pages
 *
 * Pages stay where they are and keep their contents.  The hardware checks the permissions,
 * so an access by an old pointer faults if the new type does not allow it.  Code may be
 * called at once: pages_to_rx() brings the instruction cache up to date.
 * Returns 0; -EBUSY if *to is not empty; else the error of mprotect(2), such as -EACCES for
 * executable memory under a security policy, or for hidden secrets.
 * Cost: one system call, and a page fault at the next touch of each page.
 */
#define pages_to_none(from, to) PAGES_MOVE_(from, to, none, PAGES_P_NONE_)
#define pages_to_ro(from, to) PAGES_MOVE_(from, to, ro, PAGES_P_RO_)
#define pages_to_rw(from, to) PAGES_MOVE_(from, to, rw, PAGES_P_RW_)
#ifdef PAGES_ENABLE_EXEC
#define pages_to_rx(from, to) PAGES_MOVE_(from, to, rx, PAGES_P_RX_)
#endif

/*
 * pages_to_rwx - make pages writable and executable at once, which is dangerous
 *
 * Exists only with PAGES_ENABLE_WX.  Programs that use it do not link against a library that
 * was configured without --enable-wx; if they get round that, it returns -EPERM.
 * struct pages_jit (jit.h) serves the same purpose safely.
 */
#ifdef PAGES_ENABLE_WX
#define pages_to_rwx(from, to)                                                     \
	(PAGES_WX_BUILD_(), PAGES_MOVE_(from, to, rwx, PAGES_P_RWX_))
#endif

/*
 * pages_seal - make *ro read-only for good; not even this process can change that
 *
 * The kernel refuses every later change of the mapping (mseal(2), Linux 6.10).  It cannot be
 * undone, and there is no pages_close(): the pages live as long as the process.
 * Returns 0; -EBUSY if *sealed is not empty; -EOPNOTSUPP if the kernel does not have it.
 */
#define pages_seal(ro, sealed)                                                     \
	pages_move_(pages_seal_, PAGES_NEEDS_EXACTLY(pages_ro, ro),                \
		    PAGES_NEEDS_EXACTLY(pages_sealed, sealed), 0, PAGES_CALL_("pages_seal"))

/* Access. ----------------------------------------------------------------- */

/* pages_read - const void *, the start of readable pages */
#define pages_read(p)                                                              \
	pages_const_start_(PAGES_NEEDS_READABLE(p), PAGES_CALL_("pages_read"))

/* pages_write - void *, the start of writable pages */
#define pages_write(rw)                                                            \
	pages_start_(PAGES_NEEDS_WRITABLE(rw), PAGES_CALL_("pages_write"))

/* pages_len - size_t, the length in bytes of any handle; whole pages, 0 if it is empty */
#define pages_len(p) pages_len_(PAGES_NEEDS_ANY(p))

/*
 * pages_page_size - size_t, the page size in bytes behind any handle; 0 if it is empty
 *
 * The machine's page size, or that of the hugetlb pool; transparent huge pages do not count.
 */
#define pages_page_size(p) pages_page_size_(pages_copy_(PAGES_NEEDS_ANY(p)))

/*
 * PAGES_AT - element i of readable pages, taken as an array of type
 *
 * An lvalue, modifiable if p is a struct pages_rw *, else const; also const if p is a
 * const struct pages_rw *.  Prints one line and aborts if i is out of range.
 */
#define PAGES_AT(type, p, i)                                                       \
	PAGES_ELEMENT_(type, p, pages_slot_(PAGES_NEEDS_READABLE(p),               \
		PAGES_NEEDS_INDEX(i), sizeof(type), PAGES_CALL_("PAGES_AT")))

/*
 * PAGES_FN - pointer to the function that starts at byte off of executable pages
 *
 *	long (*add)(long, long) = PAGES_FN(&rx, 0, long(long, long));
 *
 * Prints one line and aborts if off is out of range.  The caller makes sure that the bytes
 * there are such a function.
 */
#ifdef PAGES_ENABLE_EXEC
#define PAGES_FN(rx, off, ...)                                                     \
	PAGES_CODE_(pages_slot_(PAGES_NEEDS_EXECUTABLE(rx),                        \
				PAGES_NEEDS_INDEX(off), 1,                         \
				PAGES_CALL_("PAGES_FN")), __VA_ARGS__)
#endif

/* Memory. ----------------------------------------------------------------- */

/*
 * pages_resize - change the length and keep the contents as far as they fit
 *
 * len is rounded up to whole pages; new bytes are zero.  The pages may move to another
 * address, without being copied, unless they have a reserve.
 * Returns 0; -EINVAL for len 0; -ENOMEM; -ERANGE beyond the reserve; -EBUSY for
 * locked pages; for shared pages -EBADF if the program has closed their descriptor, -EFBIG
 * beyond RLIMIT_FSIZE;
 * -EOPNOTSUPP for secrets and pages from the hugetlb pool; else the error of mremap(2), such
 * as -EFAULT if mlock(2) or the like on a part has split the mapping.
 * Cost: a few system calls; if the pages move, also the time to move their page tables.
 */
#define pages_resize(rw, len)                                                      \
	pages_update_(pages_remap_, PAGES_NEEDS_WRITABLE(rw),                      \
		      PAGES_NEEDS_LENGTH(len), PAGES_CALL_("pages_resize"))

/*
 * pages_decommit - drop the contents of a range and give its memory back
 *
 * Pages that lie wholly in the range are zero and use no memory until they are written.
 * Where the kernel cannot take them, they are cleared and stay in memory.  Pages that lie
 * only partly in the range are unchanged.
 * Returns 0; -ERANGE past the end; -EINVAL for memory that was locked by mlock(2) itself;
 * for clones and pages of files -ENOMEM at the limit of mappings.
 * Cost: one system call, and new page faults when the range is used again.
 */
#define pages_decommit(rw, offset, len)                                            \
	pages_discard_(pages_checked_(PAGES_NEEDS_WRITABLE(rw),                     \
				     PAGES_CALL_("pages_decommit")),               \
		       PAGES_NEEDS_INDEX(offset), PAGES_NEEDS_INDEX(len))

/*
 * pages_prefault - fault in every page that the range overlaps, for writing
 *
 * Contents stay.  Returns 0; -ERANGE past the end; -ENOMEM or the like if memory is short.
 * Before Linux 5.14 the pages are touched one by one, and a shortage cannot be reported.
 */
#define pages_prefault(rw, offset, len)                                            \
	pages_populate_(pages_checked_(PAGES_NEEDS_WRITABLE(rw),                    \
				      PAGES_CALL_("pages_prefault")),              \
			PAGES_NEEDS_INDEX(offset), PAGES_NEEDS_INDEX(len))

/*
 * pages_advise - give a hint for all pages of a handle
 *
 *   hint  one of enum pages_hint, see hint.h
 *
 * Returns 0 if the kernel has applied it; -EOPNOTSUPP if this kernel does not support it, or
 * not for this kind of pages; another negative errno if it failed: -EINVAL for a value that
 * is no hint, -EACCES for a hint that changes contents if the pages are not writable, and
 * for COLLAPSE -ENOMEM if no huge page is free and -EAGAIN or -EBUSY if pages are in use by
 * the kernel.  COLLAPSE is also unsupported where no huge page fits, or none of its pages
 * was touched.
 * After DONT_FORK a child must neither use nor close the handle.
 * A hint is given for all of a handle, so that it remains one mapping, which pages_resize()
 * needs.  madvise(2) on a part would split it.  Lasting hints hold for new pages, too.
 */
#define pages_advise(p, hint)                                                      \
	pages_advise_(pages_checked_(PAGES_NEEDS_HANDLE(p), PAGES_CALL_("pages_advise")), \
		      (hint), PAGES_PROT_OF_(p))

/*
 * pages_lock, pages_unlock - fault readable pages in and never swap them out; undo that
 *
 * Locks do not nest: one unlock undoes them all.  Returns 0; -ENOMEM or -EAGAIN beyond
 * RLIMIT_MEMLOCK or the available memory; -EPERM if locking is not allowed at all;
 * -EOPNOTSUPP for secrets, which are locked from the start if that is possible.
 */
#define pages_lock(p)                                                              \
	pages_update_(pages_lock_, PAGES_NEEDS_LOCKABLE(p), 1, PAGES_CALL_("pages_lock"))
#define pages_unlock(p)                                                            \
	pages_update_(pages_lock_, PAGES_NEEDS_LOCKABLE(p), 0, PAGES_CALL_("pages_unlock"))

/* Where memory comes from on machines with several NUMA nodes. */
enum pages_numa {
	PAGES_NUMA_DEFAULT = 2000, /* near the thread that touches it; nodes must be 0 */
	PAGES_NUMA_PREFER,	/* the lowest of nodes; others when it is full */
	PAGES_NUMA_BIND,	/* only nodes */
	PAGES_NUMA_INTERLEAVE,	/* page by page over nodes */
};

/*
 * pages_place - set the NUMA nodes for pages that are touched from now on
 *
 *   nodes  uint64_t, bit n for node n
 *
 * Returns 0; -EOPNOTSUPP without NUMA support; -EINVAL for nodes that do not exist; else
 * the error of mbind(2), such as -EPERM in a sandbox.  Pages in memory already do not move.
 */
#define pages_place(p, numa, nodes)                                                \
	pages_place_(pages_checked_(PAGES_NEEDS_HANDLE(p), PAGES_CALL_("pages_place")), \
		     (numa), PAGES_NEEDS_INTEGER(uint64_t, nodes))

/*
 * pages_label - name the pages in /proc/PID/maps, and in explanations
 *
 *   label  at most 79 printable characters other than \ ` $ [ ], or NULL to remove the name
 *
 * Returns 0; -EOPNOTSUPP if the kernel keeps no names (CONFIG_ANON_VMA_NAME), or not for
 * this kind of pages, though explanations of faults show the label even then; -EINVAL for
 * other characters or too many.
 */
#define pages_label(p, label)                                                      \
	pages_label_(pages_checked_(PAGES_NEEDS_HANDLE(p), PAGES_CALL_("pages_label")), \
		     PAGES_NEEDS_STRING(label))

/* What the kernel says. --------------------------------------------------- */

/* One mapping of the process, as the kernel sees it. */
struct pages_mapping {
	const void *start;
	size_t len;
	bool can_read, can_write, can_exec;
	bool shared;		/* stores are visible to other mappings of the same file */
	char name[80];		/* file or label, cut off if longer; "" if none */
};

/*
 * pages_query - look up the kernel's mapping that contains the first page of any handle
 *
 * The mapping may be larger than the handle, because the kernel merges neighbours with equal
 * attributes.  pages_query_address() looks up any address.
 * Returns 0; -EFAULT if nothing is mapped there; -EOPNOTSUPP without /proc.
 * Cost: about 2 us from Linux 6.11 on; before that /proc/self/maps is read as text.
 */
#define pages_query(p, ret)                                                        \
	pages_query_address(pages_check_(PAGES_NEEDS_ANY(p), PAGES_CALL_("pages_query"))->base_, \
			    (ret))
PAGES_BEGIN_C
PAGES_API PAGES_MUST_CHECK int pages_query_address(const void *address,
						   struct pages_mapping *ret);
PAGES_END_C
#define pages_query_address(address, ret)                                          \
	pages_query_address((address), PAGES_NEEDS_POINTER(struct pages_mapping, ret))

/*
 * pages_verify - check that every page has the permissions that the handle's type says
 *
 * Also checks that guards fault.  Returns 0; -EACCES if a page has other permissions, because
 * the program called mprotect(2) itself; -EFAULT if one is not mapped; -EOPNOTSUPP without
 * /proc.
 */
#define pages_verify(p)                                                            \
	pages_verify_(pages_checked_(PAGES_NEEDS_ANY(p), PAGES_CALL_("pages_verify")), \
		      PAGES_PROT_OF_(p))

/* A part of the pages of a handle, in bytes. */
struct pages_range {
	size_t offset;
	size_t len;
};

/*
 * pages_resident - find the next run of pages that are in memory
 *
 *	for (struct pages_range r = {0};
 *	     pages_resident(&rw, &r) == 0 && r.len != 0; )
 *		printf("%zu bytes at %zu\n", r.len, r.offset);
 *
 * On entry *range is {0} or the run that was found last; on return it is the next one, with
 * len 0 if there is none.  From Linux 6.7 on, pages of shared and frozen handles count only
 * if this handle has touched them, and pages of clones and files only if they were written.
 * Before that all pages count that are in memory for any reason.
 * Returns 0; -EINVAL for a range that is not whole pages of the handle; -EOPNOTSUPP.
 */
#define pages_resident(p, range)                                                   \
	pages_resident_(pages_checked_(PAGES_NEEDS_ANY(p), PAGES_CALL_("pages_resident")), \
			PAGES_NEEDS_POINTER(struct pages_range, range))

/* The rest implements the macros above; not for direct use. ---------------- */

#define PAGES_AUTO_(type, who)                                                     \
	PAGES_INLINE_ __attribute__((unused)) void type##_auto_(struct type *p)    \
		{ pages_close_(&p->p_, who); }
PAGES_CLOSABLE_TYPES_(PAGES_AUTO_, "the end of a block")

PAGES_BEGIN_C

PAGES_API PAGES_MUST_CHECK int pages_advise_(struct pages_raw_ p, enum pages_hint hint,
					     unsigned prot);
PAGES_API PAGES_MUST_CHECK int pages_place_(struct pages_raw_ p, enum pages_numa numa,
					    uint64_t nodes);

PAGES_END_C

#include <pages/options.h>
#include <pages/frozen.h>
#include <pages/secret.h>
#include <pages/explain.h>
#ifdef PAGES_ENABLE_EXEC
#include <pages/jit.h>
#endif

#endif /* PAGES_PAGES_H */
