/* SPDX-License-Identifier: MIT */
/*
 * background.c - stress test: several threads use one heap while a background thread purges it
 *
 *	stress_background [threads [rounds]]
 *
 * Bursts of work alternate with pauses, in which all kept memory is given back and the background
 * thread ends.  Contents of blocks are checked.  A plain program, because it also runs under the
 * thread sanitizer.  Exits 0 if all is well, 1 if not.
 */
#include <pthread.h>
#include <stdlib.h>

#include "preload/background.h"
#include "support/support.h"

enum { BLOCKS = 12, STEPS = 200, MAX_THREADS = 64 };

static struct pages_heap heap;
static atomic_int wrong;
static int rounds = 5;

static void
work_once(uint64_t *seed)
{
	char *p[BLOCKS] = { NULL };
	size_t len[BLOCKS];

	for (int i = 0; i < STEPS; i++) {
		unsigned k = (unsigned)(random_next(seed) % BLOCKS);

		if (p[k] != NULL) {
			if (!is_marked(p[k], len[k], len[k], k))
				atomic_fetch_add(&wrong, 1);
			pages_heap_free(&heap, p[k]);
			pages_background_notify();
		}
		len[k] = random_size(seed, KIB(256), MIB(8));
		p[k] = pages_heap_alloc(&heap, len[k], 1, false);
		if (p[k] != NULL)
			mark(p[k], len[k], k);
	}
	for (int k = 0; k < BLOCKS; k++)
		if (p[k] != NULL) {
			pages_heap_free(&heap, p[k]);
			pages_background_notify();
		}
}

static void *
work(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	for (int i = 0; i < rounds; i++) {
		work_once(&seed);
		usleep(400 * 1000);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 4;
	struct pages_heap_options o = PAGES_HEAP_DEFAULTS;
	pthread_t t[MAX_THREADS];
	struct pages_stats st;

	if (argc > 2)
		rounds = atoi(argv[2]);
	if (threads < 1 || threads > MAX_THREADS)
		return 99;
	o.retain_ms = 90;
	pages_heap_configure(&heap, &o);
	pages_background_enable(&heap);
	for (int i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, work, (void *)(uintptr_t)(i + 1)) != 0)
			return 99;
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	pages_heap_stats(&heap, &st);
	printf("%d threads: %llu background threads, %llu MiB given back\n", threads,
	       (unsigned long long)atomic_load(&heap.background_threads),
	       (unsigned long long)(st.returned_bytes >> 20));
	return wrong != 0 || st.live_objects != 0 || st.kept_bytes != 0 ||
	       atomic_load(&heap.background_threads) == 0 || !pages_heap_valid(&heap);
}
