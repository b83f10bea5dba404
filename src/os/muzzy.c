/* SPDX-License-Identifier: MIT */
#include "muzzy.h"

#include <errno.h>
#include <stdint.h>

#include "base.h"
#include "caps.h"
#include "os.h"

/* A huge page where pages are 4 KiB; canaries lie this far apart in it. */
#define CHUNK ((size_t)2 << 20)
#define CANARY_STEP ((size_t)128 << 10)

/*
 * Chunks in a row that need the same are dealt with in one call.  When they are marked, not
 * too many: without a huge zero page, looking at a chunk that was never written to makes it
 * resident.
 */
#define MARKED_AT_ONCE 16

/* A cache line, of which the canary is the first word; all of it is looked at. */
enum { WORDS = 64 / sizeof(uint64_t) };

/* The end of the chunk, by address, in which p lies; not beyond end. */
static char *
chunk_end(char *p, char *end)
{
	size_t left = CHUNK - ((uintptr_t)p & (CHUNK - 1));

	return left < (size_t)(end - p) ? p + left : end;
}

/* Volatile: the memory is nobody's, and the kernel changes it. */
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

static void
store_to_pages(char *p, const char *end)
{
	size_t page = pages_os_page_size();

	for (; p < end; p += page)
		*(volatile uint64_t *)p = 1;
}

/*
 * Look at each chunk of [p, end), and deal with chunks in a row, at_once at most, for which
 * the answer was the same.
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

static void
leave(char *p, size_t len, bool written)
{
	if (!written || pages_os_advise(p, len, PAGES_OS_FREE) != 0)
		(void)pages_os_discard(p, len);
}

bool
pages_muzzy_mark(char *p, size_t len)
{
	/* Only where this succeeds is it certain that there is nothing but memory. */
	if (pages_os_advise(p, len, PAGES_OS_FREE) != 0) {
		(void)pages_os_discard(p, len);		/* a part may have been marked */
		return false;
	}
	/* Its owner may have left a protection. */
	if (pages_os_protect(p, len, PAGES_OS_READ | PAGES_OS_WRITE) != 0)
		(void)pages_os_discard(p, len);
	else
		each_run(p, p + len, MARKED_AT_ONCE, plant_if_written, leave);
	return true;
}

/*
 * What is there is dirty afterwards, and the rest is gone: by the kernel, which needs 0.1 us
 * for a huge page that is one still, or by stores, which take 5 us.
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
