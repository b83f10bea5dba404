/* SPDX-License-Identifier: MIT */
/* vectors.c - blocks that grow, checked densely while the clock stands */
#include "measure.h"
#include "memory.h"
#include "pattern.h"

struct vector {
	unsigned char *p;
	size_t size, place;
};

static void
extend(struct run *r, struct vector *v, size_t size)
{
	if (size > r->size)
		size = r->size;
	v->p = grow(r, v->place, v->p, v->size, size);
	live_more(r, size - v->size);
	fill(r, v->p, v->size, size, v->place);
	v->size = size;
}

static void
finish(struct run *r, struct vector *v)
{
	pause_clock(r);
	check(v->p, v->size, v->place, DENSE);
	resume_clock(r);
	drop(v->p);
	live_fewer(r, v->size);
	r->ops++;
	*v = (struct vector){ NULL, 0, v->place };
}

/* Not even the first one is done in time: some allocators copy it at every step. */
static bool
is_hopeless(const struct run *r)
{
	return r->ops == 0 && is_late(r);
}

/* To full size in steps: a multiple of the present size, or so many bytes. */
static void
grow_vector(struct run *r, size_t first, size_t percent, size_t bytes)
{
	struct vector v = { NULL, 0, 0 };

	while (next_round(r)) {
		while (v.size < r->size && !is_hopeless(r))
			extend(r, &v, v.size == 0 ? first : v.size * percent / 100 + bytes);
		r->stopped |= v.size < r->size;
		finish(r, &v);
	}
}

void
pattern_grow_double(struct run *r)
{
	grow_vector(r, r->smallest, 200, 0);
}

void
pattern_grow_half(struct run *r)
{
	grow_vector(r, r->smallest, 150, 0);
}

void
pattern_grow_steps(struct run *r)
{
	grow_vector(r, r->smallest, 100, r->smallest);
}

void
pattern_grow_two(struct run *r)
{
	struct vector v[2] = { { NULL, 0, 0 }, { NULL, 0, 1 } };

	while (next_round(r)) {
		for (size_t i = 0; v[1].size < r->size && !is_hopeless(r); i = 1 - i)
			extend(r, &v[i], v[i].size == 0 ? r->smallest : v[i].size / 2 * 3);
		r->stopped |= v[1].size < r->size;
		finish(r, &v[0]);
		finish(r, &v[1]);
	}
}
