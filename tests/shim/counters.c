/* SPDX-License-Identifier: MIT */
/*
 * counters.c - tests what the benchmark's patterns cost under the shim, by counters that other
 * load on the machine does not change
 *
 *	test_counters [pattern]
 *
 * Each pattern runs in a process of its own.  A limit is a measured value plus a margin, which is
 * less than one more fault for each huge page, one more copy of a block, or one more system call
 * in each round.  A plain program that prints TAP, because a test framework's memory would be
 * counted, too.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "counted_calls.h"

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)
#define HUGE_PAGE MIB(2)

/* Like calloc-sparse, but with writes so far apart that huge pages do not fill the block. */
static const struct pattern calloc_far = {
	"calloc-far", "calloc of 512 MiB, one word written in each 8 MiB",
	pattern_calloc_sparse, US_PER_OP, MIB(512), MIB(8), 1, 0, 0
};

/*
 * How a pattern is run, and what it may cost.  Patterns with several threads are left out,
 * because their live memory depends on scheduling.
 */
struct limits {
	const char *pattern;
	unsigned divisor;	/* of the benchmark's sizes */
	unsigned rounds, warm;
	unsigned zeroed, peak;	/* MiB beyond 1.05 times the peak of live memory */
	unsigned faults;	/* beyond one for each page that may be zeroed */
	unsigned moved, copied;	/* MiB */
	unsigned calls, mappings;
};

/*
 * Mapping address space takes two calls, for side tables three; there are up to ten steps of
 * that until an arena has 1 GiB.
 * A move takes three calls; two of them tell registration caches of its ends.  Marking a block
 * takes one call for each part that was never written to.  Freeing a large dense calloc takes
 * three calls, to see that it did not stay sparse.
 *
 * A block that has lived for more than 8 ms is looked at when it is freed, which costs faults if it
 * was never written to.  With other work on the machine that happens between two instructions: hence
 * 600 for the first two, or 0.03 a block.
 */
static const struct limits table[] = {
	{ "untouched",		1, 20, 1,	2, 2, 600,	0, 0, 20, 4 },
	{ "untouched-random",	1, 20, 1,	2, 2, 600,	0, 0, 20, 4 },
	{ "temporary-48M",	1, 30, 1,	1, 1, 60,	0, 0, 20, 4 },
	{ "temporary-300M",	1, 4, 1,	1, 1, 80,	0, 0, 20, 4 },
	{ "aligned-24M",	1, 50, 1,	1, 1, 60,	0, 0, 20, 4 },
	{ "grow-double",	4, 2, 0,	1, 1, 150,	0, 1, 40, 4 },
	{ "grow-half",		4, 2, 0,	1, 1, 180,	0, 1, 40, 4 },
	{ "grow-steps",		4, 2, 0,	1, 1, 250,	0, 1, 50, 4 },
	{ "grow-two",		2, 2, 0,	140, 2, 500,	800, 32, 620, 125 },
	{ "grow-again",		2, 15, 1,	1, 1, 150,	0, 3, 40, 4 },
	{ "lifetimes",		1, 80, 40,	4, 4, 250,	160, 0, 260, 45 },
	{ "odd-sizes",		1, 200, 30,	20, 20, 250,	320, 0, 520, 125 },
	{ "three-in-turn",	1, 30, 3,	1, 1, 60,	0, 0, 20, 4 },
	{ "calloc-far",		1, 1, 0,	132, 132, 260,	0, 0, 90, 4 },
	{ "calloc-full",	1, 40, 3,	1, 1, 60,	0, 0, 150, 4 },
	{ "idle",		2, 1, 0,	4, 4, 250,	0, 0, 60, 4 },
};

/* What the run of a pattern has cost. */
struct cost {
	uint64_t live;
	struct resident start, end;
	bool has_huge;		/* the kernel has huge pages to give */
	bool seen;		/* opening the heap was counted */
	uint64_t faults, zeroed, peak, moved, copied, calls, marked, mappings;
};

static uint64_t
count_faults(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (uint64_t)use.ru_minflt;
}

/* How much of len bytes with MADV_HUGEPAGE gets huge pages when each is written to, or read? */
static uint64_t
huge_when_touched(size_t len, bool write)
{
	struct resident before, after;
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || madvise(p, len, MADV_HUGEPAGE) != 0)
		return 0;
	read_resident(&before);
	for (volatile char *at = p; at < p + len; at += HUGE_PAGE)
		if (write)
			*at = 1;
		else
			(void)*at;
	read_resident(&after);
	munmap(p, len);
	return after.huge - before.huge;
}

/* Or is physical memory too fragmented? */
static bool
gets_huge_pages(void)
{
	return huge_when_touched(16 * HUGE_PAGE, true) >= 15 * HUGE_PAGE;
}

/* Some kernels have no huge zero page, and give memory to what is only read. */
static bool
reads_are_free(void)
{
	return huge_when_touched(16 * HUGE_PAGE, false) == 0;
}

/* Opening the heap is not counted: its cost depends on the machine (control groups and so on). */
static void
open_heap(void)
{
	char *p = malloc(MIB(1));

	if (p != NULL)
		*(volatile char *)p = 1;
	free(p);
}

/* Run a pattern, in a process that has not used any memory yet. */
static void
run(const struct pattern *pattern, const struct limits *l, struct cost *ret)
{
	struct pattern p = *pattern;
	struct run r = {
		.pattern = &p,
		.size = p.size / l->divisor,
		.smallest = p.smallest / l->divisor,
		.rounds = l->rounds,
		.longest_ns = UINT64_MAX,
		.rng = 88172645463325252u,
	};

	p.warm = l->warm;
	open_heap();
	ret->seen = counted.calls != 0 && counted.moved != 0;
	resume_clock(&r);
	pause_clock(&r);
	ret->mappings = r.mappings;
	read_resident(&ret->start);
	ret->faults = count_faults();
	memset(&counted, 0, sizeof(counted));

	p.body(&r);

	ret->calls = counted.calls;
	ret->marked = counted.marked;
	ret->moved = counted.moved;
	ret->copied = counted.copied;
	ret->faults = count_faults() - ret->faults;
	read_resident(&ret->end);
	ret->zeroed = ret->end.now + counted.lost - ret->start.now;
	/* The kernel's peak is a little behind: it may be less than what was resident before. */
	ret->peak = ret->end.peak > ret->start.now ? ret->end.peak - ret->start.now : 0;
	ret->mappings = r.mappings - ret->mappings;
	ret->live = r.live_peak;
	ret->has_huge = gets_huge_pages();
}

/* Print one counter with its limit; false if it exceeds that. */
static bool
holds(const char *name, uint64_t value, uint64_t limit)
{
	printf("# %s%-8s %10" PRIu64 ", at most %" PRIu64 "\n", value > limit ? "TOO MANY: " : "",
	       name, value, limit);
	return value <= limit;
}

static bool
is_cheap(const struct cost *c, const struct limits *l)
{
	uint64_t live = c->live + c->live / 20, grown = c->end.now - c->start.now;
	uint64_t in_huge = c->end.huge - c->start.huge;
	bool huge = in_huge >= grown / 10 * 9, ok = true;
	uint64_t page = huge ? HUGE_PAGE : (uint64_t)sysconf(_SC_PAGESIZE);

	ok &= holds("faults", c->faults, (live + MIB(l->zeroed)) / page + l->faults);
	ok &= holds("zeroed", c->zeroed, live + MIB(l->zeroed));
	ok &= holds("peak", c->peak, live + MIB(l->peak));
	ok &= holds("moved", c->moved, MIB(l->moved));
	ok &= holds("copied", c->copied, MIB(l->copied));
	ok &= holds("calls", c->calls, l->calls);
	/* Several for each block that is freed, and some for the units that blocks share. */
	ok &= holds("marked", c->marked, 256 + 8 * l->rounds);
	ok &= holds("mappings", c->mappings, l->mappings);
	if (!c->seen) {
		printf("# nothing is counted\n");
		ok = false;
	}
	if (c->has_huge && c->live >= MIB(16))
		ok &= holds("small", grown > in_huge ? grown - in_huge : 0, grown / 2);
	return ok;
}

static const struct pattern *
find(const char *name)
{
	for (size_t i = 0; i < patterns_count; i++)
		if (strcmp(patterns[i].name, name) == 0)
			return &patterns[i];
	return strcmp(name, calloc_far.name) == 0 ? &calloc_far : NULL;
}

static bool
try_once(const struct limits *l)
{
	const struct pattern *p = find(l->pattern);
	struct cost *c = mmap(NULL, sizeof(*c), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			      -1, 0);
	int status = -1;
	bool ok;

	fflush(stdout);
	if (p != NULL && c != MAP_FAILED && fork() == 0) {
		run(p, l, c);
		_exit(0);
	}
	ok = wait(&status) > 0 && status == 0 && is_cheap(c, l);
	if (c != MAP_FAILED)
		munmap(c, sizeof(*c));
	return ok;
}

/* Other work on the machine can only add: the best of three counts. */
static bool
test(const struct limits *l)
{
	bool ok = false;

	if (find(l->pattern) == &calloc_far && !reads_are_free()) {
		printf("ok - %s # SKIP this kernel gives memory to what is only read\n", l->pattern);
		return true;
	}
	for (int i = 0; i < 3 && !ok; i++)
		ok = try_once(l);
	printf("%sok - %s is cheap\n", ok ? "" : "not ", l->pattern);
	return ok;
}

/*
 * The functions that count stand in front of the shim's, as those of a cache of registered memory
 * would, for which nothing is moved.
 */
#define SETTING "moves:on"

/* Why the limits do not apply on this machine, or NULL if they do. */
static const char *
why_not(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct resident now;
	struct rlimit limit;

	read_resident(&now);
	if (getenv("PAGES_DISABLE") != NULL || getenv("PAGES_CONF") == NULL ||
	    strcmp(getenv("PAGES_CONF"), SETTING) != 0)
		return "the environment changes what the shim does";
	if (page != 4096)
		return "the shim is for pages of 4 KiB";
	if (now.now == 0)
		return "resident memory cannot be read";
	if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY)
		return "address space is limited";
	if (p == MAP_FAILED ||
	    mremap(p, page, page, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, p + page) ==
		    MAP_FAILED)
		return "pages cannot be moved";
	munmap(p, 2 * page);
	return NULL;
}

int
main(int argc, char **argv)
{
	const char *why;
	bool ok = true;
	int n = 0;

	if (getenv("PAGES_CONF") == NULL && setenv("PAGES_CONF", SETTING, 1) == 0)
		execv("/proc/self/exe", argv);
	why = why_not();
	if (why != NULL) {
		printf("1..0 # SKIP %s\n", why);
		return 0;
	}
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++)
		if (argc < 2 || strcmp(argv[1], table[i].pattern) == 0) {
			ok &= test(&table[i]);
			n++;
		}
	printf("1..%d\n", n);
	return !ok;
}
