/* SPDX-License-Identifier: MIT */
/*
 * order.c - sorts and compares vectors
 *
 * Merge sort, because it is stable and has no bad case.  For n elements that are sorted
 * already it makes n - 1 comparisons and moves nothing.  It reads and writes memory
 * sequentially, which is fast for big data.  It needs memory for half of the elements.
 */
#include "vec.h"

#include <string.h>

/* Shorter runs are sorted by insertion. */
#define SHORT ((size_t)10)

struct sorting {
	paged_vec_order_ *order;
	void *context;
	size_t size;
	char *spare;		/* room for half of the elements, and at least one */
};

/* memcpy with a constant size becomes one or two instructions; a variable size is a call. */
static inline void
move(char *to, const char *from, size_t size)
{
	switch (size) {
	case 4:
		memcpy(to, from, 4);
		break;
	case 8:
		memcpy(to, from, 8);
		break;
	case 16:
		memcpy(to, from, 16);
		break;
	default:
		memcpy(to, from, size);
	}
}

static bool
greater(const struct sorting *s, const char *a, const char *b)
{
	return s->order(a, b, s->context) > 0;
}

static void
insertion_sort(const struct sorting *s, char *a, size_t n)
{
	char *end = a + n * s->size;

	for (char *x = a + s->size; x < end; x += s->size) {
		char *to = x;

		while (to > a && greater(s, to - s->size, x))
			to -= s->size;
		if (to == x)
			continue;
		move(s->spare, x, s->size);
		memmove(to + s->size, to, (size_t)(x - to));
		move(to, s->spare, s->size);
	}
}

/*
 * Merge two sorted runs that lie side by side; left is the number of elements of the first.
 * The first is copied to spare; so the result never overwrites what is left of the second.
 */
static void
merge(const struct sorting *s, char *a, size_t left, size_t n)
{
	char *right = a + left * s->size, *end = a + n * s->size;
	const char *x = s->spare, *x_end = s->spare + left * s->size;

	memcpy(s->spare, a, left * s->size);
	while (x < x_end && right < end) {
		if (greater(s, x, right)) {
			move(a, right, s->size);
			right += s->size;
		} else {
			move(a, x, s->size);
			x += s->size;
		}
		a += s->size;
	}
	/* Elements that are left of the second run are in their place already. */
	memcpy(a, x, (size_t)(x_end - x));
}

static void
sort(const struct sorting *s, char *a, size_t n)
{
	size_t left = n / 2;
	char *right = a + left * s->size;

	if (n <= SHORT) {
		insertion_sort(s, a, n);
		return;
	}
	sort(s, a, left);
	sort(s, right, n - left);
	/* Nothing to merge if the halves are in order. */
	if (greater(s, right - s->size, right))
		merge(s, a, left, n);
}

int
paged_vec_sort_(struct paged_vec_ *v, const struct paged_vec_type_ *t, paged_vec_order_ *order,
		void *context)
{
	const struct paged_vec_type_ plain = { .size = t->size, .align = t->align };
	struct sorting s = { .order = order, .context = context, .size = t->size };
	struct paged_vec_ spare = {0};
	size_t n = paged_vec_len(v, t);
	int err;

	if (n < 2)
		return 0;
	err = paged_vec_reserve_exact_(&spare, &plain, n / 2 + 1);
	if (err != 0)
		return err;
	s.spare = spare.beg_;
	sort(&s, v->beg_, n);
	paged_vec_free_(&spare, &plain);
	return 0;
}

int
paged_vec_compare_(const struct paged_vec_ *a, const struct paged_vec_ *b,
		   const struct paged_vec_type_ *t, paged_vec_order_ *order)
{
	size_t a_len = paged_vec_len(a, t), b_len = paged_vec_len(b, t);
	size_t n = pages_min(a_len, b_len);

	for (size_t i = 0; i < n; i++) {
		int sign = order(paged_vec_slot(a, t, i), paged_vec_slot(b, t, i), NULL);

		if (sign != 0)
			return sign;
	}
	return (a_len > b_len) - (a_len < b_len);
}
