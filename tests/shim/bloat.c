/* SPDX-License-Identifier: MIT */
/*
 * bloat.c - tests that resident memory stays close to what a program uses
 *
 *	bloat MIN MAX
 *
 * Allocates blocks of MIN to MAX bytes with random lifetimes and writes all of them, while the
 * memory in use grows and shrinks by turns.  Resident memory must never exceed 1.05 times the
 * highest number of bytes in use plus 4 MiB, whatever the kernel does with huge pages.  Blocks of
 * many sizes leave gaps of less than the 2 MiB in which memory is given back: then an eighth of
 * that (256 KiB) is allowed for each block, too.  Exits 0 if the limit held, 1 if not, and prints
 * one line of figures.
 */
#include <pages/malloc.h>

#include "support/support.h"

enum { MOST_SLOTS = 1024, ROUNDS = 3 };
static const size_t in_use = MIB(96);	/* about the highest use */

static struct slot {
	char *p;
	size_t len;
} slots[MOST_SLOTS];
static size_t slot_count;

static size_t live, peak_live, peak_resident, blocks, peak_blocks;

/* The kernel counts this figure by walking the page tables; others lag behind. */
static size_t
resident(void)
{
	static char text[4096];
	const char *rss = NULL;
	int fd = open("/proc/self/smaps_rollup", O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	rss = strstr(text, "\nRss:");
	if (rss == NULL)
		exit(77);
	return strtoul(rss + strlen("\nRss:"), NULL, 10) * 1024;
}

static void
drop(struct slot *s)
{
	if (s->p != NULL) {
		live -= s->len;
		blocks--;
		pages_free(s->p);
	}
	s->p = NULL;
}

static void
fill(struct slot *s, size_t len)
{
	size_t now;

	s->p = pages_malloc(len);
	if (s->p == NULL)
		exit(99);
	s->len = len;
	live += len;
	blocks++;
	peak_blocks = blocks > peak_blocks ? blocks : peak_blocks;
	peak_live = live > peak_live ? live : peak_live;
	memset(s->p, 1, len);
	now = resident();
	peak_resident = now > peak_resident ? now : peak_resident;
}

/*
 * Replace blocks at random until more than limit is in use, or less.  A slot is filled again with
 * a probability of 18/20 while growing, and of 1/20 while shrinking.
 */
static void
churn(uint64_t *seed, size_t min, size_t max, bool grow, size_t limit)
{
	while (grow ? live < limit : live > limit) {
		struct slot *s = &slots[random_next(seed) % slot_count];

		drop(s);
		if (random_next(seed) % 20 < (grow ? 18 : 1))
			fill(s, min == max ? min : random_size(seed, min, max));
	}
}

int
main(int argc, char **argv)
{
	uint64_t seed = 7;
	size_t min, max, before, used, allowed;

	if (argc != 3)
		return 99;
	min = strtoul(argv[1], NULL, 10);
	max = strtoul(argv[2], NULL, 10);
	/* Sizes are uniform in their logarithm: their mean is about a third of max. */
	slot_count = in_use / 2 * 3 / (min == max ? min : max / 3);
	if (slot_count == 0 || slot_count > MOST_SLOTS)
		return 99;
	before = resident();
	for (int i = 0; i < ROUNDS; i++) {
		churn(&seed, min, max, true, in_use);
		churn(&seed, min, max, false, in_use / 8);
	}
	used = peak_resident - before;
	printf("%zu-%zu KiB: %zu KiB resident for %zu in use: %.3f, and %.2f MiB above\n",
	       min / 1024, max / 1024, used / 1024, peak_live / 1024,
	       (double)used / (double)peak_live,
	       ((double)used - (double)peak_live) / (double)MIB(1));
	allowed = peak_live + peak_live / 20 + MIB(4) + (min == max ? 0 : peak_blocks * KIB(256));
	return used > allowed;
}
