/* SPDX-License-Identifier: MIT */
/*
 * secret.h - pages for keys and passwords; included by pages.h
 *
 *	struct pages_rw key = {0};
 *	unsigned got;
 *
 *	if (pages_secret_open(&key, 32, &got) != 0 || (got & PAGES_SECRET_LOCKED) == 0)
 *		refuse();
 */
#ifndef PAGES_SECRET_H
#define PAGES_SECRET_H

#ifndef PAGES_PAGES_H
#error include <pages/pages.h>
#endif

/* The protections of a secret: a set of bits. */
enum pages_secrecy {
	PAGES_SECRET_HIDDEN = 1,	/* not in the kernel's direct map: neither ptrace
					   nor a kernel bug can read it (Linux 5.14) */
	PAGES_SECRET_LOCKED = 2,	/* never swapped out */
	PAGES_SECRET_NOT_DUMPED = 4,	/* not in core dumps */
	PAGES_SECRET_NOT_FORKED = 8,	/* a forked child has no copy */
	PAGES_SECRET_GUARDED = 16,	/* an inaccessible page on either side */
};

/*
 * pages_secret_open - fill the empty *rw with pages for secrets, protected where possible
 *
 *   len  bytes, rounded up to whole pages
 *   got  unsigned *, the protections that they have: bits of enum pages_secrecy.  One that
 *        this kernel or RLIMIT_MEMLOCK denies is missing, which is no error
 *
 * The pages are cleared when they are closed, whatever type the handle has then.  They
 * can be neither resized nor frozen; pages_decommit() clears them.  Hidden pages cannot be
 * made executable: pages_to_rx() fails.
 * A forked child must not read them: hidden pages do not exist there (SIGSEGV), others are
 * zero if the kernel can do that.  The child may close the handle.
 *
 * Returns 0; -EINVAL for len 0; -ENOMEM; -EBUSY if *rw is not empty.
 * Each secret is two mappings, of which a process has vm.max_map_count, usually 65 530: after about
 * 32 700 the answer is -ENOMEM.  Many small keys share one secret.
 */
#define pages_secret_open(rw, len, got)                                            \
	pages_secret_open_(PAGES_NEEDS_EXACTLY(pages_rw, rw),                      \
			   PAGES_NEEDS_LENGTH(len),                                \
			   PAGES_NEEDS_POINTER(unsigned, got), PAGES_CALL_("pages_secret_open"))

/* The rest implements the macros above; not for direct use. ---------------- */

PAGES_BEGIN_C

PAGES_API int pages_map_secret_(size_t len, unsigned *got, const char *call,
				struct pages_raw_ *ret);

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_secret_open_(struct pages_raw_ *p, size_t len, unsigned *got, const char *call)
{
	struct pages_raw_ q;
	int err = !pages_is_empty_(p) ? -EBUSY : pages_map_secret_(len, got, call, &q);

	if (err == 0)
		pages_set_(p, &q);
	return err;
}

PAGES_END_C

#endif /* PAGES_SECRET_H */
