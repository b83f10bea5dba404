/* SPDX-License-Identifier: MIT */
/*
 * paged_vec_sort.h - the two sorts behind NAME_sort() and NAME_sort_unstable();
 * included by paged_vec.h, not for direct use
 *
 * Functions instead of macros.  All are inlined into one function for each type and order, in
 * which the size and the comparator are constants: an element is copied by a few moves, and a
 * comparison of numbers is one instruction.
 *
 * Processors guess a comparison of random data wrong half of the time, and then lose as much
 * time as 20 instructions take.  So the results of comparisons choose addresses, not branches:
 *
 *	stable		merge sort.  Runs of 16 to 32 elements are sorted by a network of four
 *			and small merges.  Merging works from both ends at once, because each
 *			end waits for its last comparison (quadsort by Igor van den Hoven,
 *			driftsort by Orson Peters and Lukas Bergdoll).
 *	unstable	quicksort with the partition of Lomuto in its branchless, cyclic form
 *			(ipnsort by Lukas Bergdoll).  Pivots, equal elements, and heap sort after
 *			too many bad partitions: pattern-defeating quicksort by Orson Peters.
 *
 * A comparator may contradict itself.  Then the order is arbitrary, but nothing outside the
 * elements is read, and none is lost: no loop relies on a comparison for its end.
 */
#ifndef PAGES_PAGED_VEC_SORT_H
#define PAGES_PAGED_VEC_SORT_H

#ifndef PAGES_PAGED_VEC_H
#error include <pages/paged_vec.h>
#endif

/* A program may have globals of the same names as these parameters. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

#define PAGED_VEC_SORT_FN_ static inline __attribute__((always_inline, unused))

/* Elements above this size are not worth copying twice to save a branch. */
#define PAGED_VEC_LIGHT_ 64

/* Ranges up to this length are sorted without dividing them; the second for heavy elements. */
#define PAGED_VEC_SHORT_ 32
#define PAGED_VEC_SHORT_HEAVY_ 8

/* How many elements a merge tries to take at once. */
#define PAGED_VEC_BLOCK_ 16

struct paged_vec_sorting_ {
	paged_vec_order_ *order;
	void *context;
	size_t size;
};

PAGED_VEC_SORT_FN_ bool
paged_vec_less_(const struct paged_vec_sorting_ *s, const char *a, const char *b)
{
	return s->order(a, b, s->context) < 0;
}

PAGED_VEC_SORT_FN_ size_t
paged_vec_short_(const struct paged_vec_sorting_ *s)
{
	return s->size <= PAGED_VEC_LIGHT_ ? PAGED_VEC_SHORT_ : PAGED_VEC_SHORT_HEAVY_;
}

/* to may be from: then the compiler's moves store what was there. */
PAGED_VEC_SORT_FN_ void
paged_vec_copy_one_(const struct paged_vec_sorting_ *s, char *to, const char *from)
{
	__builtin_memcpy(to, from, s->size);
}

PAGED_VEC_SORT_FN_ void
paged_vec_swap_(const struct paged_vec_sorting_ *s, char *a, char *b, char *spare)
{
	paged_vec_copy_one_(s, spare, a);
	paged_vec_copy_one_(s, a, b);
	paged_vec_copy_one_(s, b, spare);
}

/* A comparison as a mask. */
PAGED_VEC_SORT_FN_ size_t
paged_vec_below_(const struct paged_vec_sorting_ *s, const char *a, const char *b)
{
	return paged_vec_mask_(paged_vec_less_(s, a, b));
}

/* mask ? a : b */
PAGED_VEC_SORT_FN_ const char *
paged_vec_either_(size_t mask, const char *a, const char *b)
{
	return (const char *)((uintptr_t)b + (((uintptr_t)a - (uintptr_t)b) & mask));
}

/* True if all is sorted.  A range that descends all the way, without equals, is reversed. */
PAGED_VEC_SORT_FN_ bool
paged_vec_one_run_(const struct paged_vec_sorting_ *s, char *a, size_t n, char *spare)
{
	char *end = a + n * s->size, *x = a + s->size;
	bool down = n > 1 && paged_vec_less_(s, x, a);

	for (x += s->size; x < end && paged_vec_less_(s, x, x - s->size) == down; x += s->size)
		;
	if (x < end)
		return false;
	for (end -= s->size; down && a < end; a += s->size, end -= s->size)
		paged_vec_swap_(s, a, end, spare);
	return true;
}

/* Short ranges. ----------------------------------------------------------- */

PAGED_VEC_SORT_FN_ void
paged_vec_insertion_sort_(const struct paged_vec_sorting_ *s, char *a, size_t n, char *spare)
{
	char *end = a + n * s->size;

	for (char *x = a + s->size; x < end; x += s->size) {
		char *to = x;

		if (!paged_vec_less_(s, x, x - s->size))
			continue;
		paged_vec_copy_one_(s, spare, x);
		do {
			paged_vec_copy_one_(s, to, to - s->size);
			to -= s->size;
		} while (to > a && paged_vec_less_(s, spare, to - s->size));
		paged_vec_copy_one_(s, to, spare);
	}
}

/* Five comparisons.  Whatever they say, each element goes to one place. */
PAGED_VEC_SORT_FN_ void
paged_vec_sort_four_(const struct paged_vec_sorting_ *s, const char *v, char *to)
{
	const size_t z = s->size;
	size_t c1 = paged_vec_below_(s, v + z, v);
	size_t c2 = paged_vec_below_(s, v + 3 * z, v + 2 * z);
	const char *a = v + (z & c1), *b = v + (z & ~c1);
	const char *c = v + 2 * z + (z & c2), *d = v + 2 * z + (z & ~c2);
	size_t c3 = paged_vec_below_(s, c, a), c4 = paged_vec_below_(s, d, b), c5;
	const char *left = paged_vec_either_(c3, a, paged_vec_either_(c4, c, b));
	const char *right = paged_vec_either_(c4, d, paged_vec_either_(c3, b, c));

	paged_vec_copy_one_(s, to, paged_vec_either_(c3, c, a));
	paged_vec_copy_one_(s, to + 3 * z, paged_vec_either_(c4, b, d));
	c5 = paged_vec_below_(s, right, left);
	paged_vec_copy_one_(s, to + z, paged_vec_either_(c5, right, left));
	paged_vec_copy_one_(s, to + 2 * z, paged_vec_either_(c5, left, right));
}

/* Merge what is left of two runs, [l, l_end) and [r, r_end), to to, which may be before r. */
PAGED_VEC_SORT_FN_ void
paged_vec_merge_rest_(const struct paged_vec_sorting_ *s, const char *l, const char *l_end,
		      const char *r, const char *r_end, char *to)
{
	while (l < l_end && r < r_end) {
		size_t right = paged_vec_below_(s, r, l);

		paged_vec_copy_one_(s, to, paged_vec_either_(right, r, l));
		r += s->size & right;
		l += s->size & ~right;
		to += s->size;
	}
	__builtin_memcpy(to, l, (size_t)(l_end - l));
	if (to + (l_end - l) != r)
		__builtin_memcpy(to + (l_end - l), r, (size_t)(r_end - r));
}

/* What a merge has still to do: the rest of both runs, and of the memory to merge to. */
struct paged_vec_merging_ {
	const char *l, *l_end, *r, *r_end;
	char *to, *to_end;
};

/* Take n elements from the front: from the left run if it is not greater. */
PAGED_VEC_SORT_FN_ void
paged_vec_take_first_(const struct paged_vec_sorting_ *s, struct paged_vec_merging_ *m, size_t n)
{
	for (; n > 0; n--) {
		size_t right = paged_vec_below_(s, m->r, m->l);

		paged_vec_copy_one_(s, m->to, paged_vec_either_(right, m->r, m->l));
		m->r += s->size & right;
		m->l += s->size & ~right;
		m->to += s->size;
	}
}

/* Take n elements from the back: from the right run if it is not less. */
PAGED_VEC_SORT_FN_ void
paged_vec_take_last_(const struct paged_vec_sorting_ *s, struct paged_vec_merging_ *m, size_t n)
{
	for (; n > 0; n--) {
		size_t left = paged_vec_below_(s, m->r_end - s->size, m->l_end - s->size);

		m->to_end -= s->size;
		paged_vec_copy_one_(s, m->to_end,
				    paged_vec_either_(left, m->l_end, m->r_end) - s->size);
		m->l_end -= s->size & left;
		m->r_end -= s->size & ~left;
	}
}

/*
 * Take a block from the front and one from the back.  In data that is nearly sorted all of a
 * block mostly comes from one run; one comparison finds that out.
 */
PAGED_VEC_SORT_FN_ void
paged_vec_take_blocks_(const struct paged_vec_sorting_ *s, struct paged_vec_merging_ *m)
{
	const size_t block = PAGED_VEC_BLOCK_ * s->size, last = block - s->size;
	bool l = !paged_vec_less_(s, m->r, m->l + last);
	bool r = !l && paged_vec_less_(s, m->r + last, m->l);
	bool r_end = !paged_vec_less_(s, m->r_end - block, m->l_end - s->size);
	bool l_end = !r_end && paged_vec_less_(s, m->r_end - s->size, m->l_end - block);

	if (!l && !r && !r_end && !l_end) {
		for (size_t i = 0; i < PAGED_VEC_BLOCK_; i++) {
			paged_vec_take_first_(s, m, 1);
			paged_vec_take_last_(s, m, 1);
		}
		return;
	}
	if (l || r) {
		__builtin_memcpy(m->to, l ? m->l : m->r, block);
		m->to += block;
		m->l += l ? block : 0;
		m->r += r ? block : 0;
	} else {
		paged_vec_take_first_(s, m, PAGED_VEC_BLOCK_);
	}
	if (l_end || r_end) {
		m->l_end -= l_end ? block : 0;
		m->r_end -= r_end ? block : 0;
		m->to_end -= block;
		__builtin_memcpy(m->to_end, l_end ? m->l_end : m->r_end, block);
	} else {
		paged_vec_take_last_(s, m, PAGED_VEC_BLOCK_);
	}
}

/*
 * Merge two runs that lie side by side to other memory.  While both ends have taken fewer
 * elements than the shorter run has, neither run can be used up.  If the ends have passed each
 * other after that, the comparator contradicts itself, and the runs are copied as they are.
 */
PAGED_VEC_SORT_FN_ void
paged_vec_merge_(const struct paged_vec_sorting_ *s, const char *l, size_t nl, size_t nr, char *to)
{
	const char *r = l + nl * s->size, *end = r + nr * s->size;
	struct paged_vec_merging_ m = { l, r, r, end, to, to + (end - l) };
	size_t n = nl < nr ? nl : nr;

	if (!paged_vec_less_(s, r, r - s->size)) {
		__builtin_memcpy(to, l, (size_t)(end - l));
		return;
	}
	for (; n >= 2 * PAGED_VEC_BLOCK_; n -= PAGED_VEC_BLOCK_)
		paged_vec_take_blocks_(s, &m);
	for (; n > 0; n--) {
		paged_vec_take_first_(s, &m, 1);
		paged_vec_take_last_(s, &m, 1);
	}
	if (m.l > m.l_end || m.r > m.r_end)
		__builtin_memcpy(to, l, (size_t)(end - l));
	else
		paged_vec_merge_rest_(s, m.l, m.l_end, m.r, m.r_end, m.to);
}

/* Merge the runs of a length in from, two and two, to to. */
PAGED_VEC_SORT_FN_ void
paged_vec_merge_all_(const struct paged_vec_sorting_ *s, const char *from, char *to, size_t n,
		     size_t len)
{
	for (size_t i = 0; i < n; i += 2 * len) {
		size_t rest = n - i;

		if (rest <= len)
			__builtin_memcpy(to + i * s->size, from + i * s->size, rest * s->size);
		else
			paged_vec_merge_(s, from + i * s->size, len,
					 rest < 2 * len ? rest - len : len, to + i * s->size);
	}
}

/* Sort up to PAGED_VEC_SHORT_ elements, stably; spare has room for as many. */
PAGED_VEC_SORT_FN_ void
paged_vec_short_sort_(const struct paged_vec_sorting_ *s, char *a, size_t n, char *spare)
{
	size_t fours = n / 4 * 4;

	if (n > 1 && paged_vec_one_run_(s, a, n, spare))
		return;
	if (s->size > PAGED_VEC_LIGHT_ || n < 8) {
		paged_vec_insertion_sort_(s, a, n, spare);
		return;
	}
	/* The one to three at the end: the spare room of the first four is still free. */
	paged_vec_insertion_sort_(s, a + fours * s->size, n - fours, spare);
	__builtin_memcpy(spare + fours * s->size, a + fours * s->size, (n - fours) * s->size);
	for (size_t i = 0; i < fours; i += 4)
		paged_vec_sort_four_(s, a + i * s->size, spare + i * s->size);
	for (size_t len = 4; len < n; len *= 4) {
		paged_vec_merge_all_(s, spare, a, n, len);
		if (2 * len >= n)
			return;
		paged_vec_merge_all_(s, a, spare, n, 2 * len);
	}
	__builtin_memcpy(a, spare, n * s->size);
}

/* Stable. ----------------------------------------------------------------- */

/*
 * Sort n elements in a; the result lies in other if into_other.  Both have room for them.
 * The range is divided into 2^levels runs of nearly the same length.  A run is merged with its
 * neighbour as soon as both are there, so that most merges find their data in a cache; each
 * level of runs lies on the other side.
 */
PAGED_VEC_SORT_FN_ void
paged_vec_merge_sort_(const struct paged_vec_sorting_ *s, char *a, size_t n, char *other,
		      bool into_other)
{
	size_t len[8 * sizeof(size_t)], top = 0, runs = 1, over = 0, at = 0;
	unsigned levels = 0, first_side;

	for (; n / runs >= paged_vec_short_(s); runs *= 2)
		levels++;
	first_side = (levels ^ into_other) & 1;
	for (size_t i = 1; i <= runs; i++) {
		size_t here = n / runs;
		unsigned side = first_side;
		char *run = a + at * s->size, *beside = other + at * s->size;

		over += n % runs;
		if (over >= runs) {
			over -= runs;
			here++;
		}
		at += here;
		paged_vec_short_sort_(s, run, here, beside);
		if (side == 1)
			__builtin_memcpy(beside, run, here * s->size);
		len[top++] = here;
		for (size_t k = i; k % 2 == 0; k /= 2, side ^= 1) {
			size_t left = len[top - 2], right = len[top - 1];
			size_t place = (at - left - right) * s->size;

			paged_vec_merge_(s, (side == 0 ? a : other) + place, left, right,
					 (side == 0 ? other : a) + place);
			len[--top - 1] = left + right;
		}
	}
}

/* Sort the vector; of equal elements the first stays the first. */
PAGED_VEC_SORT_FN_ PAGES_MUST_CHECK int
paged_vec_sort_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t size,
		paged_vec_order_ *order, void *context)
{
	struct paged_vec_sorting_ s = { order, context, size };
	struct paged_vec_type_ plain = { size, t->align, PAGES_NULL_, PAGES_NULL_ };
	struct paged_vec_ spare;
	size_t n = paged_vec_bytes_(v) / size, half = n / 2;
	char *a = (char *)v->beg_, *right, *other;
	int err;

	if (n < 2)
		return 0;
	paged_vec_forget_(&spare);
	err = paged_vec_reserve_exact_(&spare, &plain, n - half);
	if (err != 0)
		return err;
	other = (char *)spare.beg_;
	right = a + half * size;
	if (!paged_vec_one_run_(&s, a, n, other)) {
		paged_vec_merge_sort_(&s, right, n - half, other, false);
		paged_vec_merge_sort_(&s, a, half, other, true);
		paged_vec_merge_rest_(&s, other, other + half * size, right, a + n * size, a);
	}
	paged_vec_free_(&spare, &plain);
	return 0;
}

#pragma GCC diagnostic pop

#endif /* PAGES_PAGED_VEC_SORT_H */
