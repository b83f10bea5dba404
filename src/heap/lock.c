/* SPDX-License-Identifier: MIT */
/*
 * lock.c - the heap's lock, for which nobody waits long (os/lock.h)
 */
#include <errno.h>

#include "block.h"
#include "child.h"
#include "lock.h"
#include "recorded.h"

bool
pages_heap_lock(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	if (PAGES_UNLIKELY(pages_process_is_new(&h->process)) && !pages_heap_adopt(h))
		return false;
	if (!pages_lock_acquire(&h->lock))
		return false;
	pages_heap_check_now(h);
	return true;
}

void
pages_heap_unlock(struct pages_heap *h) PAGES_LOCK_UNCHECKED
{
	pages_heap_check_now(h);
	if (PAGES_UNLIKELY(atomic_load_explicit(&h->recording, memory_order_relaxed)))
		pages_heap_copy_to_record(h);
	pages_lock_release(&h->lock);
}

bool
pages_heap_enter(struct pages_heap *h)
{
	if (!pages_heap_lock(h))
		return false;
	pages_heap_catch_up(h);
	return true;
}

void
pages_heap_free_claimed(struct pages_heap *h, uint32_t id)
{
	if (!pages_heap_enter(h)) {
		pages_heap_defer(h, id);
		return;
	}
	pages_heap_release(h, id);
	pages_heap_unlock(h);
}

/* The lock is not to be had: the thread that has it next ends the change. */
static void
leave_change(struct pages_heap *h, struct pages_change *c)
{
	c->err = -EBUSY;
	atomic_store_explicit(&c->state, PAGES_CHANGE_LEFT, memory_order_release);
	atomic_fetch_add(&h->changes_left, 1);
}

bool
pages_heap_perform(struct pages_heap *h, struct pages_change *c)
{
	for (;;) {
		pages_change_perform(&h->units, c);
		if (!pages_heap_enter(h)) {
			pages_change_carry_back(&h->units, c);
			leave_change(h, c);
			return false;
		}
		pages_change_settle(&h->units, c);
		if (!pages_change_plan(&h->units, c))
			return true;
		pages_heap_unlock(h);
	}
}

bool
pages_heap_hand_over(struct pages_heap *h, struct pages_change *c)
{
	pages_change_hand_over(&h->units, c);
	if (!pages_heap_enter(h)) {
		pages_change_hand_back(&h->units, c);
		leave_change(h, c);
		return false;
	}
	if (c->err == 0)
		pages_change_settle_handed(&h->units, c);
	return true;
}

void
pages_heap_refresh_record(struct pages_heap *h)
{
	if (PAGES_UNLIKELY(atomic_load_explicit(&h->recording, memory_order_relaxed)) &&
	    pages_heap_lock(h))
		pages_heap_unlock(h);
}

bool
pages_heap_valid(struct pages_heap *h)
{
	bool valid = false;

	if (pages_heap_lock(h)) {
		valid = pages_heap_check(h) == NULL;
		pages_heap_unlock(h);
	}
	return valid;
}
