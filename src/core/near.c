/* SPDX-License-Identifier: MIT */
/*
 * near.c - looks for a free range within reach of an address, and maps it
 *
 * Every address is a hint to the kernel, which never replaces a mapping, and the answer is
 * compared: another thread may have taken the range meanwhile.  Where a range is free, the list of
 * mappings says.  Without /proc, hints that are spread over the reach may miss one.
 */
#include "near.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "os/base.h"
#include "os/os.h"

/* How often the list is read again, and how many hints are given without one. */
enum { READINGS = 8, SOUNDINGS = 64 };

/* The kernel grants no address below this (vm.mmap_min_addr). */
#define LOWEST PAGES_KIB(64)

/* The first stack shall be able to grow: the kernel itself leaves that much below it. */
#define STACK_ROOM PAGES_MIB(128)

struct range {
	uintptr_t low, high;
};

static struct range
reach(const struct pages_near *want)
{
	struct range r = { LOWEST, UINTPTR_MAX };

	if (want->target > want->within)
		r.low = pages_max(r.low, want->target - want->within);
	if (want->target < UINTPTR_MAX - want->within)
		r.high = want->target + want->within;
	return r;
}

static bool
fits(const struct pages_near *want, struct range r, uintptr_t at)
{
	return at >= r.low && at <= r.high && r.high - at >= want->len &&
	       (at + want->lead) % want->align == 0;
}

/* The highest start of a block between low and end; 0 if there is no room. */
static uintptr_t
start_below(const struct pages_near *want, uintptr_t low, uintptr_t end)
{
	uintptr_t at;

	if (end < low || end - low < want->len)
		return 0;
	at = pages_round_down(end - want->len + want->lead, want->align);
	return at >= low + want->lead ? at - want->lead : 0;
}

static size_t
distance(const struct pages_near *want, uintptr_t at)
{
	return at > want->target ? at - want->target : want->target - at;
}

/* The start of the block that was mapped last: below it there is often room for the next. */
static _Atomic uintptr_t latest;

static int
attempt(const struct pages_near *want, struct range r, uintptr_t at, unsigned prot, void **ret)
{
	void *p;
	int err = pages_os_map_hinted((void *)at, want->len, prot, &p);

	if (err != 0)
		return err;
	if (!fits(want, r, (uintptr_t)p)) {
		pages_os_release(p, want->len);
		return -EADDRNOTAVAIL;
	}
	atomic_store_explicit(&latest, (uintptr_t)p, memory_order_relaxed);
	*ret = p;
	return 0;
}

/* One reading of the list: the nearest start that is at least so far away. */
struct search {
	const struct pages_near *want;
	struct range range;
	uintptr_t gap;		/* where the last mapping ends */
	size_t at_least;
	uintptr_t best;		/* 0 if there is none */
};

/*
 * Of a gap, its upper end: below the target that is nearest to it, and above it leaves the most
 * room for the heap to grow.
 */
static void
consider(struct search *s, uintptr_t gap_end)
{
	uintptr_t low = pages_max(s->gap, s->range.low), end = pages_min(gap_end, s->range.high);
	uintptr_t at = start_below(s->want, low, end);

	if (at == 0 || distance(s->want, at) < s->at_least)
		return;
	if (s->best == 0 || distance(s->want, at) < distance(s->want, s->best))
		s->best = at;
}

static bool
visit(void *arg, const struct pages_os_mapping *m)
{
	struct search *s = arg;
	uintptr_t start = (uintptr_t)m->start;

	consider(s, strcmp(m->name, "[stack]") == 0 ? start - pages_min(start, STACK_ROOM) : start);
	s->gap = start + m->len;
	return s->gap < s->range.high;
}

/*
 * Where the kernel does not follow the hint, the next reading of the list looks farther
 * away.  *ret_listed is false if there is no list.
 */
static int
search(const struct pages_near *want, struct range r, unsigned prot, bool *ret_listed, void **ret)
{
	struct search s = { .want = want, .range = r };
	int err = -EADDRNOTAVAIL;

	for (int i = 0; i < READINGS && err == -EADDRNOTAVAIL; i++) {
		s.gap = s.best = 0;
		*ret_listed = pages_os_each_mapping(visit, &s) == 0;
		if (!*ret_listed)
			break;
		consider(&s, UINTPTR_MAX);
		if (s.best == 0)
			break;
		err = attempt(want, r, s.best, prot, ret);
		s.at_least = distance(want, s.best) + 1;
	}
	return err;
}

static int
sound(const struct pages_near *want, struct range r, unsigned prot, void **ret)
{
	int err = -EADDRNOTAVAIL;

	for (size_t i = 0; i < SOUNDINGS && err == -EADDRNOTAVAIL; i++) {
		uintptr_t at = start_below(want, r.low, r.high - (r.high - r.low) / SOUNDINGS * i);

		if (at != 0)
			err = attempt(want, r, at, prot, ret);
	}
	return err;
}

int
pages_map_near(const struct pages_near *want, unsigned prot, void **ret)
{
	struct range r = reach(want);
	uintptr_t before = atomic_load_explicit(&latest, memory_order_relaxed);
	uintptr_t at = start_below(want, r.low, pages_min(before, r.high));
	bool listed = true;
	int err = -EADDRNOTAVAIL;

	if (before >= r.low && at != 0)
		err = attempt(want, r, at, prot, ret);
	if (err == -EADDRNOTAVAIL)
		err = search(want, r, prot, &listed, ret);
	if (err == -EADDRNOTAVAIL && !listed)
		err = sound(want, r, prot, ret);
	return err;
}
