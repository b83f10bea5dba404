/* SPDX-License-Identifier: MIT */
/*
 * fork.c - fork handlers: they hide kept memory from the child
 *
 * A child has no use for kept memory.  But if it shared kept pages, the parent would pay for
 * each that it reuses: a fault, and a copy while the child lives, which costs many times what a
 * fresh page costs.  So during the fork kept units have MADV_WIPEONFORK.  The parent keeps them
 * unshared, and fork copies no page tables for them; in the child they are absent.
 *
 * The lock is held from prepare() until the end of the fork, so the same units stay kept.  A
 * fork for which the lock was not to be had changes nothing here.
 */
#include <pthread.h>

#include "os/caps.h"
#include "cache.h"
#include "dedicated.h"
#include "lock.h"
#include "sparse.h"
#include "os/os.h"

static struct pages_unit_run
next_kept(const struct pages_heap *h, size_t from) PAGES_LOCKED
{
	return pages_units_kept(&h->units, from, h->units.count, PAGES_ALL);
}

/* Units that could not be hidden are shared until the child drops them: correct, but slower. */
static void
hide_kept(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_unit_run run = next_kept(h, 0);
	size_t splits = h->units.splits.count;

	/* Each run may become a mapping of its own: two more VMA splits. */
	while (run.count != 0 && (splits += 2) < h->units.splits.max) {
		char *p = h->arena.base + run.first * PAGES_UNIT;

		/* A call that fails may have hidden a part of the run: undo that one, too. */
		h->hidden_end = run.first + run.count;
		if (pages_os_advise(p, run.count * PAGES_UNIT, PAGES_OS_WIPE_ON_FORK) != 0)
			break;
		run = next_kept(h, h->hidden_end);
	}
}

/* Free memory cannot be handed out any more: from now on only serve the live blocks. */
static void
give_up(struct pages_heap *h)
{
	h->state = PAGES_HEAP_NONE;
}

/*
 * Undo hide_kept().  A unit left hidden would read as zero in every later child, even with a
 * live block in it.  So if the kernel refuses to unhide a run, it is mapped anew, which loses
 * free memory only; and if it refuses that, too, the heap gives up.
 */
static void
show_kept(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_unit_run run = next_kept(h, 0);

	for (; run.first < h->hidden_end; run = next_kept(h, run.first + run.count)) {
		size_t start = run.first * PAGES_UNIT, len = run.count * PAGES_UNIT;

		if (pages_os_advise(h->arena.base + start, len, PAGES_OS_KEEP_ON_FORK) != 0 &&
		    pages_arena_renew(&h->arena, start, len) != 0)
			give_up(h);
	}
	h->hidden_end = 0;
}

/* In the child.  Hidden units, too: under emulators, which ignore the advice, they are not zero. */
static void
drop_kept(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_change *c = pages_heap_change(h, 0);
	struct pages_unit_run run = next_kept(h, 0);

	for (; run.count != 0; run = next_kept(h, run.first + run.count)) {
		pages_change_take(&h->units, c, PAGES_STEP_DROP, run);
		pages_change_perform(&h->units, c);
		pages_change_settle(&h->units, c);
	}
	(void)pages_heap_end(h, c);
}

/* The child counts anew; the blocks that it inherits stay live. */
static void
reset_counters(struct pages_heap *h)
{
	struct pages_stats *st = &h->stats;
	struct pages_units *u = &h->units;

	*st = (struct pages_stats){
		.live_objects = st->live_objects,
		.live_bytes = st->live_bytes,
		.peak_live_bytes = st->live_bytes,
		.inherited_objects = st->live_objects,
	};
	u->moved = u->reused = u->fresh = u->returned = u->moved_free = u->refused_moves = 0;
	u->freed = u->kept;
	u->inherited = u->peak_resident = u->held + u->kept;
	atomic_store(&h->busy, 0);
	atomic_store(&h->cleared_bytes, 0);
	atomic_store(&h->copied_bytes, 0);
	pages_heap_reset_caches(h);
}

void
pages_heap_fork_prepare(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	(void)pages_heap_drop_sparse(h);
	pages_lock_before_fork(&h->lock);
	if (!pages_lock_is_forking(&h->lock) || h->state != PAGES_HEAP_OPEN)
		return;
	pages_heap_check_now(h);
	pages_heap_flush_caches(h);
	if (pages_can(PAGES_CAP_WIPE))
		hide_kept(h);
}

void
pages_heap_fork_parent(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	if (pages_lock_is_forking(&h->lock) && h->state == PAGES_HEAP_OPEN) {
		show_kept(h);
		pages_heap_check_now(h);
	}
	pages_lock_after_fork_parent(&h->lock);
}

void
pages_heap_fork_child(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	if (pages_lock_is_forking(&h->lock) && h->state == PAGES_HEAP_OPEN) {
		pages_heap_undo_changes(h);
		show_kept(h);
		drop_kept(h);
		pages_heap_check_now(h);
	}
	reset_counters(h);
	pages_heap_close_holes(h);
	pages_lock_after_fork_child(&h->lock);
}

/* The handlers of pthread_atfork have no arguments. */
static struct pages_heap *followed;

static void
prepare(void)
{
	pages_heap_fork_prepare(followed);
}

static void
in_parent(void)
{
	pages_heap_fork_parent(followed);
}

static void
in_child(void)
{
	pages_heap_fork_child(followed);
}

void
pages_heap_follow_forks(struct pages_heap *h)
{
	followed = h;
	(void)pthread_atfork(prepare, in_parent, in_child);
}
