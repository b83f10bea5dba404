/* SPDX-License-Identifier: MIT */
/*
 * advice.c - advice to the kernel about dedicated blocks, and what a fork makes of it
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

/*
 * A block with DONT_FORK leaves a hole in the child's arena.  Another mapping could land there,
 * and freeing the block in the child would destroy that.  So close the hole with inaccessible
 * memory: touching it still faults.
 */
static void
close_hole(struct pages_heap *h, struct pages_extent *e) PAGES_LOCKED
{
	char *p = pages_heap_address(h, e->first);
	size_t len = (size_t)e->count << h->arena.page_shift;

	if (pages_os_fill(p, len, PAGES_OS_READ | PAGES_OS_WRITE) == 0) {
		(void)pages_os_protect(p, len, PAGES_OS_NONE);
		e->advice &= ~ADVICE(PAGES_OS_DONT_FORK);
	} else {
		/* Another mapping is there already, or the kernel refused. */
		e->note.empty = e->note.unmapped = true;
		pages_extent_set_state(e, PAGES_EXTENT_FREED);
		pages_heap_release(h, (uint32_t)(e - h->extents.node));
	}
}

void
pages_heap_close_holes(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	struct pages_extents *x = &h->extents;

	if (atomic_load(&h->dedicated) == 0 || atomic_load(&h->lock.owner) != pages_lock_self())
		return;
	for (uint32_t page = 0, next; page < x->pages; page = next) {
		struct pages_extent *e = &x->node[x->edge[page]];

		next = page + e->count;
		if (pages_extent_state(e) == PAGES_EXTENT_DEDICATED &&
		    (e->advice & ADVICE(PAGES_OS_DONT_FORK)) != 0)
			close_hole(h, e);
	}
}
