/* SPDX-License-Identifier: MIT */
/*
 * hint.h - hints to the kernel about the use of memory: madvise(2) by name
 *
 * For pages_advise() and pages_malloc_advise(), whose headers include this one.  Numbers in
 * parentheses are the first Linux version that has the hint.
 *
 * The values begin where no MADV_* constant lies, and enum pages_numa where neither those nor
 * MPOL_* do.  So a constant of the kernel, or of the other enum, gets -EINVAL.
 */
#ifndef PAGES_HINT_H
#define PAGES_HINT_H

enum pages_hint {
	PAGES_HINT_NORMAL = 1000,	/* undoes the next two */
	PAGES_HINT_SEQUENTIAL,		/* read far ahead, drop pages soon after use */
	PAGES_HINT_RANDOM,		/* do not read ahead */
	PAGES_HINT_WILL_NEED,		/* read in pages that were swapped out */
	PAGES_HINT_COLD,		/* reclaim first when memory is short (5.4) */
	PAGES_HINT_PAGE_OUT,		/* write out to swap now (5.4) */
	PAGES_HINT_FREE,		/* the kernel may drop pages when it is short (rw only) */
	PAGES_HINT_HUGE,		/* use transparent huge pages */
	PAGES_HINT_NO_HUGE,		/* use small pages only */
	PAGES_HINT_COLLAPSE,		/* make huge pages of the small ones, now (6.1) */
	PAGES_HINT_DONT_FORK,		/* children do not inherit the pages */
	PAGES_HINT_DO_FORK,		/* undoes DONT_FORK */
	PAGES_HINT_WIPE_ON_FORK,	/* a child finds zeroes (4.14, rw only) */
	PAGES_HINT_KEEP_ON_FORK,	/* undoes WIPE_ON_FORK */
	PAGES_HINT_DONT_DUMP,		/* leave the pages out of core dumps */
	PAGES_HINT_DO_DUMP,		/* undoes DONT_DUMP */
	PAGES_HINT_MERGEABLE,		/* share pages with equal contents (KSM) */
	PAGES_HINT_UNMERGEABLE,		/* undoes MERGEABLE */
};

#endif /* PAGES_HINT_H */
