/* SPDX-License-Identifier: MIT */
/*
 * cache.c - keeps the pages of the last freed big vector for the next one
 *
 * The first touch of a page costs several times as much as writing it.  A program that uses
 * one big vector after the other pays for it only once.  The pages of a freed vector are made
 * muzzy (see muzzy.h), which is cheap, and go into a cache of one entry, of which each process has one.
 * The next vector of a similar capacity gets them.
 *
 * Nothing waits here.  A thread that finds the cache in use goes on without it.  If a fork
 * happens in that moment, the child never uses the cache.
 */
#include "vec.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "os/muzzy.h"
#include "os/os.h"

/*
 * Pages of more than so many times the requested size are not reused: most of them would be
 * resident but unused.
 */
#define TIMES_TOO_LARGE 32

static atomic_flag in_use = ATOMIC_FLAG_INIT;
static struct pages_rw kept;

/* Abort, because otherwise two vectors would get the same pages. */
_Noreturn static void
die_of_freed_twice(void)
{
	static const char line[] = "pages: vector freed twice, through a copy of its handle\n";

	pages_os_complain(line, sizeof(line) - 1);
	abort();
}

/* Swap *pages with the cache; false if another thread is doing that right now. */
static bool
exchange(struct pages_rw *pages)
{
	struct pages_rw old;

	if (atomic_flag_test_and_set_explicit(&in_use, memory_order_acquire))
		return false;
	old = kept;
	if (pages_len(pages) != 0 && pages_len(&old) != 0 && pages_write(pages) == pages_write(&old))
		die_of_freed_twice();
	kept = *pages;
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
	/*
	 * Too small or too large: put them back.  Another thread may have filled the cache
	 * meanwhile.  Then close what comes out of it, or these if it is in use.
	 */
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
