/* SPDX-License-Identifier: MIT */
/*
 * soak.c - long random use: the process keeps few mappings, and the allocator survives when the
 * kernel grants no more of them
 *
 *	soak [seconds]		default: $PAGES_SOAK_SECONDS or 10
 *
 * Every move of pages may split mappings, and a process can have only vm.max_map_count of them.
 * A plain program that prints TAP.
 */
#include <pages/malloc.h>

#include <time.h>

#include "support/support.h"

enum {
	BLOCKS = 80,
	SAMPLE = 64,	/* operations between two looks at the mappings */
	FEW = 8,	/* mappings left in a shortage */
};
#define UNIT MIB(2)

struct block {
	char *p;
	size_t len;
	uint64_t owner;
};

static struct block blocks[BLOCKS];
static uint64_t seed = 2463534242u;
static size_t before;		/* number of mappings when the program began */
static size_t steps, refused, most, unexplained;
static bool bad;		/* a check has failed since the last report */

static void
complain(const char *what)
{
	printf("# step %zu: %s\n", steps, what);
	bad = true;
}

static struct pages_stats
stats(void)
{
	struct pages_stats st;

	pages_malloc_stats(&st, sizeof(st));
	return st;
}

static void
check(const struct block *b)
{
	if (b->p != NULL && !is_marked(b->p, b->len, b->len, b->owner))
		complain("a block lost its contents");
}

static void
drop(struct block *b)
{
	pages_free(b->p);
	b->p = NULL;
}

static void
make(struct block *b, size_t len)
{
	bool zero = random_next(&seed) % 4 == 0;

	if (zero)
		b->p = pages_calloc(1, len);
	else if (random_next(&seed) % 4 == 0)
		b->p = pages_aligned_alloc((size_t)4096 << random_next(&seed) % 12, len);
	else
		b->p = pages_malloc(len);
	if (zero && b->p != NULL && !is_zero(b->p, len))
		complain("calloc gave dirty memory");
}

static void
step(void)
{
	struct block *b = &blocks[random_next(&seed) % BLOCKS];
	size_t len = random_size(&seed, KIB(64), MIB(32));

	steps++;
	check(b);
	if (b->p != NULL && random_next(&seed) % 3 == 0) {
		char *p = pages_realloc(b->p, len);

		if (p == NULL) {
			refused++;
			return;
		}
		if (!is_marked(p, len < b->len ? len : b->len, b->len, b->owner))
			complain("realloc lost contents");
		b->p = p;
	} else {
		drop(b);
		make(b, len);
	}
	if (b->p == NULL) {
		refused++;
		return;
	}
	b->len = len;
	b->owner = random_next(&seed);
	mark(b->p, len, b->owner);
	if (random_next(&seed) % 1000 == 0)
		(void)pages_trim(random_next(&seed) % MIB(256));
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Count the mappings, and those of them that no VMA split accounts for. */
static void
sample(void)
{
	size_t n = count_mappings(NULL, SIZE_MAX), splits = stats().vma_splits;

	most = n > most ? n : most;
	if (n > before + splits && n - before - splits > unexplained)
		unexplained = n - before - splits;
}

/* Make at least so many operations, and more until the time is over. */
static void
run(size_t least, double seconds, bool sampling)
{
	double end = now() + seconds;

	for (size_t i = 0; i < least || now() < end; i++) {
		step();
		if (sampling && i % SAMPLE == 0)
			sample();
	}
	for (int i = 0; i < BLOCKS; i++)
		check(&blocks[i]);
}

static bool
report(const char *what)
{
	struct pages_stats st = stats();
	bool was_bad = bad;

	printf("# %zu operations, %zu refused; at most %zu mappings, %zu of them unexplained\n"
	       "# now %zu splits; moved %zu MiB, %zu moves refused; resident %zu MiB at most\n",
	       steps, refused, most, unexplained, (size_t)st.vma_splits,
	       (size_t)st.moved_bytes >> 20, (size_t)st.refused_moves,
	       (size_t)st.peak_resident_bytes >> 20);
	printf("%sok - %s\n", bad ? "not " : "", what);
	bad = false;
	return !was_bad;
}

static bool
soak(double seconds)
{
	run(1000, seconds, true);
	if (refused != 0)
		complain("memory was refused");
	if (getenv("SANITIZED") != NULL)
		return report("random use keeps contents");
	/* A VMA split on each side of every unit, and the C library's mappings for small blocks. */
	if (most > before + 2 * stats().peak_resident_bytes / UNIT + 64)
		complain("too many mappings");
	if (unexplained > 64)
		complain("mappings that are not counted as splits");
	return report("random use keeps contents, and mappings few");
}

/*
 * Use up all mappings but a few: every second page has another permission, so that the kernel
 * cannot merge any.  Returns the range to unmap later, or NULL if the limit was not reached.
 */
static char *
use_up_mappings(size_t *ret_len)
{
	const size_t many = 1 << 17, page = (size_t)sysconf(_SC_PAGESIZE);
	size_t i = 0;
	char *p = mmap(NULL, 2 * many * page, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*ret_len = 2 * many * page;
	if (p == MAP_FAILED)
		return NULL;
	while (i < many && mprotect(p + 2 * i * page, page, PROT_READ) == 0)
		i++;
	if (i < many && i > FEW) {
		for (size_t k = 1; k <= FEW / 2; k++)
			(void)mprotect(p + 2 * (i - k) * page, page, PROT_NONE);
		return p;
	}
	munmap(p, *ret_len);
	return NULL;
}

static bool
starve(void)
{
	const char *what = "a shortage of mappings costs no contents, and ends";
	uint64_t moved;
	size_t len;
	char *hoard = NULL;

	run(BLOCKS, 0, false);
	if (getenv("SANITIZED") == NULL && stats().moved_bytes != 0)
		hoard = use_up_mappings(&len);
	if (hoard == NULL) {
		printf("ok - %s # SKIP no shortage can be made here\n", what);
		return true;
	}
	run(500, 0, false);
	if (stats().refused_moves == 0)
		complain("no move was refused");
	munmap(hoard, len);
	refused = 0;
	moved = stats().moved_bytes;
	run(500, 0, true);
	if (refused != 0)
		complain("memory was refused when there was no shortage any more");
	if (stats().moved_bytes == moved)
		complain("nothing was moved when there was no shortage any more");
	return report(what);
}

static bool
end(void)
{
	for (int i = 0; i < BLOCKS; i++)
		drop(&blocks[i]);
	(void)pages_trim(0);
	most = unexplained = 0;
	sample();
	if (stats().live_bytes != 0 || stats().resident_bytes != 0)
		complain("something is left");
	if (getenv("SANITIZED") == NULL && unexplained > 64)
		complain("mappings are left that are not counted as splits");
	return report("what is given back leaves nothing behind");
}

int
main(int argc, char **argv)
{
	const char *text = argc > 1 ? argv[1] : getenv("PAGES_SOAK_SECONDS");
	double seconds = text != NULL ? atof(text) : 10;
	bool ok = true;

	before = count_mappings(NULL, SIZE_MAX);
	ok &= starve();
	ok &= soak(seconds);
	ok &= end();
	puts("1..3");
	return !ok;
}
