/* SPDX-License-Identifier: MIT */
/*
 * stress.c - stress test: several threads use <pages/malloc.h> and pass blocks to each other
 *
 *	stress [threads [operations]]
 *
 * Blocks are allocated, resized, checked and freed at random.  They pass between threads through
 * a shared table, so that a thread often frees blocks that another one wrote.  A plain program,
 * because it also runs under the thread sanitizer.  Exits 0 if all is well, 1 if not.
 */
#include <pages/malloc.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/support.h"

enum { SLOTS = 64, MAX_THREADS = 64 };

struct block {
	size_t len;
	uint64_t owner;
	char *p;
};

static _Atomic(struct block *) slots[SLOTS];
static atomic_int wrong;
static int operations = 3000;

static void
complain(const char *what)
{
	fprintf(stderr, "stress: %s\n", what);
	atomic_fetch_add(&wrong, 1);
}

static struct block *
make(uint64_t *seed)
{
	struct block *b = malloc(sizeof(*b));
	bool zero = random_next(seed) % 4 == 0;

	b->len = random_size(seed, KIB(100), MIB(12));
	b->owner = random_next(seed);
	b->p = zero ? pages_calloc(1, b->len) : pages_malloc(b->len);
	if (b->p == NULL) {
		free(b);
		return NULL;
	}
	if (zero && !is_zero(b->p, b->len))
		complain("calloc gave dirty memory");
	mark(b->p, b->len, b->owner);
	return b;
}

static void
check(const struct block *b)
{
	if (!is_marked(b->p, b->len, b->len, b->owner))
		complain("a block lost its contents");
	if (pages_usable_size(b->p) < b->len)
		complain("a block is shorter than it was asked to be");
}

static void
grow(struct block *b, uint64_t *seed)
{
	size_t len = b->len / 2 + random_next(seed) % (2 * b->len);
	char *p = pages_realloc(b->p, len);

	if (p == NULL)
		return;
	if (!is_marked(p, len < b->len ? len : b->len, b->len, b->owner))
		complain("realloc lost contents");
	b->p = p;
	b->len = len;
	mark(b->p, b->len, b->owner);
}

static void *
work(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	for (int i = 0; i < operations; i++) {
		struct block *mine = atomic_exchange(&slots[random_next(&seed) % SLOTS], NULL);

		if (mine == NULL) {
			mine = make(&seed);
		} else {
			check(mine);
			if (random_next(&seed) % 2 == 0) {
				grow(mine, &seed);
			} else {
				pages_free(mine->p);
				free(mine);
				mine = NULL;
			}
		}
		if (mine != NULL)
			mine = atomic_exchange(&slots[random_next(&seed) % SLOTS], mine);
		if (mine != NULL) {
			check(mine);
			pages_free(mine->p);
			free(mine);
		}
	}
	return NULL;
}

static _Atomic bool done;

/* A thread that reads the statistics all the time: totals never decrease. */
static void *
look(void *arg)
{
	struct pages_stats before = { 0 }, now;

	while (!atomic_load(&done)) {
		pages_malloc_stats(&now, sizeof(now));
		if (now.requests < before.requests ||
		    now.cleared_bytes < before.cleared_bytes ||
		    now.copied_bytes < before.copied_bytes || now.fresh_bytes < before.fresh_bytes)
			complain("a counter runs backwards");
		before = now;
		usleep(100);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 8;
	pthread_t t[MAX_THREADS], looker;
	struct pages_stats st;

	if (argc > 2)
		operations = atoi(argv[2]);
	if (threads < 1 || threads > MAX_THREADS)
		return 99;
	for (int i = 0; i < threads; i++)
		if (pthread_create(&t[i], NULL, work, (void *)(uintptr_t)(i + 1)) != 0)
			return 99;
	if (pthread_create(&looker, NULL, look, NULL) != 0)
		return 99;
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
	atomic_store(&done, true);
	pthread_join(looker, NULL);
	for (int i = 0; i < SLOTS; i++) {
		struct block *b = atomic_load(&slots[i]);

		if (b == NULL)
			continue;
		check(b);
		pages_free(b->p);
		free(b);
	}
	pages_malloc_stats(&st, sizeof(st));
	if (st.live_objects != 0 || st.live_bytes != 0)
		complain("something is still live");
	printf("%d threads: %llu large requests, %llu passed on because the lock was busy\n",
	       threads, (unsigned long long)st.requests, (unsigned long long)st.declined_busy);
	return wrong != 0 || st.requests == 0;
}
