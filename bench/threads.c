/* SPDX-License-Identifier: MIT */
/* threads.c - blocks and several threads */
#include <pthread.h>

#include "measure.h"
#include "memory.h"
#include "pattern.h"

enum { THREADS = 8, PAIRS = 100000, QUEUE = PATTERN_PARCELS - 2 };

struct crowd {
	struct run *r;
	pthread_barrier_t start;
};

static void *
pairs(void *arg)
{
	struct crowd *c = arg;

	pthread_barrier_wait(&c->start);
	for (int i = 0; i < PAIRS; i++)
		drop(take(0, c->r->size));
	return NULL;
}

void
pattern_threads(struct run *r)
{
	struct crowd c = { .r = r };
	pthread_t t[THREADS];

	pthread_barrier_init(&c.start, NULL, THREADS + 1);
	while (next_round(r)) {
		pause_clock(r);
		for (size_t i = 0; i < THREADS; i++)
			if (pthread_create(&t[i], NULL, pairs, &c) != 0)
				fail("no threads");
		resume_clock(r);
		pthread_barrier_wait(&c.start);
		for (size_t i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		r->ops += THREADS * PAIRS;
	}
	pthread_barrier_destroy(&c.start);
}

struct parcel {
	unsigned char *p;
	size_t size, seed;
};

struct queue {
	struct run *r;
	pthread_mutex_t lock;
	pthread_cond_t more, room;
	struct parcel ring[QUEUE];
	size_t in, out;
};

static void
put(struct queue *q, struct parcel parcel)
{
	pthread_mutex_lock(&q->lock);
	while (q->in - q->out == QUEUE)
		pthread_cond_wait(&q->room, &q->lock);
	q->ring[q->in++ % QUEUE] = parcel;
	pthread_cond_signal(&q->more);
	pthread_mutex_unlock(&q->lock);
}

static struct parcel
get(struct queue *q)
{
	struct parcel parcel;

	pthread_mutex_lock(&q->lock);
	while (q->in == q->out)
		pthread_cond_wait(&q->more, &q->lock);
	parcel = q->ring[q->out++ % QUEUE];
	pthread_cond_signal(&q->room);
	pthread_mutex_unlock(&q->lock);
	return parcel;
}

static void *
consume(void *arg)
{
	struct queue *q = arg;
	struct parcel got;

	while ((got = get(q)).p != NULL) {
		check(got.p, got.size, got.seed, SPARSE(got.size));
		live_fewer(q->r, got.size);	/* live is what is written for certain */
		drop(got.p);
	}
	return NULL;
}

/* Here a thread allocates and writes, the other one checks and frees. */
void
pattern_producer(struct run *r)
{
	struct queue q = {
		.r = r,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.more = PTHREAD_COND_INITIALIZER,
		.room = PTHREAD_COND_INITIALIZER,
	};
	pthread_t consumer;

	if (pthread_create(&consumer, NULL, consume, &q) != 0)
		fail("no thread");
	while (next_round(r)) {
		/* QUEUE of them wait, one is with either thread: no two in one place. */
		struct parcel new = { .size = random_size(r), .seed = r->round };

		new.p = take(r->round % PATTERN_PARCELS, new.size);
		fill(r, new.p, 0, new.size, new.seed);
		live_more(r, new.size);
		put(&q, new);
		r->ops++;
	}
	put(&q, (struct parcel){ NULL, 0, 0 });
	pthread_join(consumer, NULL);
}
