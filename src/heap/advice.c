/* SPDX-License-Identifier: MIT */
/*
 * advice.c - advice to the kernel about dedicated blocks
 */
#include "block.h"
#include "dedicated.h"
#include "os/hint.h"
#include "os/os.h"

#define ADVICE PAGES_DEDICATED_ADVICE

int
pages_heap_advise_dedicated(struct pages_heap *h, void *p, enum pages_os_advice advice)
{
	static const struct {
		uint32_t ends;		/* earlier advice that it cancels */
		bool lasts;		/* it is a property of the mapping from now on */
	} effect[] = {
		[PAGES_OS_NORMAL] = { ADVICE(PAGES_OS_SEQUENTIAL) | ADVICE(PAGES_OS_RANDOM),
				      false },
		[PAGES_OS_SEQUENTIAL] = { ADVICE(PAGES_OS_RANDOM), true },
		[PAGES_OS_RANDOM] = { ADVICE(PAGES_OS_SEQUENTIAL), true },
		[PAGES_OS_HUGE] = { ADVICE(PAGES_OS_NO_HUGE), true },
		[PAGES_OS_NO_HUGE] = { ADVICE(PAGES_OS_HUGE), true },
		[PAGES_OS_DONT_FORK] = { 0, true },
		[PAGES_OS_DO_FORK] = { ADVICE(PAGES_OS_DONT_FORK), false },
		[PAGES_OS_WIPE_ON_FORK] = { 0, true },
		[PAGES_OS_KEEP_ON_FORK] = { ADVICE(PAGES_OS_WIPE_ON_FORK), false },
		[PAGES_OS_DONT_DUMP] = { 0, true },
		[PAGES_OS_DO_DUMP] = { ADVICE(PAGES_OS_DONT_DUMP), false },
		[PAGES_OS_MERGEABLE] = { 0, true },
		[PAGES_OS_UNMERGEABLE] = { ADVICE(PAGES_OS_MERGEABLE), false },
	};
	struct pages_extent *e = &h->extents.node[pages_heap_find(h, p, PAGES_EXTENT_DEDICATED)];
	int err = pages_hint_give(p, (size_t)e->count << h->arena.page_shift, advice);

	if (err == 0)
		e->advice = (e->advice & ~effect[advice].ends) |
			    (effect[advice].lasts ? ADVICE(advice) : 0);
	return err;
}
