/* SPDX-License-Identifier: MIT */
/*
 * cache.c - the pages of the last big vector, kept for the next one
 *
 * The first touch of memory costs several times what writing it costs.  Programs that
 * use one big vector after the other pay it once: what a vector leaves is marked as
 * free for the kernel to take whenever it wants, which is next to nothing to do, and
 * handed to the next that asks for a size of that order.
 *
 * Nobody ever waits here: who finds the pocket in use does without.  So does a child
 * that was forked in that moment, for good.
 */
#include "vec.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "os/muzzy.h"
#include "os/os.h"

/* Much larger than what is asked for would be much more resident than is used. */
#define TIMES_TOO_LARGE 32

static atomic_flag in_use = ATOMIC_FLAG_INIT;
static struct pages_rw pocket;

/* Two vectors would get the same pages. */
_Noreturn static void
die_of_freed_twice(void)
{
	static const char line[] = "pages: vector freed twice, through a copy of its handle\n";

	pages_os_complain(line, sizeof(line) - 1);
	abort();
}

/* Swap the contents of the pocket, if that can be had at once. */
static bool
exchange(struct pages_rw *pages)
{
	struct pages_rw old;

	if (atomic_flag_test_and_set_explicit(&in_use, memory_order_acquire))
		return false;
	old = pocket;
	if (pages_len(pages) != 0 && pages_len(&old) != 0 && pages_write(pages) == pages_write(&old))
		die_of_freed_twice();
	pocket = *pages;
	*pages = old;
	atomic_flag_clear_explicit(&in_use, memory_order_release);
	return true;
}

void
paged_vec_keep(struct pages_rw *pages)
{
	if (pages_muzzy_mark(pages_write(pages), pages_len(pages)))
		(void)exchange(pages);
	pages_close(pages);
}

bool
paged_vec_reuse(size_t room, struct pages_rw *ret)
{
	struct pages_rw pages = {0};
	size_t len;

	if (!exchange(&pages))
		return false;
	len = pages_len(&pages);
	if (len >= room && len / TIMES_TOO_LARGE <= room) {
		pages_muzzy_unmark(pages_write(&pages), len);
		*ret = pages;
		return true;
	}
	/* Back into it; what somebody else has put there meanwhile, or this, has to go. */
	if (len != 0)
		(void)exchange(&pages);
	pages_close(&pages);
	return false;
}

bool
paged_vec_flush_cache(void)
{
	struct pages_rw pages = {0};

	if (!exchange(&pages) || pages_len(&pages) == 0)
		return false;
	pages_close(&pages);
	return true;
}
