/* SPDX-License-Identifier: MIT */
/*
 * kept.h - freed memory that is kept for reuse, apart from the allocator's
 *
 * pages_trim() and the statistics are to cover it, and they lie in a wing that must not call
 * its owner's.  So the owner leaves a description here.
 */
#ifndef PAGES_KEPT_H
#define PAGES_KEPT_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct pages_kept {
	size_t (*trim)(size_t keep);	/* give back all but keep bytes; returns how many */
	_Atomic uint64_t bytes;		/* kept at present */
	_Atomic uint64_t reused_bytes;	/* all that was handed out again */
};

/* There is one owner.  *k stays where it is.  Any thread, any number of times. */
void pages_kept_announce(struct pages_kept *k);
extern _Atomic(struct pages_kept *) pages_kept_announced __attribute__((visibility("hidden")));

/* What was announced, or NULL. */
struct pages_kept *pages_kept(void);

#endif /* PAGES_KEPT_H */
