/* SPDX-License-Identifier: MIT */
/*
 * frozen.h - copy-on-write clones of pages and of files; included by pages.h
 *
 *	struct pages_frozen base = {0};
 *	struct pages_rw a = {0}, b = {0};
 *
 *	if (pages_freeze(&w, &base) == 0 &&		(w was opened with .shared)
 *	    pages_clone(&base, &a) == 0 && pages_clone(&base, &b) == 0)
 *		PAGES_AT(long, &a, 7) = 42;		(neither base nor b see it)
 *
 * Shared and frozen pages keep a file descriptor open.  A program that closes all
 * descriptors closes it, too: calls that need it then say -EBADF, whatever the number
 * stands for by then; the pages stay.
 *
 * A clone costs one mapping, whatever its size, and memory only for the pages that
 * are written to.  It is a struct pages_rw like any other and outlives its origin.
 */
#ifndef PAGES_FROZEN_H
#define PAGES_FROZEN_H

#ifndef PAGES_PAGES_H
#error include <pages/pages.h>
#endif

/*
 * pages_freeze - settle the contents of rw or ro pages for good
 *
 *   from    live; empty after success
 *   frozen  empty before; readable, closable, and to be cloned from
 *
 * The address stays the same.  Pages that were opened with options.shared are not
 * copied.  Others are copied once, except those that are all zero, into a memory
 * file whose pages take their place.  Where memory files are forbidden, nothing is
 * copied now and every clone is a copy instead; memory is the only difference.
 * Returns 0; -EBUSY if *frozen is not empty, or if pages opened as shared are
 * mapped elsewhere (in a forked child, say); -EBADF if somebody closed their
 * descriptor; -ENOMEM; -EMFILE; -EOPNOTSUPP for locked pages, secrets and pages from
 * the hugetlb pool.
 */
#define pages_freeze(from, frozen)                                                 \
	pages_move_(pages_freeze_, PAGES_NEEDS_FREEZABLE(from),                    \
		    PAGES_NEEDS_EXACTLY(pages_frozen, frozen), PAGES_PROT_OF_(from), \
		    PAGES_CALL_("pages_freeze"))

/*
 * pages_clone - fill the empty *rw with the contents of *frozen, copied on write
 *
 * pages_clone_with() takes a reserve and a label from struct pages_options, whose
 * len is 0 or how much of the contents is wanted.  A clone grows within its reserve
 * only, beyond which pages_resize() says -ERANGE.
 * Returns 0; -EBUSY if *rw is not empty; -ENOMEM; -EINVAL for other options or a
 * len that is more than there is; -EBADF if somebody closed the descriptor that
 * *frozen holds.
 * Threads: many may clone from one *frozen.
 */
#define pages_clone(frozen, rw)                                                    \
	pages_clone_(*pages_check_(PAGES_NEEDS_FROZEN(frozen), PAGES_CALL_("pages_clone")), \
		     PAGES_NULL_, PAGES_NEEDS_EXACTLY(pages_rw, rw), PAGES_CALL_("pages_clone"))
#define pages_clone_with(frozen, rw, ...)	/* options */                      \
	pages_clone_(*pages_check_(PAGES_NEEDS_FROZEN(frozen),                    \
				   PAGES_CALL_("pages_clone_with")),               \
		     PAGES_NEEDS_OPTIONS(__VA_ARGS__), PAGES_NEEDS_EXACTLY(pages_rw, rw), \
		     PAGES_CALL_("pages_clone_with"))

/*
 * pages_open_file - fill the empty *rw with a part of a file, copied on write
 *
 *   options  len is the bytes that are wanted; reserve and label as for a clone
 *   fd       open for reading, of anything that mmap(2) takes; may be closed after
 *   offset   uint64_t, where the part starts; a multiple of the page size
 *
 * Pages are read when they are touched, the last one now unless all of it is wanted,
 * because its rest shall be zero; nothing is ever written back.  The file must not
 * shrink meanwhile: the pages cut off answer with SIGBUS.
 * Returns 0; -EBUSY if *rw is not empty; -ERANGE if the file ends before; -EINVAL for
 * len 0, an offset within a page, or other options; -ENOMEM; -EBADF; else what mmap(2)
 * says, such as -ENODEV for a pipe and -EACCES for a file not open for reading.
 */
#define pages_open_file(rw, options, fd, offset)                                   \
	pages_open_file_(PAGES_NEEDS_EXACTLY(pages_rw, rw), PAGES_NEEDS_OPTIONS(options), \
			 PAGES_NEEDS_INTEGER(int, fd), PAGES_NEEDS_INTEGER(uint64_t, offset), \
			 PAGES_CALL_("pages_open_file"))

/* From here on: what makes the above work; not for direct use. ------------- */

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
	struct pages_raw_ q = *p;
	int err = p->base_ != PAGES_NULL_ ? -EBUSY : pages_map_clone_(frozen, options, call, &q);

	if (err == 0)
		*p = q;
	return err;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_open_file_(struct pages_raw_ *p, const struct pages_options *options, int fd,
		 uint64_t offset, const char *call)
{
	struct pages_raw_ q = *p;
	int err = p->base_ != PAGES_NULL_ ? -EBUSY : pages_map_file_(options, fd, offset, call, &q);

	if (err == 0)
		*p = q;
	return err;
}

PAGES_END_C

#endif /* PAGES_FROZEN_H */
