/* SPDX-License-Identifier: MIT */
/*
 * vec_model.h - a vector beside a plain array that is what the vector should be
 */
#ifndef PAGES_TESTS_VEC_MODEL_H
#define PAGES_TESTS_VEC_MODEL_H

#include "vec/vec.h"

#include <stdlib.h>
#include <string.h>

#include "support/support.h"

struct trial {
	struct paged_vec_ v;
	struct paged_vec_type_ t;
	char *model;
	size_t len;		/* elements of the model */
	size_t most;		/* it never has more */
	size_t reserve;
	uint64_t state;
	bool faults;
};

static inline size_t
below(struct trial *x, size_t n)
{
	return n == 0 ? 0 : random_next(&x->state) % n;
}

/* An element, in static memory; few different ones, so that there are runs. */
static inline const char *
element(struct trial *x)
{
	static char bytes[8192];

	memset(bytes, (int)(1 + below(x, 5)), x->t.size);
	bytes[x->t.size - 1] = (char)below(x, 3);
	return bytes;
}

static inline char *
at(struct trial *x, size_t i)
{
	return x->model + i * x->t.size;
}

/* What the model does when n elements come in at i. */
static inline void
insert(struct trial *x, size_t i, const void *from, size_t n)
{
	char *copy = malloc(n * x->t.size + 1);

	memcpy(copy, from, n * x->t.size);
	memmove(at(x, i + n), at(x, i), (x->len - i) * x->t.size);
	memcpy(at(x, i), copy, n * x->t.size);
	x->len += n;
	free(copy);
}

static inline void
cut(struct trial *x, size_t i, size_t n)
{
	memmove(at(x, i), at(x, i + n), (x->len - i - n) * x->t.size);
	x->len -= n;
}

static inline size_t
room(struct trial *x)
{
	return x->most - x->len;
}

#endif /* PAGES_TESTS_VEC_MODEL_H */
