/* SPDX-License-Identifier: MIT */
/*
 * pending.c - what waits for a thread that has the lock: deferred frees, and changes
 */
#include <errno.h>
#include <string.h>

#include "block.h"
#include "pending.h"

/* Deferred frees. --------------------------------------------------------- */

/* Release block id later: push it on a stack that is linked through records (Treiber, 1986). */
void
pages_heap_defer(struct pages_heap *h, uint32_t id)
{
	struct pages_extent *e = &h->extents.node[id];
	uint32_t head = atomic_load(&h->deferred);

	do
		__atomic_store_n(&e->left, head, __ATOMIC_RELAXED);
	while (!atomic_compare_exchange_weak(&h->deferred, &head, id));
}

static void
release_deferred(struct pages_heap *h) PAGES_LOCKED
{
	uint32_t id = atomic_exchange(&h->deferred, 0);

	while (id != 0) {
		uint32_t next = __atomic_load_n(&h->extents.node[id].left, __ATOMIC_RELAXED);

		pages_heap_release(h, id);
		id = next;
	}
}

/* Changes. ---------------------------------------------------------------- */

struct pages_change *
pages_heap_change(struct pages_heap *h, uint32_t id)
{
	static_assert(PAGES_CHANGES == 64, "bits of changes_used");
	struct pages_change *c;
	unsigned i;

	if (PAGES_UNLIKELY(~h->changes_used == 0))
		return NULL;
	i = (unsigned)__builtin_ctzll(~h->changes_used);
	h->changes_used |= (uint64_t)1 << i;
	c = &h->changes[i];
	memset(c, 0, offsetof(struct pages_change, step));	/* nearly all requests need one */
	atomic_store_explicit(&c->state, PAGES_CHANGE_OPEN, memory_order_relaxed);
	c->thread = pages_lock_self();
	c->id = id;
	return c;
}

static void
close_change(struct pages_heap *h, struct pages_change *c) PAGES_LOCKED
{
	pages_heap_set_reach(h);
	atomic_store_explicit(&c->state, PAGES_CHANGE_UNUSED, memory_order_relaxed);
	h->changes_used &= ~((uint64_t)1 << (c - h->changes));
}

static void
set_used(struct pages_heap *h, const struct pages_change *c) PAGES_LOCKED
{
	struct pages_extent *e = &h->extents.node[c->id];

	pages_heap_count_live(h, c->used, e->used);
	e->used = c->used;
}

/* The block that the change is for does not get its memory. */
static void
undo_block(struct pages_heap *h, struct pages_change *c) PAGES_LOCKED
{
	pages_heap_take_back(h, c);
	if (c->cached)
		pages_heap_release(h, c->id);
}

int
pages_heap_end(struct pages_heap *h, struct pages_change *c)
{
	int err = c->err;

	if (PAGES_LIKELY(err == 0)) {
		pages_change_finish(&h->units, c);
		if (c->used != 0)
			set_used(h, c);
		/* What was not needed, or what a refused move has left, may lie in the room. */
		if (c->id != 0 && (c->still || h->extents.node[c->id].note.hollow))
			pages_heap_trim_room(h, c->id);
	} else if (c->id != 0) {
		pages_change_carry_back(&h->units, c);
		pages_change_abandon(&h->units, c);
		undo_block(h, c);
	}
	close_change(h, c);
	return err;
}

static void
settle_left(struct pages_heap *h) PAGES_LOCKED
{
	for (uint64_t used = h->changes_used; used != 0; used &= used - 1) {
		struct pages_change *c = &h->changes[__builtin_ctzll(used)];

		if (atomic_load_explicit(&c->state, memory_order_acquire) != PAGES_CHANGE_LEFT)
			continue;
		pages_change_settle(&h->units, c);
		(void)pages_heap_end(h, c);
		atomic_fetch_sub(&h->changes_left, 1);
	}
}

/* In this order: a block that should have grown may have been freed since. */
void
pages_heap_catch_up(struct pages_heap *h)
{
	if (PAGES_UNLIKELY(atomic_load(&h->changes_left) != 0))
		settle_left(h);
	if (PAGES_UNLIKELY(atomic_load(&h->deferred) != 0))
		release_deferred(h);
}

/* If a signal handler forks, the thread that it interrupted goes on with its change in the child. */
void
pages_heap_undo_changes(struct pages_heap *h)
{
	settle_left(h);
	for (uint64_t used = h->changes_used; used != 0; used &= used - 1) {
		struct pages_change *c = &h->changes[__builtin_ctzll(used)];

		if (c->thread == pages_lock_self())
			continue;
		pages_change_undo(&h->units, c);
		c->err = 0;
		if (c->id != 0)
			undo_block(h, c);
		close_change(h, c);
	}
	/* A thread may have left one and not counted it yet. */
	atomic_store(&h->changes_left, 0);
}
