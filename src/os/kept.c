/* SPDX-License-Identifier: MIT */
/* kept.c - where the owner of kept memory leaves its description */
#include "kept.h"

static _Atomic(struct pages_kept *) announced;

void
pages_kept_announce(struct pages_kept *k)
{
	atomic_store_explicit(&announced, k, memory_order_release);
}

struct pages_kept *
pages_kept(void)
{
	return atomic_load_explicit(&announced, memory_order_acquire);
}
