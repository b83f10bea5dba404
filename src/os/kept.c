/* SPDX-License-Identifier: MIT */
/* kept.c - where the owner of kept memory leaves its description */
#include "kept.h"

_Atomic(struct pages_kept *) pages_kept_announced;

void
pages_kept_announce(struct pages_kept *k)
{
	atomic_store_explicit(&pages_kept_announced, k, memory_order_release);
}

struct pages_kept *
pages_kept(void)
{
	return atomic_load_explicit(&pages_kept_announced, memory_order_acquire);
}
