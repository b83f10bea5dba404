/* SPDX-License-Identifier: MIT */
#include "memory.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE_PAGE ((size_t)2 << 20)
#define CHUNK ((size_t)64 << 10)	/* filled with one byte value */

struct places places;

void
fail(const char *why)
{
	fprintf(stderr, "patterns: %s\n", why);
	_exit(3);
}

void
open_places(const struct run *r)
{
	size_t stride = (r->size + 63) / 64 * 64, len;
	unsigned char *p;

	if (stride >= CHUNK)
		stride = (stride + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	len = r->pattern->places * stride + HUGE_PAGE;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		fail("no memory for the limit");
	(void)madvise(p, len, MADV_HUGEPAGE);	/* best effort: the limit is what is there */
	memset(p, 0, len);
	p += -(uintptr_t)p % HUGE_PAGE;
	places = (struct places){ p, stride };
}

unsigned char *
grow(struct run *r, size_t place, unsigned char *p, size_t old, size_t size)
{
	volatile uintptr_t before = (uintptr_t)p;	/* hides from gcc that realloc took it */
	unsigned char *q;

	if (places.base != NULL)
		return given(places.base + place * places.stride);
	q = given(realloc(p, size));
	if ((uintptr_t)q != before)
		r->moved += old;
	return q;
}

static unsigned char
value(size_t offset, size_t seed)
{
	return (unsigned char)(offset / CHUNK * 37 + seed * 101 + 1);
}

void
fill(struct run *r, unsigned char *p, size_t from, size_t to, size_t seed)
{
	r->bytes += to - from;
	r->written += to - from;
	for (size_t end; from < to; from = end) {
		end = (from / CHUNK + 1) * CHUNK;
		if (end > to)
			end = to;
		memset(p + from, value(from, seed), end - from);
	}
}

void
check(const unsigned char *p, size_t to, size_t seed, size_t step)
{
	for (size_t at = 0; at < to; at += step) {
		size_t last = at + step <= to ? at + step - 1 : to - 1;

		if (p[at] != value(at, seed) || p[last] != value(last, seed))
			fail("a block does not hold what was written to it");
	}
}

void
touch_zeroed(unsigned char *p, size_t size, size_t step)
{
	step -= step % sizeof(uint64_t);
	for (size_t at = 0; at + sizeof(uint64_t) <= size; at += step) {
		uint64_t *word = (uint64_t *)(void *)(p + at);

		uint64_t was = __atomic_fetch_add(word, 1, __ATOMIC_RELAXED);

		if (was != 0 && places.base == NULL)
			fail("calloc gave memory that is not zero");
	}
}

void
live_more(struct run *r, size_t n)
{
	uint64_t now = __atomic_add_fetch(&r->live, n, __ATOMIC_RELAXED);
	uint64_t peak = __atomic_load_n(&r->live_peak, __ATOMIC_RELAXED);

	while (now > peak && !__atomic_compare_exchange_n(&r->live_peak, &peak, now, true,
							  __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

void
live_fewer(struct run *r, size_t n)
{
	__atomic_sub_fetch(&r->live, n, __ATOMIC_RELAXED);
}
