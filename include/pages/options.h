/* SPDX-License-Identifier: MIT */
/*
 * options.h - pages that are opened with options; included by pages.h
 *
 *	struct pages_options o = { .len = 1 << 20, .guards = true, .label = "stack" };
 *
 *	if (pages_open_with(&rw, &o) != 0)
 *		return -1;
 */
#ifndef PAGES_OPTIONS_H
#define PAGES_OPTIONS_H

#ifndef PAGES_PAGES_H
#error include <pages/pages.h>
#endif

/*
 * PAGES_CALL_REACH - how far a call of this machine reaches, in bytes: what to give as within
 *
 * Of the call instruction that assemblers use for functions that are linked in.  Not defined for
 * machines that are not listed.
 */
#if defined(__x86_64__)
#define PAGES_CALL_REACH ((size_t)0x7fffffff)		/* call rel32 */
#elif defined(__i386__)
#define PAGES_CALL_REACH SIZE_MAX
#elif defined(__aarch64__)
#define PAGES_CALL_REACH ((size_t)0x7fffffc)		/* bl */
#elif defined(__riscv)
#define PAGES_CALL_REACH ((size_t)0x7ffff7ff)		/* auipc and jalr */
#endif

/* The page size that the kernel shall use for a range.  true is none of these. */
enum pages_huge {
	PAGES_HUGE_DEFAULT = 0,	/* the setting of the system */
	PAGES_HUGE_NEVER = 3000, /* small pages only, for memory that is touched sparsely */
	PAGES_HUGE_TRANSPARENT,	/* huge pages where possible; the start is aligned to 2 MiB */
	PAGES_HUGE_2M,		/* pages of 2 MiB or of 1 GiB from the hugetlb pool; */
	PAGES_HUGE_1G,		/*   as TRANSPARENT if the pool has too few of them */
};

/* Everything but len may be 0. */
struct pages_options {
	size_t len;		/* bytes */
	size_t align;		/* of the first byte, also after a resize; a power of two */
	size_t reserve;		/* bytes of address space in which pages_resize() never moves */
	enum pages_huge huge;
	bool guards;		/* an inaccessible page on either side */
	bool shared;		/* let pages_freeze() work without a copy; see frozen.h */
	const char *label;	/* for /proc/PID/maps and explanations; at most 79 chars */
	uintptr_t target;	/* an address that shall not be far away, */
	size_t within;		/*   but at most so many bytes: PAGES_CALL_REACH, for code */
};

/*
 * pages_open_with - pages_open() with options
 *
 * guards: an access to the byte before the first or after the last one faults.  Where the
 *   kernel can mark single pages (Linux 6.13) guards cost no mapping, else two.
 * reserve: counts towards RLIMIT_AS, but is no memory.  pages_resize() beyond it fails.
 * huge: len is rounded up to a multiple of pages_page_size(rw), which also tells whether
 *   the pool had pages.  Pages from the pool can have no reserve and cannot be resized.
 * label: is ignored if the kernel keeps none (it needs CONFIG_ANON_VMA_NAME).
 * target: of what calls from these pages are to reach, usually a function.  From every byte of the
 *   pages, and from their end, it is at most within bytes away.  The pages replace no other
 *   mapping.  They have a reserve, if need be of len, so they do not move.  If no range is free
 *   there, the answer is -EADDRNOTAVAIL: let the code call by a register then.  Without /proc a
 *   free range may be missed.  Cost: among N mappings, now and then about N / 2 us.
 *
 * Returns 0; -EINVAL for a len of 0, an align that is no power of two, a reserve
 * below len, a label that pages_label() would refuse, or options that exclude each
 * other (only one of reserve or within, shared, and pool pages; guards neither with shared nor
 * with pool pages; align not with shared) or a target without within; -ENOMEM; -EBUSY if *rw is
 * not empty; -EADDRNOTAVAIL; for shared also -EMFILE, -EFBIG beyond RLIMIT_FSIZE, and
 * -EOPNOTSUPP where memory files are forbidden.
 */
#define pages_open_with(rw, ...)	/* the options may be a compound literal */  \
	pages_open_with_(PAGES_NEEDS_EXACTLY(pages_rw, rw), PAGES_NEEDS_OPTIONS(__VA_ARGS__), \
			 PAGES_CALL_("pages_open_with"))

/* The rest implements the macro above; not for direct use. ------------------ */

PAGES_BEGIN_C

/* Takes a compound literal as one argument: commas in it come in by __VA_ARGS__. */
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

#endif /* PAGES_OPTIONS_H */
