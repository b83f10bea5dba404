/* SPDX-License-Identifier: MIT */
/*
 * held.c - a program at rest, in which pages-stat finds known figures: held WHAT [NAME]
 *
 * It allocates by malloc, which the shim may serve, and by libpages.  When all is done it prints
 * a line, the statistics of libpages, and waits for a signal.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pages/malloc.h>
#include <pages/paged_vec.h>

enum { MIB = 1 << 20 };

PAGED_VEC(numbers, double);

static char *volatile kept[8];

static void
temporary(size_t size)
{
	kept[7] = malloc(size);
	kept[7][0] = 1;
	free(kept[7]);
}

/* 24 requests to malloc: 4 blocks of 3 MiB stay live, and one of 40 MiB waits to be used again. */
static void
use_malloc(void)
{
	for (int i = 0; i < 4; i++) {
		kept[i] = malloc(3 * MIB);
		memset(kept[i], 1, 3 * MIB);
	}
	for (int i = 0; i < 20; i++)
		temporary(40 * MIB);
}

static void
use_libpages(void)
{
	struct numbers v = { 0 };

	for (int i = 0; i < 3; i++)
		kept[4 + i] = pages_malloc(2 * MIB);
	pages_free(kept[6]);
	for (int i = 0; i < MIB; i++)
		if (numbers_push(&v, i) != 0)
			_exit(9);
	numbers_free(&v);
}

static void
print_stats(void)
{
	struct pages_stats st;

	pages_malloc_stats(&st, sizeof(st));
	printf("%d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", (int)getpid(),
	       st.requests, st.live_objects, st.live_bytes, st.resident_bytes, st.vector_kept_bytes);
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	use_malloc();
	use_libpages();
	if (strcmp(what, "name") == 0)
		prctl(PR_SET_NAME, "a \"b\\c\n\033[2J\302\233\377");
	if (strcmp(what, "name-of") == 0 && argc > 2)
		prctl(PR_SET_NAME, argv[2]);
	if (strcmp(what, "undumpable") == 0)
		prctl(PR_SET_DUMPABLE, 0);
	if (strcmp(what, "clone") == 0 && syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL) != 0)
		pause();	/* the child has not used the heap, and no handler has told it */
	print_stats();
	pause();
	return 0;
}
