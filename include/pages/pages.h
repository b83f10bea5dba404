/* SPDX-License-Identifier: MIT */
/*
 * pages.h - memory pages whose permissions are part of their type
 *
 * A handle owns a range of whole pages.  Its type says what may be done with
 * them, and what the type does not allow does not compile:
 *
 *	struct pages_none	no access
 *	struct pages_ro		read
 *	struct pages_rw		read and write
 *	struct pages_rx		read and execute, where PAGES_ENABLE_EXEC is defined
 *	struct pages_sealed	read, for the rest of the process's life
 *	struct pages_frozen	read, and the origin of copy-on-write clones
 *	struct pages_rwx	everything; only where PAGES_ENABLE_WX is defined and the
 *				library was configured with --enable-wx
 *
 * Define the gates before the first include of a header of pages.
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
 * Handles: {0} is empty, the state to start from.  After an assignment only one
 * of the two may be used.  Calls are macros that evaluate each argument once.
 *
 * Mistakes: an argument of a wrong type does not compile, whatever the call (hints
 * and NUMA modes are numbers in C, which only warns of another enum's).  Using an
 * empty handle (not opened, closed, or moved away by a transition) is a compile error
 * where the optimiser sees it, in gcc from -Og and in clang from -O2, and else one
 * line on stderr and abort(3).  The latter also answers an index or a code offset
 * past the end.
 *
 * Errors: calls that give an int return 0 or a negative errno value, and leave
 * their handles as they were on failure.  No call changes errno.  A security policy
 * (seccomp, say) may make the kernel give answers that are not listed: they are
 * handed on.
 * Threads: many may read, write and ask about one handle; every other call needs
 * the handle for itself.  Different handles are independent.
 * Sizes and offsets are bytes; the page size is the machine's, at run time.
 *
 * More groups, each with a header that this one includes: frozen.h, secret.h,
 * explain.h, and where code may be executed jit.h.
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

/* Life. ------------------------------------------------------------------- */

/*
 * pages_open - fill the empty *rw with len bytes of zeroed pages
 *
 * len is rounded up to whole pages, which use memory once they are written.
 * Returns 0; -EINVAL for len 0, -ENOMEM, or -EBUSY if *rw is not empty.
 */
#define pages_open(rw, len)                                                        \
	pages_open_(PAGES_NEEDS_EXACTLY(pages_rw, rw), PAGES_NEEDS_INTEGER(size_t, len),    \
		    PAGES_CALL_("pages_open"))

/* What size of page the kernel should use behind a range. */
enum pages_huge {
	PAGES_HUGE_DEFAULT,	/* what the system does for everybody */
	PAGES_HUGE_NEVER,	/* none: memory is touched sparsely */
	PAGES_HUGE_TRANSPARENT,	/* where it can; starts at a multiple of 2 MiB then */
	PAGES_HUGE_2M,		/* from the hugetlb pool of this size; if it has none */
	PAGES_HUGE_1G,		/*   left, or does not exist: as TRANSPARENT */
};

/* Everything but len may be 0. */
struct pages_options {
	size_t len;
	size_t align;		/* of the first byte, kept for life; a power of two */
	size_t reserve;		/* address space: up to here pages_resize() never moves */
	enum pages_huge huge;
	bool guards;		/* an inaccessible page on either side */
	bool shared;		/* pages_freeze() need not copy; see frozen.h */
	const char *label;	/* for /proc/PID/maps and explanations; at most 79 chars */
};

/*
 * pages_open_with - pages_open() with wishes
 *
 *	struct pages_options o = { .len = 1 << 20, .guards = true, .label = "stack" };
 *
 * guards: the byte before the first and the one after the last cannot be read
 *   nor written.  Where the kernel can mark single pages (Linux 6.13) this costs
 *   no mapping, else two.
 * reserve: counts towards RLIMIT_AS, not towards memory; pages_resize() beyond it
 *   says -ERANGE.
 * huge: lengths are multiples of pages_page_size(rw), which also tells whether
 *   the pool had pages.  Pool pages can be neither resized nor reserved for.
 * label: is dropped where the kernel keeps none (it needs CONFIG_ANON_VMA_NAME).
 *
 * Returns 0; -EINVAL for a len of 0, an align that is no power of two, a reserve
 * below len, a label that pages_label() would refuse, or wishes that exclude each
 * other (reserve, shared and pool pages each exclude the other two; guards go with
 * neither shared nor pool pages, align not with shared); -ENOMEM; -EBUSY if *rw is
 * not empty; for shared also -EMFILE, and -EOPNOTSUPP where memory files are
 * forbidden.
 */
#define pages_open_with(rw, ...)	/* the options may be a compound literal */  \
	pages_open_with_(PAGES_NEEDS_EXACTLY(pages_rw, rw), PAGES_NEEDS_OPTIONS(__VA_ARGS__), \
			 PAGES_CALL_("pages_open_with"))

/*
 * pages_close - give the pages of any handle but a sealed one back
 *
 * *p is empty then, or was.  Cost: that of munmap(2), about 0.3 us a resident MiB
 * of huge pages and 20 us of small ones.
 */
#define pages_close(p) pages_close_(PAGES_NEEDS_CLOSABLE(p), PAGES_CALL_("pages_close"))

/* Transitions. ------------------------------------------------------------ */

/*
 * pages_to_none, pages_to_ro, pages_to_rw, pages_to_rx - change permissions
 *
 *   from  a live handle of any of these types, empty after success
 *   to    an empty handle of the type that the call names
 *
 * Pages stay where they are and keep their contents; through old pointers, too,
 * the hardware refuses what the new type does not allow.  Code may be called at
 * once: pages_to_rx() brings the instruction cache up to date.
 * Returns 0; -EBUSY if *to is not empty; else what mprotect(2) says, such as
 * -EACCES for executable memory under a security policy.
 * Cost: one system call, and a page fault at the next touch of each page.
 */
#define pages_to_none(from, to) PAGES_MOVE_(from, to, none, PAGES_P_NONE_)
#define pages_to_ro(from, to) PAGES_MOVE_(from, to, ro, PAGES_P_RO_)
#define pages_to_rw(from, to) PAGES_MOVE_(from, to, rw, PAGES_P_RW_)
#ifdef PAGES_ENABLE_EXEC
#define pages_to_rx(from, to) PAGES_MOVE_(from, to, rx, PAGES_P_RX_)
#endif

/*
 * pages_to_rwx - writable and executable at once, against all advice
 *
 * Exists under PAGES_ENABLE_WX.  Programs that use it do not link against a
 * library that was configured without --enable-wx, and if they get round that
 * are told -EPERM.  struct pages_jit (jit.h) does the same job safely.
 */
#ifdef PAGES_ENABLE_WX
#define pages_to_rwx(from, to)                                                     \
	(PAGES_WX_BUILD_(), PAGES_MOVE_(from, to, rwx, PAGES_P_RWX_))
#endif

/*
 * pages_seal - make *ro read-only for good, even against this process itself
 *
 * The kernel refuses every later change of these mappings (mseal(2), Linux
 * 6.10).  There is no way back and no pages_close(): they live as long as the
 * process.  Returns 0; -EBUSY if *sealed is not empty; -EOPNOTSUPP where the
 * kernel cannot; *ro is as before then.
 */
#define pages_seal(ro, sealed)                                                     \
	pages_move_(pages_seal_, PAGES_NEEDS_EXACTLY(pages_ro, ro),                \
		    PAGES_NEEDS_EXACTLY(pages_sealed, sealed), 0, PAGES_CALL_("pages_seal"))

/* Access. ----------------------------------------------------------------- */

/* pages_read - const void *, the start of pages that can be read */
#define pages_read(p)                                                              \
	pages_const_start_(PAGES_NEEDS_READABLE(p), PAGES_CALL_("pages_read"))

/* pages_write - void *, the start of writable pages */
#define pages_write(rw)                                                            \
	pages_start_(PAGES_NEEDS_WRITABLE(rw), PAGES_CALL_("pages_write"))

/* pages_len - size_t, the length of any handle; whole pages, 0 if it is empty */
#define pages_len(p) pages_len_(PAGES_NEEDS_ANY(p))

/* pages_page_size - size_t, of the pages behind any handle; 0 if it is empty */
#define pages_page_size(p) pages_page_size_(*PAGES_NEEDS_ANY(p))

/*
 * PAGES_AT - element i of readable pages seen as an array of type
 *
 * An lvalue: modifiable for struct pages_rw *, const for every other handle, a
 * const struct pages_rw * among them.  Aborts if i is out of range.
 */
#define PAGES_AT(type, p, i)                                                       \
	PAGES_ELEMENT_(type, p, pages_slot_(PAGES_NEEDS_READABLE(p),               \
		PAGES_NEEDS_INTEGER(size_t, i), sizeof(type), PAGES_CALL_("PAGES_AT")))

/*
 * PAGES_FN - pointer to the function that starts at byte off of executable pages
 *
 *	long (*add)(long, long) = PAGES_FN(&rx, 0, long(long, long));
 *
 * Aborts if off is out of range.  Whether the bytes there are such a function
 * is for the caller to know.
 */
#ifdef PAGES_ENABLE_EXEC
#define PAGES_FN(rx, off, ...)                                                     \
	PAGES_CODE_(pages_slot_(PAGES_NEEDS_EXECUTABLE(rx),                        \
				PAGES_NEEDS_INTEGER(size_t, off), 1,               \
				PAGES_CALL_("PAGES_FN")), __VA_ARGS__)
#endif

/* Memory. ----------------------------------------------------------------- */

/*
 * pages_resize - change the length, keeping the contents as far as they fit
 *
 * len is rounded up to whole pages; what is new reads as zero.  The pages may
 * move, without being copied, unless they were opened with a reserve.
 * Returns 0; -EINVAL for len 0; -ENOMEM; -ERANGE beyond the reserve; -EBUSY for
 * locked pages; -EBADF if somebody closed the descriptor of shared ones; -EOPNOTSUPP
 * for secrets and pages from the hugetlb pool; else what mremap(2) says, such as
 * -EFAULT after mlock(2) or the like on a part.
 */
#define pages_resize(rw, len)                                                      \
	pages_update_(pages_remap_, PAGES_NEEDS_WRITABLE(rw),                      \
		      PAGES_NEEDS_INTEGER(size_t, len), PAGES_CALL_("pages_resize"))

/*
 * pages_decommit - drop the contents and the memory of a range
 *
 * Pages wholly in the range read as zero and use no memory until written (they
 * are cleared if the kernel cannot do it); parts of pages at its ends stay.
 * Returns 0; -ERANGE past the end; -EINVAL for memory locked by mlock(2) itself;
 * for clones and pages of files -ENOMEM at the limit of mappings.
 */
#define pages_decommit(rw, offset, len)                                            \
	pages_discard_(*pages_check_(PAGES_NEEDS_WRITABLE(rw),                     \
				     PAGES_CALL_("pages_decommit")),               \
		       PAGES_NEEDS_INTEGER(size_t, offset), PAGES_NEEDS_INTEGER(size_t, len))

/*
 * pages_prefault - have every page that a range touches present and writable
 *
 * Contents stay.  Returns 0; -ERANGE past the end; -ENOMEM or the like if memory
 * is short, which kernels before Linux 5.14 do not say: there, pages are touched.
 */
#define pages_prefault(rw, offset, len)                                            \
	pages_populate_(*pages_check_(PAGES_NEEDS_WRITABLE(rw),                    \
				      PAGES_CALL_("pages_prefault")),              \
			PAGES_NEEDS_INTEGER(size_t, offset), PAGES_NEEDS_INTEGER(size_t, len))

/*
 * pages_advise - give a hint for all pages of a handle
 *
 *   hint  one of hint.h
 *
 * Returns 0 if the kernel has applied it; -EOPNOTSUPP if this kernel, or this
 * kind of pages, does not support it; another negative errno if it failed, among
 * them -EINVAL for a value that is no hint, -EACCES for a hint that changes
 * contents on pages that are not writable, and for COLLAPSE -ENOMEM if there is no
 * huge page free and -EAGAIN or -EBUSY if pages are in use otherwise.  COLLAPSE is
 * unsupported, too, where no huge page fits or none of its pages was touched.
 * After DONT_FORK a child must not use the handle, nor close it.
 * Hints for all of a handle, and only those, leave it one mapping, which
 * pages_resize() needs; they stay with it when it grows.
 */
#define pages_advise(p, hint)                                                      \
	pages_advise_(*pages_check_(PAGES_NEEDS_HANDLE(p), PAGES_CALL_("pages_advise")), \
		      (hint), PAGES_PROT_OF_(p))

/*
 * pages_lock, pages_unlock - keep readable pages in memory, present and unswapped
 *
 * Locks do not nest.  Returns 0; -ENOMEM or -EAGAIN beyond RLIMIT_MEMLOCK or the
 * memory there is; -EPERM where locking is not allowed at all; -EOPNOTSUPP for
 * secrets, which are locked or could not be from the start.
 */
#define pages_lock(p)                                                              \
	pages_update_(pages_lock_, PAGES_NEEDS_LOCKABLE(p), 1, PAGES_CALL_("pages_lock"))
#define pages_unlock(p)                                                            \
	pages_update_(pages_lock_, PAGES_NEEDS_LOCKABLE(p), 0, PAGES_CALL_("pages_unlock"))

/* Where memory comes from on machines with several NUMA nodes. */
enum pages_numa {
	PAGES_NUMA_DEFAULT,	/* near the thread that touches it; nodes must be 0 */
	PAGES_NUMA_PREFER,	/* the lowest of nodes; others when it is full */
	PAGES_NUMA_BIND,	/* nodes and no other */
	PAGES_NUMA_INTERLEAVE,	/* page by page over nodes */
};

/*
 * pages_place - say on which NUMA nodes pages shall lie that are touched from now on
 *
 *   nodes  uint64_t, bit n for node n
 *
 * Returns 0; -EOPNOTSUPP without NUMA support; -EINVAL for nodes that are not; else
 * what mbind(2) says, such as -EPERM in a sandbox.
 */
#define pages_place(p, numa, nodes)                                                \
	pages_place_(*pages_check_(PAGES_NEEDS_HANDLE(p), PAGES_CALL_("pages_place")), \
		     (numa), PAGES_NEEDS_INTEGER(uint64_t, nodes))

/*
 * pages_label - name the pages in /proc/PID/maps, and in explanations
 *
 *   label  at most 79 printable characters other than \ ` $ [ ], or NULL for none
 *
 * Returns 0; -EOPNOTSUPP where the kernel keeps no names (CONFIG_ANON_VMA_NAME) or
 * not for this kind of pages, explanations have the label then, too; -EINVAL for
 * other characters or more of them.
 */
#define pages_label(p, label)                                                      \
	pages_label_(*pages_check_(PAGES_NEEDS_HANDLE(p), PAGES_CALL_("pages_label")), \
		     PAGES_NEEDS_STRING(label))

/* What the kernel says. --------------------------------------------------- */

/* One mapping of the process, as the kernel sees it. */
struct pages_mapping {
	const void *start;
	size_t len;
	bool can_read, can_write, can_exec;
	bool shared;		/* what is written others see, too */
	char name[80];		/* file or label, cut off if longer; "" if none */
};

/*
 * pages_query - the mapping that holds the first page of any handle
 *
 * May be larger than the handle: the kernel joins neighbours that are alike.
 * pages_query_address() asks about any address at all.
 * Returns 0; -EFAULT if nothing is mapped there; -EOPNOTSUPP without /proc.
 * Cost: about 2 us from Linux 6.11 on, else /proc/self/maps is read.
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
 * pages_verify - does the kernel agree with the type, for every page?
 *
 * Returns 0; -EACCES if a page has other permissions (somebody called mprotect(2)
 * behind the handle's back); -EFAULT if one is not mapped; -EOPNOTSUPP without
 * /proc.
 */
#define pages_verify(p)                                                            \
	pages_verify_(*pages_check_(PAGES_NEEDS_ANY(p), PAGES_CALL_("pages_verify")), \
		      PAGES_PROT_OF_(p))

/* A part of a handle. */
struct pages_range {
	size_t offset;
	size_t len;
};

/*
 * pages_resident - the next run of pages that are in memory
 *
 *	for (struct pages_range r = {0};
 *	     pages_resident(&rw, &r) == 0 && r.len != 0; )
 *		printf("%zu bytes at %zu\n", r.len, r.offset);
 *
 * *range is the run that was found last, or {0}, and becomes the first run behind
 * it; len is 0 when there is none.  Where the kernel can tell (Linux 6.7), only
 * those pages of shared or frozen ones count that this handle has touched, and of
 * clones and files those that were written; else all that are in memory.
 * Returns 0; -EINVAL for a range that is not whole pages of the handle; -EOPNOTSUPP.
 */
#define pages_resident(p, range)                                                   \
	pages_resident_(*pages_check_(PAGES_NEEDS_ANY(p), PAGES_CALL_("pages_resident")), \
			PAGES_NEEDS_POINTER(struct pages_range, range))

/* From here on: what makes the above work; not for direct use. ------------- */

PAGES_BEGIN_C

PAGES_API PAGES_MUST_CHECK int pages_advise_(struct pages_raw_ p, enum pages_hint hint,
					     unsigned prot);
PAGES_API PAGES_MUST_CHECK int pages_place_(struct pages_raw_ p, enum pages_numa numa,
					    uint64_t nodes);

/* For exactly one argument, whatever commas it has inside. */
PAGES_INLINE_ const struct pages_options *
pages_options_(const struct pages_options *options)
{
	return options;
}

PAGES_END_C

#ifdef __cplusplus
PAGES_REFUSE_NULL_(pages_options_)
#define PAGES_NEEDS_OPTIONS(...) pages_options_(__VA_ARGS__)
#else
#define PAGES_NEEDS_OPTIONS(...)                                                   \
	_Generic((__VA_ARGS__), struct pages_options *: pages_options_(__VA_ARGS__), \
		const struct pages_options *: pages_options_(__VA_ARGS__))
#endif

#include <pages/frozen.h>
#include <pages/secret.h>
#include <pages/explain.h>
#ifdef PAGES_ENABLE_EXEC
#include <pages/jit.h>
#endif

#endif /* PAGES_PAGES_H */
