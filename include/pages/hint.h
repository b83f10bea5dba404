/* SPDX-License-Identifier: MIT */
/*
 * hint.h - what the kernel may be told about the use of memory
 *
 * For pages_advise() and pages_malloc_advise(), whose headers include this one.
 */
#ifndef PAGES_HINT_H
#define PAGES_HINT_H

enum pages_hint {
	PAGES_HINT_NORMAL,		/* takes the next two back */
	PAGES_HINT_SEQUENTIAL,		/* read ahead far, drop soon */
	PAGES_HINT_RANDOM,		/* do not read ahead */
	PAGES_HINT_WILL_NEED,		/* read in what was swapped out */
	PAGES_HINT_COLD,		/* the first to go when memory is short (5.4) */
	PAGES_HINT_PAGE_OUT,		/* write out to swap now (5.4) */
	PAGES_HINT_FREE,		/* contents may be lost, page by page (rw only) */
	PAGES_HINT_HUGE,		/* transparent huge pages */
	PAGES_HINT_NO_HUGE,
	PAGES_HINT_COLLAPSE,		/* into huge pages, now (6.1) */
	PAGES_HINT_DONT_FORK,		/* a child does not have these pages */
	PAGES_HINT_DO_FORK,
	PAGES_HINT_WIPE_ON_FORK,	/* a child finds zeroes (4.14, rw only) */
	PAGES_HINT_KEEP_ON_FORK,
	PAGES_HINT_DONT_DUMP,		/* not in core dumps */
	PAGES_HINT_DO_DUMP,
	PAGES_HINT_MERGEABLE,		/* share equal pages (KSM) */
	PAGES_HINT_UNMERGEABLE,
};

#endif /* PAGES_HINT_H */
