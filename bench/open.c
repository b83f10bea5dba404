/* SPDX-License-Identifier: MIT */
/*
 * open.c - what pages_open() and pages_close() cost beside bare mmap and munmap
 *
 * Rounds of both in turn, the best round of each: ns for 48 MiB, untouched.
 */
#include <pages/pages.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

enum { CALLS = 200, ROUNDS = 3000 };

static const size_t len = (size_t)48 << 20;

static double
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double
bare_ns(void)
{
	double start = now_ns();

	for (int i = 0; i < CALLS; i++) {
		void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (p == MAP_FAILED || munmap(p, len) != 0)
			exit(1);
	}
	return (now_ns() - start) / CALLS;
}

static double
pages_ns(void)
{
	double start = now_ns();

	for (int i = 0; i < CALLS; i++) {
		struct pages_rw w = {0};

		if (pages_open(&w, len) != 0)
			exit(1);
		pages_close(&w);
	}
	return (now_ns() - start) / CALLS;
}

int
main(void)
{
	double bare = 1e18, pages = 1e18;

	for (int i = 0; i < ROUNDS; i++) {
		double b = bare_ns(), p = pages_ns();

		bare = b < bare ? b : bare;
		pages = p < pages ? p : pages;
	}
	printf("mmap + munmap %.0f ns, pages_open + pages_close %.0f ns: %.3f\n", bare, pages,
	       pages / bare);
	return 0;
}
