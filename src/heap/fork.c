/* SPDX-License-Identifier: MIT */
/*
 * fork.c - a heap whose process forks
 *
 * A child has no use for what is kept.  But as long as it shares kept pages the
 * parent pays for each that it uses again: a fault, and a copy while the child lives,
 * which is many times what a fresh page costs.  So for the time of the fork kept
 * memory is marked as not to be passed on.  The parent still has it afterwards, to
 * itself, and its page tables were not copied; the child has address space there.
 *
 * Between prepare and its end the lock is held, so that the same units are kept.  A
 * fork that had to go without the lock changes nothing here.
 */
#include <pthread.h>

#include "os/caps.h"
#include "impl.h"
#include "os/os.h"

static struct pages_unit_run
next_kept(const struct pages_heap *h, size_t from) PAGES_LOCKED
{
	return pages_units_kept(&h->units, from, h->units.count, PAGES_ALL);
}

/* What is not hidden is dropped by the child: it just costs more. */
static void
hide_kept(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_unit_run run = next_kept(h, 0);
	size_t seams = h->units.splits;

	/* Each run may become a mapping of its own. */
	while (run.count != 0 && (seams += 2) < h->units.splits_max) {
		char *p = h->arena.base + run.first * PAGES_UNIT;

		/* Also what is refused may be done in part, and has to be undone. */
		h->hidden_end = run.first + run.count;
		if (pages_os_advise(p, run.count * PAGES_UNIT, PAGES_OS_WIPE_ON_FORK) != 0)
			break;
		run = next_kept(h, h->hidden_end);
	}
}

/* What is there cannot be given out: there is no heap any more but for what is live. */
static void
give_up(struct pages_heap *h)
{
	h->state = PAGES_HEAP_NONE;
}

/*
 * Must not fail: what is given out there later has to reach children.  A mapping made
 * afresh is not marked; what it held was free.
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

/* Also what was hidden: only then it is known to be zero (emulators ignore marks). */
static void
drop_kept(struct pages_heap *h) PAGES_LOCKED
{
	struct pages_unit_run run = next_kept(h, 0);

	for (; run.count != 0; run = next_kept(h, run.first + run.count)) {
		enum pages_fate fate;

		pages_units_leave(&h->units, run);
		fate = pages_units_drop(&h->units, run);
		pages_units_done(&h->units, run, fate);
		if (fate == PAGES_HOLE)
			give_up(h);
	}
}

/* The child's counters tell what it did itself; what it inherited is still live. */
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
		show_kept(h);
		drop_kept(h);
		pages_heap_check_now(h);
	}
	reset_counters(h);
	pages_heap_close_holes(h);
	pages_lock_after_fork_child(&h->lock);
}

/* Handlers have no arguments. */
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
