/* SPDX-License-Identifier: MIT */
#include "lock.h"

#include "base.h"
#include "os.h"

enum { FREE, HELD, WAITED_FOR };

/* Longer than any critical section of ours, also when its owner is preempted. */
#define PATIENCE_MS 20u
#define SPINS 100

static bool
is_mine(struct pages_lock *l)
{
	return atomic_load_explicit(&l->owner, memory_order_relaxed) == pages_lock_self();
}

static bool
is_forker(struct pages_lock *l)
{
	return atomic_load(&l->forker) == pages_lock_self();
}

static bool
try(struct pages_lock *l)
{
	uint32_t expected = FREE;

	return atomic_compare_exchange_strong_explicit(&l->word, &expected, HELD,
						       memory_order_acquire, memory_order_relaxed);
}

static void
pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

/* Whoever sleeps leaves the word at WAITED_FOR, so that somebody wakes the next. */
static bool
try_or_sleep(struct pages_lock *l)
{
	if (atomic_exchange_explicit(&l->word, WAITED_FOR, memory_order_acquire) == FREE)
		return true;
	pages_os_wait(&l->word, WAITED_FOR, PATIENCE_MS);
	return false;
}

static bool
acquire_slowly(struct pages_lock *l)
{
	uint64_t deadline;

	if (is_mine(l))
		return false;
	for (int i = 0; i < SPINS && !atomic_load(&l->closed); i++) {
		pause();
		if (atomic_load_explicit(&l->word, memory_order_relaxed) == FREE && try(l))
			return true;
	}
	deadline = pages_os_now_ms() + PATIENCE_MS;
	while (!atomic_load(&l->closed) && pages_os_now_ms() < deadline)
		if (try_or_sleep(l))
			return true;
	return false;
}

bool
pages_lock_acquire(struct pages_lock *l)
{
	if (PAGES_UNLIKELY(!try(l)) && !acquire_slowly(l))
		return false;
	atomic_store_explicit(&l->owner, pages_lock_self(), memory_order_relaxed);
	return true;
}

void
pages_lock_release(struct pages_lock *l)
{
	atomic_store_explicit(&l->owner, 0, memory_order_relaxed);
	if (atomic_exchange_explicit(&l->word, FREE, memory_order_release) == WAITED_FOR)
		pages_os_wake(&l->word);
}

void
pages_lock_before_fork(struct pages_lock *l)
{
	uint64_t deadline = pages_os_now_ms() + 4 * PATIENCE_MS;
	bool got = false;

	if ((atomic_load(&l->closed) & PAGES_LOCK_LOST) != 0)
		return;
	atomic_fetch_add(&l->closed, 1);
	if (is_forker(l)) {
		atomic_fetch_add(&l->nested, 1);
		return;
	}
	while (!is_mine(l) && !(got = try_or_sleep(l)) && pages_os_now_ms() < deadline)
		;
	if (got) {
		atomic_store(&l->owner, pages_lock_self());
		atomic_store(&l->forker, pages_lock_self());
	}
}

/* The fork may have begun in this process's parent: then this does not count it, or is LOST. */
static void
end_fork(struct pages_lock *l)
{
	uint32_t closed = atomic_load(&l->closed);

	while (closed != 0 && (closed & PAGES_LOCK_LOST) == 0)
		if (atomic_compare_exchange_weak(&l->closed, &closed, closed - 1))
			break;
}

void
pages_lock_after_fork_parent(struct pages_lock *l)
{
	if (pages_lock_is_forking(l)) {
		atomic_store(&l->forker, 0);
		pages_lock_release(l);
	} else if (is_forker(l)) {
		atomic_fetch_sub(&l->nested, 1);
	}
	end_fork(l);
}

void
pages_lock_after_fork_child(struct pages_lock *l)
{
	if (pages_lock_is_forking(l)) {
		atomic_store(&l->forker, 0);
		atomic_store(&l->owner, 0);
		atomic_store(&l->closed, 0);
		atomic_store(&l->word, FREE);
	} else {
		atomic_store(&l->forker, 0);
		atomic_store(&l->nested, 0);
		atomic_store(&l->word, HELD);
		atomic_store(&l->closed, PAGES_LOCK_LOST);
	}
}

bool
pages_lock_inherit(struct pages_lock *l)
{
	if (!try(l)) {
		atomic_store(&l->closed, PAGES_LOCK_LOST);
		return false;
	}
	atomic_store(&l->owner, pages_lock_self());
	atomic_store(&l->closed, 0);
	return true;
}
