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
#include "os/caps.h"
#include "cache.h"
#include "child.h"
#include "lock.h"
#include "sparse.h"
#include "os/os.h"

/* Units that could not be hidden are shared until the child drops them: correct, but slower. */
static void
hide_kept(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_unit_run run = pages_heap_next_kept(h, 0);
	size_t splits = h->units.splits.count;

	/* Each run may become a mapping of its own: two more VMA splits. */
	while (run.count != 0 && (splits += 2) < h->units.splits.max) {
		char *p = h->arena.base + run.first * PAGES_UNIT;

		/* A call that fails may have hidden a part of the run: undo that one, too. */
		h->hidden_end = run.first + run.count;
		if (pages_os_advise(p, run.count * PAGES_UNIT, PAGES_OS_WIPE_ON_FORK) != 0)
			break;
		run = pages_heap_next_kept(h, h->hidden_end);
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
	struct pages_unit_run run = pages_heap_next_kept(h, 0);

	for (; run.first < h->hidden_end; run = pages_heap_next_kept(h, run.first + run.count)) {
		size_t start = run.first * PAGES_UNIT, len = run.count * PAGES_UNIT;

		if (pages_os_advise(h->arena.base + start, len, PAGES_OS_KEEP_ON_FORK) != 0 &&
		    pages_arena_renew(&h->arena, start, len) != 0)
			give_up(h);
	}
	h->hidden_end = 0;
}

void
pages_heap_fork_prepare(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	(void)pages_heap_drop_sparse(h);
	if (pages_process_is_new(&h->process))
		(void)pages_heap_adopt(h);
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
	bool locked = pages_lock_is_forking(&h->lock);

	if (locked && h->state == PAGES_HEAP_OPEN)
		show_kept(h);
	pages_heap_become_child(h, locked);
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
	pages_process_tell(&h->process, true);
	pages_process_at_fork(prepare, in_parent, in_child);
}

bool
pages_heap_is_here(struct pages_heap *h)
{
	return pages_process_is_here(&h->process);
}
