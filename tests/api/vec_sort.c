/* SPDX-License-Identifier: MIT */
/*
 * vec_sort.c - what the two sorts promise: the order of qsort(3), stability, O(n log n) calls
 * for any input, and no lost element and no access beyond the elements for any comparator
 */
#include <pages/paged_vec.h>

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "support/support.h"

PAGED_VEC(bytes, unsigned char);
PAGED_VEC_ORDER(bytes, PAGED_VEC_ASCENDING);
PAGED_VEC(ints, int);
PAGED_VEC_ORDER(ints, PAGED_VEC_DESCENDING);
PAGED_VEC(doubles, double);
PAGED_VEC_ORDER(doubles, PAGED_VEC_ASCENDING);

/* Padded to the size of a light and of a heavy element. */
struct record {
	uint32_t key, place;
	uint64_t sum;		/* of key and place, so that a mangled one is noticed */
	char name[8];
};
struct heavy {
	struct record r;
	char load[101];
};
#define BY_KEY(a, b) ((a)->key < (b)->key ? -1 : (a)->key > (b)->key)
#define BY_HEAVY_KEY(a, b) BY_KEY(&(a)->r, &(b)->r)
PAGED_VEC(records, struct record);
PAGED_VEC_ORDER(records, BY_KEY);
PAGED_VEC(heavies, struct heavy);
PAGED_VEC_ORDER(heavies, BY_HEAVY_KEY);

enum pattern { RANDOM, FEW, SORTED, REVERSED, EQUAL, NEARLY, PIPE, SAW, PATTERNS };

static uint32_t
key_of(enum pattern p, size_t i, size_t n, uint64_t *state)
{
	uint32_t k = (uint32_t)i, random = (uint32_t)(random_next(state) >> 32);

	switch (p) {
	case RANDOM: return random;
	case FEW: return random % 5;
	case SORTED: return k;
	case REVERSED: return (uint32_t)n - k;
	case EQUAL: return 7;
	case NEARLY: return random % 50 != 0 ? k : random % (uint32_t)n;
	case PIPE: return i < n / 2 ? k : (uint32_t)(n - i);
	case SAW: return k % 100;
	case PATTERNS: break;
	}
	return 0;
}

/* Lengths around each that the algorithms treat in another way. */
static const size_t lengths[] = {
	0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 31, 32, 33, 34, 35, 47, 63, 64, 65, 66, 67, 100,
	127, 128, 129, 130, 255, 256, 257, 511, 512, 513, 1000, 1023, 1024, 1025, 4097, 10007, 70001,
};
#define LENGTHS (sizeof(lengths) / sizeof(*lengths))

#define COMPARE(name, T, order)                                                    \
	static int                                                                 \
	name##_compare(const void *x, const void *y)                               \
	{                                                                          \
		const T *a = x, *b = y;                                            \
		return order(a, b);                                                \
	}
COMPARE(bytes, unsigned char, PAGED_VEC_ASCENDING)
COMPARE(ints, int, PAGED_VEC_DESCENDING)
COMPARE(doubles, double, PAGED_VEC_ASCENDING)

#define TEST_AS_QSORT(name, T)                                                     \
	Test(vec_sort, sorts_##name##_as_qsort_does)                               \
	{                                                                          \
		uint64_t state = 11;                                               \
                                                                                   \
		for (size_t c = 0; c < LENGTHS * PATTERNS; c++) {                  \
			size_t n = lengths[c / PATTERNS];                          \
			struct name v = {0}, w = {0};                              \
			T *want = malloc(n * sizeof(T) + 1);                       \
                                                                                   \
			for (size_t i = 0; i < n; i++) {                           \
				want[i] = (T)key_of((enum pattern)(c % PATTERNS), i, n, &state); \
				cr_assert_eq(name##_push(&v, want[i]), 0);         \
			}                                                          \
			cr_assert_eq(name##_clone(&v, &w), 0);                     \
			qsort(want, n, sizeof(T), name##_compare);                 \
			cr_assert_eq(name##_sort(&v), 0);                          \
			name##_sort_unstable(&w);                                  \
			cr_assert(n == 0 || memcmp(name##_cdata(&v), want, n * sizeof(T)) == 0, \
				  "sort: %zu, pattern %zu", n, c % PATTERNS);      \
			cr_assert(n == 0 || memcmp(name##_cdata(&w), want, n * sizeof(T)) == 0, \
				  "sort_unstable: %zu, pattern %zu", n, c % PATTERNS); \
			name##_free(&v);                                           \
			name##_free(&w);                                           \
			free(want);                                                \
		}                                                                  \
	}
TEST_AS_QSORT(bytes, unsigned char)
TEST_AS_QSORT(ints, int)
TEST_AS_QSORT(doubles, double)

static struct record
record(uint32_t key, size_t place)
{
	struct record r = { .key = key, .place = (uint32_t)place, .name = "record" };

	r.sum = (uint64_t)r.key * 31 + r.place;
	return r;
}

static bool
is_whole(const struct record *r)
{
	return r->sum == (uint64_t)r->key * 31 + r->place && strcmp(r->name, "record") == 0;
}

/* Is each record there once, and in order; the places of equal ones, too, if stable? */
static void
check_record(const struct record *last, const struct record *r, bool stable, bool *seen)
{
	cr_assert(is_whole(r) && !seen[r->place]);
	seen[r->place] = true;
	if (last != NULL)
		cr_assert(last->key < r->key ||
			  (last->key == r->key && (!stable || last->place < r->place)));
}

Test(vec_sort, is_stable_or_not_but_loses_nothing)
{
	uint64_t state = 12;

	for (size_t c = 0; c < LENGTHS * PATTERNS; c++) {
		size_t n = lengths[c / PATTERNS];
		struct records v[2] = {{{0}}};
		struct heavies h[2] = {{{0}}};

		for (size_t i = 0; i < n; i++) {
			uint32_t key = key_of((enum pattern)(c % PATTERNS), i, n, &state);
			struct heavy heavy = { .r = record(key, i) };

			for (int k = 0; k < 2; k++) {
				cr_assert_eq(records_push(&v[k], heavy.r), 0);
				cr_assert_eq(heavies_push(&h[k], heavy), 0);
			}
		}
		records_sort_unstable(&v[0]);
		cr_assert_eq(records_sort(&v[1]), 0);
		heavies_sort_unstable(&h[0]);
		cr_assert_eq(heavies_sort(&h[1]), 0);
		for (int k = 0; k < 2; k++) {
			bool *seen = calloc(2 * n + 1, 1);

			for (size_t i = 0; i < n; i++) {
				const struct record *r = records_cdata(&v[k]) + i;
				const struct heavy *x = heavies_cdata(&h[k]) + i;

				check_record(i > 0 ? r - 1 : NULL, r, k == 1, seen);
				check_record(i > 0 ? &x[-1].r : NULL, &x->r, k == 1, seen + n);
			}
			free(seen);
			records_free(&v[k]);
			heavies_free(&h[k]);
		}
	}
}

/* How many calls, and how many of them n * log2(n) allows. */
static size_t calls;

static int
count(const double *a, const double *b, void *unused)
{
	(void)unused;
	calls++;
	return (*a > *b) - (*a < *b);
}

static size_t
n_log_n(size_t n)
{
	size_t log = 0;

	while (n >> log > 1)
		log++;
	return n * (log + 1);
}

Test(vec_sort, needs_n_log_n_comparisons_for_any_pattern)
{
	enum { N = 100000 };
	uint64_t state = 13;

	for (int p = 0; p < PATTERNS; p++) {
		bool one_run = p == SORTED || p == REVERSED || p == EQUAL;
		struct doubles v = {0}, w = {0};

		for (size_t i = 0; i < N; i++)
			cr_assert_eq(doubles_push(&v, key_of((enum pattern)p, i, N, &state)), 0);
		cr_assert_eq(doubles_clone(&v, &w), 0);
		calls = 0;
		cr_assert_eq(doubles_sort_by(&v, count, NULL), 0);
		cr_assert_leq(calls, one_run ? N - 1 : n_log_n(N) * 5 / 4, "stable, pattern %d", p);
		calls = 0;
		doubles_sort_unstable_by(&w, count, NULL);
		cr_assert_leq(calls, one_run ? N - 1 : n_log_n(N) * 5 / 4, "unstable, pattern %d", p);
		doubles_free(&v);
		doubles_free(&w);
	}
}

/*
 * M. D. McIlroy, "A Killer Adversary for Quicksort" (1999): values are given out during the
 * sort, so that each pivot turns out to be among the smallest.
 */
struct adversary {
	int *value, gas, next, candidate;
};

static int
adverse(const int *a, const int *b, void *context)
{
	struct adversary *x = context;
	int i = *a, k = *b;

	calls++;
	if (x->value[i] == x->gas && x->value[k] == x->gas)
		x->value[i == x->candidate ? i : k] = x->next++;
	if (x->value[i] == x->gas)
		x->candidate = i;
	else if (x->value[k] == x->gas)
		x->candidate = k;
	return (x->value[i] > x->value[k]) - (x->value[i] < x->value[k]);
}

Test(vec_sort, is_not_killed_by_an_adversary)
{
	for (int n = 1000; n <= 100000; n *= 10) {
		struct adversary x = { malloc((size_t)n * sizeof(int)), n, 0, 0 };
		struct ints v = {0};

		for (int stable = 0; stable < 2; stable++) {
			x.next = x.candidate = 0;
			ints_clear(&v);
			for (int i = 0; i < n; i++) {
				x.value[i] = n;
				cr_assert_eq(ints_push(&v, i), 0);
			}
			calls = 0;
			if (stable)
				cr_assert_eq(ints_sort_by(&v, adverse, &x), 0);
			else
				ints_sort_unstable_by(&v, adverse, &x);
			cr_assert_leq(calls, n_log_n((size_t)n) * 4, "%d: %zu calls", n, calls);
			for (int i = 1; i < n; i++)
				cr_assert_leq(x.value[*ints_get(&v, (size_t)i - 1)],
					      x.value[*ints_get(&v, (size_t)i)]);
		}
		ints_free(&v);
		free(x.value);
	}
}

/* Comparators that contradict themselves.  What they are given has to be a record. */
enum lie { AT_RANDOM, ALWAYS_LESS, ALWAYS_GREATER, ALWAYS_EQUAL, MOSTLY_TRUE, IN_A_CIRCLE, LIES };

struct liar {
	enum lie lie;
	uint64_t state;
};

static int
lying(const struct record *a, const struct record *b, void *context)
{
	struct liar *l = context;

	cr_assert(is_whole(a) && is_whole(b));
	switch (l->lie) {
	case AT_RANDOM: return (int)(random_next(&l->state) >> 32) % 2 * 2 - 1;
	case ALWAYS_LESS: return -1;
	case ALWAYS_GREATER: return 1;
	case MOSTLY_TRUE:
		return random_next(&l->state) % 16 != 0 ? BY_KEY(a, b) : BY_KEY(b, a);
	case IN_A_CIRCLE: return (int)((a->key - b->key) % 3) - 1;
	case ALWAYS_EQUAL:
	case LIES: break;
	}
	return 0;
}

static int
lying_heavily(const struct heavy *a, const struct heavy *b, void *context)
{
	return lying(&a->r, &b->r, context);
}

static void
check_each_once(const struct record *first, size_t step, size_t n)
{
	bool *seen = calloc(n + 1, 1);

	for (size_t i = 0; i < n; i++) {
		const struct record *r = (const struct record *)((const char *)first + i * step);

		cr_assert(is_whole(r) && !seen[r->place]);
		seen[r->place] = true;
	}
	free(seen);
}

Test(vec_sort, survives_comparators_that_contradict_themselves)
{
	struct liar l = { AT_RANDOM, 14 };

	for (size_t c = 0; c < LENGTHS * LIES; c++) {
		size_t n = lengths[c / LIES];
		struct records v = {0};
		struct heavies h = {0};

		l.lie = (enum lie)(c % LIES);
		for (size_t i = 0; i < n; i++) {
			struct heavy x = { .r = record((uint32_t)(random_next(&l.state) >> 40), i) };

			cr_assert_eq(records_push(&v, x.r), 0);
			cr_assert_eq(heavies_push(&h, x), 0);
		}
		cr_assert_eq(records_shrink_to_fit(&v), 0);
		cr_assert_eq(records_sort_by(&v, lying, &l), 0);
		check_each_once(records_cdata(&v), sizeof(struct record), n);
		records_sort_unstable_by(&v, lying, &l);
		check_each_once(records_cdata(&v), sizeof(struct record), n);
		cr_assert_eq(heavies_sort_by(&h, lying_heavily, &l), 0);
		check_each_once((const struct record *)heavies_cdata(&h), sizeof(struct heavy), n);
		heavies_sort_unstable_by(&h, lying_heavily, &l);
		check_each_once((const struct record *)heavies_cdata(&h), sizeof(struct heavy), n);
		records_free(&v);
		heavies_free(&h);
	}
}
