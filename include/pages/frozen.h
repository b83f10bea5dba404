/* SPDX-License-Identifier: MIT */
/*
 * frozen.h - copy-on-write clones of pages and of files; included by pages.h
 *
 *	struct pages_frozen base = {0};
 *	struct pages_rw a = {0}, b = {0};
 *
 *	if (pages_freeze(&w, &base) == 0 &&		(w was opened with .shared)
 *	    pages_clone(&base, &a) == 0 && pages_clone(&base, &b) == 0)
 *		PAGES_AT(long, &a, 7) = 42;		(neither base nor b sees it)
 *
 * Shared and frozen pages keep a file descriptor open.  If the program closes it, as
 * programs do that close all descriptors, the pages stay.  Calls that need the descriptor
 * then return -EBADF, even if its number is in use for another file by then.
 *
 * A clone costs one mapping, whatever its size, or two with a reserve, and memory only for
 * the pages that are written to.  It is a struct pages_rw like any other, and stays valid
 * when the pages that it was cloned from are closed.
 */
#ifndef PAGES_FROZEN_H
#define PAGES_FROZEN_H

#ifndef PAGES_PAGES_H
#error include <pages/pages.h>
#endif

/*
 * pages_freeze - make the contents of rw or ro pages immutable, so that they can be cloned
 *
 *   from    a live handle; empty after success
 *   frozen  an empty handle, which gets the pages; it can be read, cloned and closed
 *
 * The address stays the same.  Pages that were opened with options.shared are not
 * copied.  Others are copied once into a memory file, which is mapped in their place; pages
 * that are all zero are left out.  Where memory files are forbidden, or may not be as long
 * (RLIMIT_FSIZE), freezing copies nothing and each clone is a full copy; all calls work the same
 * and use more memory.
 * Returns 0; -EBUSY if *frozen is not empty, or if pages opened as shared are also mapped
 * elsewhere, for example in a forked child; -EBADF if the program has closed their
 * descriptor; -ENOMEM; -EMFILE; -EOPNOTSUPP for locked pages, secrets and pages from
 * the hugetlb pool.
 */
#define pages_freeze(from, frozen)                                                 \
	pages_move_(pages_freeze_, PAGES_NEEDS_FREEZABLE(from),                    \
		    PAGES_NEEDS_EXACTLY(pages_frozen, frozen), PAGES_PROT_OF_(from), \
		    PAGES_CALL_("pages_freeze"))

/*
 * pages_clone - fill the empty *rw with a copy-on-write clone of *frozen
 *
 * pages_clone_with() takes len, reserve and label from struct pages_options.  len is the
 * number of bytes to clone from the start, 0 for all.  A clone grows within its reserve
 * only; beyond that pages_resize() returns -ERANGE.
 * Returns 0; -EBUSY if *rw is not empty; -ENOMEM; -EINVAL for other options or a len
 * beyond that of *frozen; -EBADF if the program has closed the descriptor that *frozen
 * holds.
 * Threads: several may clone from one *frozen at the same time.
 */
#define pages_clone(frozen, rw)                                                    \
	pages_clone_(pages_checked_(PAGES_NEEDS_FROZEN(frozen), PAGES_CALL_("pages_clone")), \
		     PAGES_NULL_, PAGES_NEEDS_EXACTLY(pages_rw, rw), PAGES_CALL_("pages_clone"))
#define pages_clone_with(frozen, rw, ...)	/* options */                      \
	pages_clone_(pages_checked_(PAGES_NEEDS_FROZEN(frozen),                    \
				   PAGES_CALL_("pages_clone_with")),               \
		     PAGES_NEEDS_OPTIONS(__VA_ARGS__), PAGES_NEEDS_EXACTLY(pages_rw, rw), \
		     PAGES_CALL_("pages_clone_with"))

/*
 * pages_open_file - fill the empty *rw with a part of a file, copy-on-write
 *
 *   options  len is the number of bytes to map; reserve and label as for a clone
 *   fd       open for reading, of anything that mmap(2) takes; may be closed afterwards
 *   offset   uint64_t, where the part starts; a multiple of the page size
 *
 * A page is read from the file when it is touched.  Stores stay in memory and are never
 * written back.  If len is not whole pages, the last page is read at once, because the rest
 * of it is zeroed.  The file must not be truncated while the pages are in use: an access to
 * a page that was cut off raises SIGBUS.
 * Returns 0; -EBUSY if *rw is not empty; -ERANGE if the part extends beyond the end of the
 * file; -EINVAL for len 0, an offset within a page, or other options; -ENOMEM; -EBADF; else
 * the error of mmap(2), such as -ENODEV for a pipe and -EACCES for a file not open for
 * reading.
 */
#define pages_open_file(rw, options, fd, offset)                                   \
	pages_open_file_(PAGES_NEEDS_EXACTLY(pages_rw, rw), PAGES_NEEDS_OPTIONS(options), \
			 PAGES_NEEDS_INTEGER(int, fd), PAGES_NEEDS_INTEGER(uint64_t, offset), \
			 PAGES_CALL_("pages_open_file"))

/* The rest implements the macros above; not for direct use. ---------------- */

PAGES_BEGIN_C

PAGES_API int pages_freeze_(struct pages_raw_ p, size_t prot, const char *call,
			    struct pages_raw_ *ret);
PAGES_API int pages_map_clone_(struct pages_raw_ frozen, const struct pages_options *options,
			       const char *call, struct pages_raw_ *ret);
PAGES_API int pages_map_file_(const struct pages_options *options, int fd, uint64_t offset,
			      const char *call, struct pages_raw_ *ret);

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_clone_(struct pages_raw_ frozen, const struct pages_options *options,
	     struct pages_raw_ *p, const char *call)
{
	struct pages_raw_ q;
	int err = !pages_is_empty_(p) ? -EBUSY : pages_map_clone_(frozen, options, call, &q);

	if (err == 0)
		pages_set_(p, &q);
	return err;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_open_file_(struct pages_raw_ *p, const struct pages_options *options, int fd,
		 uint64_t offset, const char *call)
{
	struct pages_raw_ q;
	int err = !pages_is_empty_(p) ? -EBUSY : pages_map_file_(options, fd, offset, call, &q);

	if (err == 0)
		pages_set_(p, &q);
	return err;
}

PAGES_END_C

#endif /* PAGES_FROZEN_H */
