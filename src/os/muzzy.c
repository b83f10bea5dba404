/* SPDX-License-Identifier: MIT */
/*
 * muzzy.c - MADV_FREE, and the canaries that tell whether the kernel has taken pages
 *
 * Memory is looked at in chunks of 2 MiB, by address; neighbouring chunks that need the same
 * call share it.
 */
#include "muzzy.h"

#include <errno.h>
#include <stdint.h>

#include "base.h"
#include "caps.h"
#include "os.h"

/* The size of a huge page where pages are 4 KiB, and the distance of canaries in it. */
#define CHUNK ((size_t)2 << 20)
#define CANARY_STEP ((size_t)128 << 10)

/*
 * The most chunks that are looked at before pages_muzzy_mark() makes a call for them.  If
 * there is no huge zero page, a load from a chunk that was never written makes it resident;
 * the call drops it again, and this bounds how much is resident in between (32 MiB).
 */
#define MARKED_AT_ONCE 16

/* A cache line, in words.  The canary is its first word; all words are inspected. */
enum { WORDS = 64 / sizeof(uint64_t) };

/* The end of the chunk that contains p, or end if that is lower. */
static char *
chunk_end(char *p, char *end)
{
	size_t left = CHUNK - ((uintptr_t)p & (CHUNK - 1));

	return left < (size_t)(end - p) ? p + left : end;
}

/*
 * Was the chunk ever written?  Inspects 16 cache lines; data elsewhere is missed, and then
 * dropped, which is allowed.  Volatile, because the kernel changes this memory.
 */
static bool
looks_written(const char *p, const char *end)
{
	for (; p < end; p += CANARY_STEP) {
		const volatile uint64_t *line = (const volatile uint64_t *)p;

		for (int i = 0; i < WORDS; i++)
			if (line[i] != 0)
				return true;
	}
	return false;
}

/* A store makes its page dirty again, so the caller has to mark the chunk once more. */
static void
plant_canaries(char *p, const char *end)
{
	for (; p < end; p += CANARY_STEP) {
		volatile uint64_t *word = (volatile uint64_t *)p;

		if (*word == 0)
			*word = 1;
	}
}

static bool
canaries_live(char *p, char *end)
{
	for (; p < end; p += CANARY_STEP)
		if (*(const volatile uint64_t *)p == 0)
			return false;
	return true;
}

/* Make each page dirty by a store, which also faults in missing ones. */
static void
store_to_pages(char *p, const char *end)
{
	size_t page = pages_os_page_size();

	for (; p < end; p += page)
		*(volatile uint64_t *)p = 1;
}

/*
 * Call look() for each chunk of [p, end), and deal() once for each run of chunks that gave
 * the same answer; a run has at_once chunks at most.
 */
static void
each_run(char *p, char *end, size_t at_once, bool (*look)(char *p, char *end),
	 void (*deal)(char *p, size_t len, bool answer))
{
	char *run = p, *next;
	bool before = false;
	size_t n = 0;

	for (; p < end; p = next, n++) {
		bool answer = look(p, next = chunk_end(p, end));

		if (n != 0 && (answer != before || n == at_once)) {
			deal(run, (size_t)(p - run), before);
			run = p;
			n = 0;
		}
		before = answer;
	}
	if (run < end)
		deal(run, (size_t)(end - run), before);
}

static bool
plant_if_written(char *p, char *end)
{
	bool written = looks_written(p, end);

	if (written)
		plant_canaries(p, end);
	return written;
}

/* Canaries are planted: mark the run muzzy.  If it was never written, drop it. */
static void
leave(char *p, size_t len, bool written)
{
	if (!written || pages_os_advise(p, len, PAGES_OS_FREE) != 0)
		(void)pages_os_discard(p, len);
}

bool
pages_muzzy_mark(char *p, size_t len)
{
	/*
	 * Before any access: MADV_FREE fails unless all of the range is private anonymous
	 * memory that is not locked.  The last owner may have mapped something else there.
	 */
	if (pages_os_advise(p, len, PAGES_OS_FREE) != 0) {
		(void)pages_os_discard(p, len);		/* a part may have been marked */
		return false;
	}
	/* The last owner may have changed the permissions; canaries need read and write. */
	if (pages_os_protect(p, len, PAGES_OS_READ | PAGES_OS_WRITE) != 0)
		(void)pages_os_discard(p, len);
	else
		each_run(p, p + len, MARKED_AT_ONCE, plant_if_written, leave);
	return true;
}

/*
 * there: all canaries live, so make every page dirty.  MADV_POPULATE_WRITE needs 0.1 us for
 * an unsplit huge page, stores need 5 us.  Else drop the chunk, of which the kernel has taken
 * a part.  If a call fails, stores make the pages present and dirty.
 */
static void
take_back(char *p, size_t len, bool there)
{
	int err = !there ? pages_os_discard(p, len) :
		  pages_can(PAGES_CAP_POPULATE) ? pages_os_populate(p, len) : -EOPNOTSUPP;

	if (err != 0)
		store_to_pages(p, p + len);
}

void
pages_muzzy_unmark(char *p, size_t len)
{
	each_run(p, p + len, SIZE_MAX, canaries_live, take_back);
}
