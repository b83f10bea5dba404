/* SPDX-License-Identifier: MIT */
/*
 * probed.c - a program of which a tracer sees what it does with large blocks
 *
 *	probed FILE
 *
 * It writes to FILE what the probes have to tell (pages-probes(7)): names and arguments; of free
 * the bytes instead of pages and their size.
 */
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/support.h"

/* The same with libpages linked, and no shim. */
#ifdef LINKED
#include <pages/malloc.h>
#define malloc pages_malloc
#define calloc pages_calloc
#define realloc pages_realloc
#define free pages_free
#define memalign pages_aligned_alloc
#define malloc_usable_size pages_usable_size
#endif

static FILE *out;

static void
check(bool ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "probed: %s\n", what);
		exit(1);
	}
}

static void *
allocated(void *p, size_t size)
{
	check(p != NULL, "a request was refused");
	fprintf(out, "allocate %zu %zu\n", (size_t)p, size);
	return p;
}

/* All blocks here begin in their first page: their length is what they can hold and that offset. */
static void
say_free(void *p)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	fprintf(out, "free %zu %zu\n", (size_t)p, malloc_usable_size(p) + (uintptr_t)p % page);
}

static void
freed(void *p)
{
	say_free(p);
	free(p);
}

static void *
resized(void *p, size_t size)
{
	size_t old = (size_t)p, usable = malloc_usable_size(p);

	p = realloc(p, size);
	check(p != NULL, "realloc() was refused");
	if (malloc_usable_size(p) != usable || (size_t)p != old)
		fprintf(out, "resize %zu %zu %zu %zu\n", old, usable, (size_t)p, size);
	return p;
}

/* Where a debugger stops, so that what comes after it is known. */
__attribute__((noinline)) void marker(void);
void
marker(void)
{
	__asm__ volatile("" ::: "memory");
}

static void
blocks(void)
{
	char *p = allocated(malloc(MIB(40) + 123), MIB(40) + 123), *q;

	memset(p, 1, MIB(40));
	freed(p);
	p = allocated(malloc(MIB(40) + 123), MIB(40) + 123);	/* from the front cache */
	q = allocated(malloc(MIB(3)), MIB(3));
	memset(p, 1, MIB(40));
	p = resized(p, MIB(90));
	p = resized(p, MIB(91));
	p = resized(p, MIB(91) + 1);
	p = resized(p, MIB(91) + 2);
	p = resized(p, MIB(5));
	say_free(p);
	p = realloc(p, 100);		/* goes to the next allocator, */
	check(p != NULL, "realloc() to 100 bytes was refused");
	p = allocated(realloc(p, MIB(1)), MIB(1));	/* and comes back */
	freed(p);
	freed(q);
	freed(allocated(calloc(3, MIB(3)), MIB(9)));
	freed(allocated(memalign(MIB(4), MIB(5)), MIB(5)));
}

static void
too_much(void)
{
	volatile size_t size = PTRDIFF_MAX / 2;
	void *p = malloc(size);

	check(p == NULL, "there is too much memory");
	fprintf(out, "decline %zu 2\n", size);
	p = allocated(malloc(MIB(2)), MIB(2));
	fprintf(out, "decline %zu 2\n", size);
	check(realloc(p, size) == NULL, "there is too much memory");
	freed(p);
}

#ifdef LINKED
static void
dedicated(void)
{
	char *p = allocated(pages_malloc_with(MIB(3), 0, PAGES_MALLOC_DEDICATED), MIB(3)), *q;

	q = allocated(pages_malloc_with(MIB(1), 0, PAGES_MALLOC_DEDICATED), MIB(1));
	p = resized(p, MIB(64));
	p = resized(p, MIB(1));
	q = resized(q, MIB(1) + 4096);
	freed(p);
	freed(q);
}

static void
expanded(void)
{
	size_t size = MIB(2) + 123456, usable;
	char *p = allocated(malloc(MIB(2)), MIB(2));

	usable = pages_usable_size(p);
	if (pages_try_expand(p, size))
		fprintf(out, "resize %zu %zu %zu %zu\n", (size_t)p, usable, (size_t)p, size);
	freed(p);
}
#endif

int
main(int argc, char **argv)
{
	char *p;

	out = argc > 1 ? fopen(argv[1], "w") : NULL;
	check(out != NULL, "there is no file to write to");
	blocks();
	too_much();
	p = allocated(malloc(MIB(20)), MIB(20));
	memset(p, 1, MIB(20));
	usleep(100000);		/* what has lived for long is marked */
	freed(p);
	marker();
#ifdef LINKED
	struct pages_stats st;

	pages_malloc_stats(&st, sizeof(st));
	fprintf(out, "moved %zu\n", (size_t)st.moved_bytes);
	fprintf(out, "gone %zu\n", pages_trim(0));
	marker();
	dedicated();
	expanded();
#else
	malloc_trim(0);
	marker();
#endif
	check(fclose(out) == 0, "the file could not be written");
	return 0;
}
