/* SPDX-License-Identifier: MIT */
/*
 * child.c - what becomes of a heap in a forked child
 */
#include "block.h"
#include "cache.h"
#include "child.h"
#include "pending.h"
#include "recorded.h"
#include "os/os.h"

#define DONT_FORK ((uint32_t)1 << PAGES_OS_DONT_FORK)

/* In the child.  Hidden units, too: under emulators, which ignore the advice, they are not zero. */
static void
drop_kept(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_change *c = pages_heap_change(h, 0);
	struct pages_unit_run run = pages_heap_next_kept(h, 0);

	for (; run.count != 0; run = pages_heap_next_kept(h, run.first + run.count)) {
		pages_change_take(&h->units, c, PAGES_STEP_DROP, run);
		pages_change_perform(&h->units, c);
		pages_change_settle(&h->units, c);
	}
	(void)pages_heap_end(h, c);
}

/*
 * A block with DONT_FORK leaves a hole in the child's arena.  Another mapping could land there,
 * and freeing the block in the child would destroy that.  So close the hole with inaccessible
 * memory: touching it still faults.  False if the block had to be released instead.
 */
static bool
close_hole(struct pages_heap *h, struct pages_extent *e) PAGES_LOCKED
{
	char *p = pages_heap_address(h, e->first);
	size_t len = (size_t)e->count << h->arena.page_shift;

	if (pages_os_fill(p, len, PAGES_OS_READ | PAGES_OS_WRITE) == 0) {
		(void)pages_os_protect(p, len, PAGES_OS_NONE);
		e->advice &= ~DONT_FORK;
		return true;
	}
	/* Another mapping is there already, or the kernel refused. */
	e->note.empty = e->note.unmapped = true;
	pages_extent_set_state(e, PAGES_EXTENT_FREED);
	pages_heap_release(h, (uint32_t)(e - h->extents.node));
	return false;
}

static void
close_holes(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_extents *x = &h->extents;

	if (atomic_load(&h->dedicated) == 0)
		return;
	for (uint32_t page = 0, next; page < x->pages; page = next) {
		struct pages_extent *e = &x->node[x->edge[page]];

		next = page + e->count;
		if (pages_extent_state(e) == PAGES_EXTENT_DEDICATED &&
		    (e->advice & DONT_FORK) != 0 && !close_hole(h, e))
			next = 0;	/* its extent has joined others: begin again */
	}
}

void
pages_heap_become_child(struct pages_heap *h, bool locked) PAGES_LOCK_UNCHECKED
{
	bool open = locked && h->state == PAGES_HEAP_OPEN;

	if (open) {
		pages_heap_undo_changes(h);
		drop_kept(h);
		pages_heap_check_now(h);
	}
	pages_heap_count_anew(h);
	pages_heap_leave_record(h);
	/* The thread that had it may not be there. */
	atomic_store_explicit(&h->peeking, false, memory_order_relaxed);
	if (open)
		close_holes(h);
	pages_process_tell(&h->process, !atomic_load(&h->confined));
}

bool
pages_heap_adopt(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	bool locked;

	if (!pages_process_claim(&h->process))
		return false;
	/* A signal handler has forked that interrupted this thread, which will unlock. */
	if (atomic_load(&h->lock.owner) == pages_lock_self()) {
		pages_process_unclaim(&h->process);
		return false;
	}
	locked = pages_lock_inherit(&h->lock);
	if (locked)
		pages_heap_flush_caches(h);
	pages_heap_become_child(h, locked);
	if (locked)
		pages_lock_release(&h->lock);
	return locked;
}
