/* SPDX-License-Identifier: MIT */
/*
 * paged_vec_quick.h - the sort behind NAME_sort_unstable(), see paged_vec_sort.h;
 * included by paged_vec.h, not for direct use
 */
#ifndef PAGES_PAGED_VEC_QUICK_H
#define PAGES_PAGED_VEC_QUICK_H

#ifndef PAGES_PAGED_VEC_SORT_H
#error include <pages/paged_vec.h>
#endif

/* A program may have globals of the same names as these parameters. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

/* How many elements of spare memory it needs. */
#define PAGED_VEC_SPARE_(size) ((size) <= PAGED_VEC_LIGHT_ ? PAGED_VEC_SHORT_ : 2)

PAGED_VEC_SORT_FN_ void
paged_vec_heap_sort_(const struct paged_vec_sorting_ *s, char *a, size_t n, char *spare)
{
	const size_t z = s->size;

	for (size_t i = n + n / 2; i-- > 0; ) {
		size_t root = i >= n ? i - n : 0, end = i < n ? i : n, child;

		if (i < n)
			paged_vec_swap_(s, a, a + i * z, spare);
		for (; (child = 2 * root + 1) < end; root = child) {
			if (child + 1 < end &&
			    paged_vec_less_(s, a + child * z, a + (child + 1) * z))
				child++;
			if (!paged_vec_less_(s, a + root * z, a + child * z))
				break;
			paged_vec_swap_(s, a + root * z, a + child * z, spare);
		}
	}
}

PAGED_VEC_SORT_FN_ char *
paged_vec_median_(const struct paged_vec_sorting_ *s, char *a, char *b, char *c)
{
	bool ab = paged_vec_less_(s, a, b), bc = paged_vec_less_(s, b, c);

	if (ab == bc)
		return b;
	return paged_vec_less_(s, a, c) == ab ? c : a;
}

/* One of three, or of three times three. */
PAGED_VEC_SORT_FN_ char *
paged_vec_pivot_(const struct paged_vec_sorting_ *s, char *a, size_t n)
{
	size_t step = n / 8 * s->size;
	char *m[3];

	if (n < 128)
		return paged_vec_median_(s, a, a + 4 * step, a + 7 * step);
	for (size_t i = 0; i < 3; i++) {
		char *x = a + 3 * i * step;

		m[i] = paged_vec_median_(s, x, x + step, x + step + step - s->size);
	}
	return paged_vec_median_(s, m[0], m[1], m[2]);
}

/* Does x go to the left of the pivot: less, or if equals is set, not greater? */
PAGED_VEC_SORT_FN_ bool
paged_vec_goes_left_(const struct paged_vec_sorting_ *s, const char *x, const char *pivot,
		     bool equals)
{
	return equals ? !paged_vec_less_(s, pivot, x) : paged_vec_less_(s, x, pivot);
}

/*
 * Partition [a, end); returns the end of the left part.  Light elements: the first one is set
 * aside, which leaves a gap.  The next one always goes to the end of the left part, and what
 * was there to the gap; only how far that end moves depends on the comparison.
 */
PAGED_VEC_SORT_FN_ char *
paged_vec_partition_(const struct paged_vec_sorting_ *s, char *a, char *end, const char *pivot,
		     bool equals, char *spare)
{
	char *left = a, *gap = a;

	if (s->size <= PAGED_VEC_LIGHT_) {
		paged_vec_copy_one_(s, spare, a);
		for (char *x = a + s->size; x < end; x += s->size) {
			bool goes = paged_vec_goes_left_(s, x, pivot, equals);

			paged_vec_copy_one_(s, gap, left);
			paged_vec_copy_one_(s, left, x);
			gap = x;
			left += s->size & paged_vec_mask_(goes);
		}
		paged_vec_copy_one_(s, gap, left);
		paged_vec_copy_one_(s, left, spare);
		return left + (paged_vec_goes_left_(s, spare, pivot, equals) ? s->size : 0);
	}
	for (;;) {
		while (left < end && paged_vec_goes_left_(s, left, pivot, equals))
			left += s->size;
		do
			end -= s->size;
		while (left < end && !paged_vec_goes_left_(s, end, pivot, equals));
		if (left >= end)
			return left;
		paged_vec_swap_(s, left, end, spare);
		left += s->size;
	}
}

/*
 * After a bad partition: other elements where the next pivot is looked for.  Returns false
 * when there were too many.
 */
PAGED_VEC_SORT_FN_ bool
paged_vec_shuffle_(const struct paged_vec_sorting_ *s, char *a, size_t n, char *spare,
		   unsigned *bad)
{
	size_t step = n / 8 * s->size, by = (n / 16 | 1) * s->size;

	for (size_t i = 0; i < 7; i++)
		paged_vec_swap_(s, a + i * step, a + i * step + by, spare);
	return (*bad)-- > 1;
}

struct paged_vec_range_ {
	char *a;
	size_t n;
	unsigned bad;		/* so many bad partitions are still allowed */
};

/*
 * Divide the range, with room for two elements in spare: the shorter part is returned, the
 * longer is stored.  If the element before the range, which is a pivot, is not less than the
 * new pivot, the two are equal, and all that equals them is in its place already.
 */
PAGED_VEC_SORT_FN_ struct paged_vec_range_
paged_vec_divide_(const struct paged_vec_sorting_ *s, struct paged_vec_range_ r, bool first,
		  char *spare, struct paged_vec_range_ *ret_longer)
{
	const size_t z = s->size;
	char *end = r.a + r.n * z, *gap = spare + z, *middle;
	struct paged_vec_range_ left = r, right = r;

	paged_vec_swap_(s, r.a, paged_vec_pivot_(s, r.a, r.n), spare);
	paged_vec_copy_one_(s, spare, r.a);
	if (!first && !paged_vec_less_(s, r.a - z, spare)) {
		right.a = paged_vec_partition_(s, r.a + z, end, spare, true, gap);
		right.n = (size_t)(end - right.a) / z;
		left.n = 0;
		*ret_longer = right;
		return left;
	}
	middle = paged_vec_partition_(s, r.a + z, end, spare, false, gap) - z;
	paged_vec_swap_(s, r.a, middle, gap);
	left.n = (size_t)(middle - r.a) / z;
	right.a = middle + z;
	right.n = r.n - left.n - 1;
	*ret_longer = left.n < right.n ? right : left;
	return left.n < right.n ? left : right;
}

/* spare has room for PAGED_VEC_SPARE_() elements. */
PAGED_VEC_SORT_FN_ void
paged_vec_quick_sort_(const struct paged_vec_sorting_ *s, char *a, size_t n, char *spare)
{
	struct paged_vec_range_ stack[8 * sizeof(size_t)], r = { a, n, 1 }, longer;
	size_t depth = 0;

	if (n < 2 || paged_vec_one_run_(s, a, n, spare))
		return;
	for (size_t i = n; i > 1; i /= 2)
		r.bad++;
	for (;;) {
		if (r.n <= paged_vec_short_(s)) {
			paged_vec_short_sort_(s, r.a, r.n, spare);
			if (depth == 0)
				return;
			r = stack[--depth];
			continue;
		}
		n = r.n;
		r = paged_vec_divide_(s, r, r.a == a, spare, &longer);
		if (longer.n > n - n / 8 && longer.n > PAGED_VEC_SHORT_ &&
		    !paged_vec_shuffle_(s, longer.a, longer.n, spare, &longer.bad)) {
			paged_vec_heap_sort_(s, longer.a, longer.n, spare);
			longer.n = 0;
		}
		stack[depth++] = longer;
	}
}

#pragma GCC diagnostic pop

#define PAGED_VEC_QUICK_SORT_(NAME, v, order, context)                             \
	__extension__ ({                                                           \
		__attribute__((aligned(__alignof__(NAME##_value)))) char           \
			spare_[PAGED_VEC_SPARE_(sizeof(NAME##_value)) * sizeof(NAME##_value)]; \
		struct paged_vec_sorting_ s_ = { (order), (context), sizeof(NAME##_value) }; \
		paged_vec_quick_sort_(&s_, (char *)(v)->v_.beg_, NAME##_len(v), spare_); \
	})

#endif /* PAGES_PAGED_VEC_QUICK_H */
