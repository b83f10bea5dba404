// SPDX-License-Identifier: MIT
/*
 * One pattern at one size, for whatever malloc this process has: LIVE blocks about SIZE
 * bytes each, replaced at random, every new one written once.  Prints nanoseconds per
 * replacement and peak resident MiB.  bench/threshold.sh runs it at many sizes.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static uint64_t rng = 88172645463325252u;

static size_t below(size_t n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (size_t)(rng % n);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
	size_t size = argc > 1 ? strtoull(argv[1], NULL, 0) : 262144;
	size_t live_bytes = (argc > 2 ? strtoull(argv[2], NULL, 0) : 128) << 20;
	size_t live = live_bytes / size, rounds = 4 * live + 2000;
	char **block;
	double start = 0;

	if (size < 16 || live == 0 || (block = calloc(live, sizeof(*block))) == NULL)
		return 2;
	for (size_t i = 0; i < live + rounds; i++) {
		size_t slot = i < live ? i : below(live);
		size_t want = size - size / 8 + below(size / 4); /* +- an eighth: sizes vary in life */

		if (i == live)
			start = now();
		free(block[slot]);
		block[slot] = malloc(want);
		if (block[slot] == NULL)
			return 3;
		memset(block[slot], (int)i, want);
	}
	start = now() - start;
	struct rusage use;
	getrusage(RUSAGE_SELF, &use);
	printf("%.0f %ld\n", start / (double)rounds, use.ru_maxrss / 1024);
	return 0;
}
