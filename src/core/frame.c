/* SPDX-License-Identifier: MIT */
/*
 * frame.c - inaccessible address space with a page on either side, for pages to be moved into
 */
#include "frame.h"

#include <errno.h>

#include "os/base.h"
#include "os/os.h"

/* The two hints mean nothing for inaccessible pages; they tell the VMA from others. */
void
pages_frame_mark(char *start, size_t span, bool on)
{
	(void)pages_os_advise(start, span, on ? PAGES_OS_DONT_DUMP : PAGES_OS_DO_DUMP);
	(void)pages_os_advise(start, span, on ? PAGES_OS_WIPE_ON_FORK : PAGES_OS_KEEP_ON_FORK);
}

int
pages_frame_open(size_t len, size_t align, char **ret_middle)
{
	size_t page = pages_os_page_size(), span;
	void *start;
	int err;

	if (__builtin_add_overflow(len, 2 * page, &span))
		return -ENOMEM;
	err = pages_os_map(span, align, page, PAGES_OS_NONE, &start);
	if (err != 0)
		return err;
	pages_frame_mark(start, span, true);
	*ret_middle = (char *)start + page;
	return 0;
}

/*
 * The kernel may have unmapped the middle before it refused, and another thread's mmap may have
 * landed there since.  The middle is unmapped only in two cases that are certain.  It was a hole
 * until healing filled it.  Or it never was a hole, as at the limit of mappings: then it still is
 * one VMA with the pages around it.  Another thread's mapping would not be merged into that VMA,
 * because it lacks the marks.
 */
void
pages_frame_abandon(char *middle, size_t len)
{
	size_t page = pages_os_page_size(), span = len + 2 * page;
	char *start = middle - page;
	struct pages_os_mapping m;

	if (pages_os_fill(middle, len, PAGES_OS_NONE) == 0 ||
	    (pages_os_query_text(middle, &m) == 0 && m.start <= start &&
	     start + span <= m.start + m.len)) {
		pages_os_release(start, span);
		return;
	}
	pages_os_release(start, page);
	pages_os_release(middle + len, page);
}
