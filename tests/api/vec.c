/* SPDX-License-Identifier: MIT */
/*
 * vec.c - what paged_vec.h promises about elements, one promise a test
 *
 * Memory is the subject of vec_memory.c, hooks that of vec_owning.c.
 */
#include <pages/paged_vec.h>

#include <criterion/criterion.h>
#include <signal.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

PAGED_VEC(longs, long);
PAGED_VEC_ORDER(longs, PAGED_VEC_ASCENDING);

static int
by_text(const char *const *a, const char *const *b)
{
	return strcmp(*a, *b);
}

PAGED_VEC(words, const char *);
PAGED_VEC_ORDER(words, by_text);

struct wide {
	alignas(4096) char bytes[8192];
};
PAGED_VEC(wides, struct wide);

PAGED_VEC(ints, int);
PAGED_VEC_ORDER(ints, PAGED_VEC_ASCENDING);

struct pair {
	long key, value;
};

static int
by_key(const struct pair *a, const struct pair *b)
{
	return PAGED_VEC_ASCENDING(&a->key, &b->key);
}

PAGED_VEC(pairs, struct pair);
PAGED_VEC_ORDER(pairs, by_key);

/* 0, 1, 2, ... */
static struct longs
counted(long n)
{
	struct longs v = {0};

	for (long i = 0; i < n; i++)
		cr_assert_eq(longs_push(&v, i), 0);
	return v;
}

/* The elements, which are few, as text. */
static const char *
text(const struct longs *v)
{
	static char buf[256];
	size_t n = 0;

	buf[0] = 0;
	for (size_t i = 0; i < longs_len(v); i++)
		n += (size_t)snprintf(buf + n, sizeof(buf) - n, "%ld ", *longs_get(v, i));
	return buf;
}

Test(vec, of_zero_is_empty_and_can_be_asked_for_everything)
{
	struct longs v = {0}, w = {0};
	long x;

	cr_assert(longs_is_empty(&v) && longs_len(&v) == 0 && longs_capacity(&v) == 0);
	cr_assert_null(longs_data(&v));
	cr_assert_null(longs_first(&v));
	cr_assert_null(longs_last(&v));
	cr_assert_null(longs_get(&v, 0));
	cr_assert_eq(longs_pop(&v, &x), -ERANGE);
	cr_assert_eq(longs_remove(&v, 0, &x), -ERANGE);
	cr_assert_eq(longs_push_within_capacity(&v, 1), -ERANGE);
	cr_assert_eq(longs_drain(&v, 0, 0, NULL), 0);
	cr_assert_eq(longs_push_n(&v, NULL, 0), 0);
	cr_assert_eq(longs_commit(&v, 0), 0);
	cr_assert_eq(longs_commit(&v, 1), -ERANGE);
	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	cr_assert_eq(longs_clear_decommit(&v), 0);
	cr_assert_eq(longs_sort(&v), 0);
	cr_assert_eq(longs_clone(&v, &w), 0);
	cr_assert(longs_eq(&v, &w) && longs_is_sorted(&v));
	longs_dedup(&v);
	longs_clear(&v);
	longs_free(&v);
	longs_free(&v);
}

Test(vec, gives_back_what_was_pushed)
{
	struct longs v = counted(100000);
	long x;

	for (long i = 0; i < 100000; i++)
		cr_assert_eq(*longs_at(&v, (size_t)i), i);
	for (long i = 100000; i-- > 0;) {
		cr_assert_eq(longs_pop(&v, &x), 0);
		cr_assert_eq(x, i);
	}
	cr_assert(longs_is_empty(&v));
	longs_free(&v);
}

Test(vec, inserts_and_removes_at_any_place)
{
	struct longs v = counted(5);
	long x, two[2] = { 8, 9 };

	cr_assert_eq(longs_insert(&v, 0, 7), 0);
	cr_assert_eq(longs_insert_n(&v, 3, two, 2), 0);
	cr_assert_eq(longs_insert(&v, 8, 6), 0);
	cr_assert_str_eq(text(&v), "7 0 1 8 9 2 3 4 6 ");
	cr_assert_eq(longs_remove(&v, 1, &x), 0);
	cr_assert_eq(x, 0);
	cr_assert_eq(longs_swap_remove(&v, 0, &x), 0);
	cr_assert_eq(x, 7);
	cr_assert_eq(longs_swap_remove(&v, 6, NULL), 0);
	cr_assert_eq(longs_drain(&v, 1, 2, two), 0);
	cr_assert(two[0] == 1 && two[1] == 8);
	cr_assert_str_eq(text(&v), "6 9 2 3 ");
	longs_free(&v);
}

Test(vec, says_what_is_out_of_range_and_does_nothing)
{
	struct longs v = counted(3);
	struct longs_slice s;
	long x = 77;

	cr_assert_eq(longs_insert(&v, 4, 0), -ERANGE);
	cr_assert_eq(longs_insert_n(&v, 4, &x, 1), -ERANGE);
	cr_assert_eq(longs_remove(&v, 3, &x), -ERANGE);
	cr_assert_eq(longs_remove(&v, SIZE_MAX, &x), -ERANGE);
	cr_assert_eq(longs_swap_remove(&v, 3, &x), -ERANGE);
	cr_assert_eq(longs_drain(&v, 2, 2, NULL), -ERANGE);
	cr_assert_eq(longs_drain(&v, 2, SIZE_MAX, NULL), -ERANGE);
	cr_assert_eq(longs_split_off(&v, 4, &(struct longs){0}), -ERANGE);
	cr_assert_eq(longs_extend_from_within(&v, 1, 3), -ERANGE);
	cr_assert_eq(longs_slice_of(&v, 1, 3, &s), -ERANGE);
	cr_assert_eq(longs_commit(&v, longs_capacity(&v) - 2), -ERANGE);
	cr_assert_eq(x, 77);
	cr_assert_str_eq(text(&v), "0 1 2 ");
	longs_free(&v);
}

Test(vec, aborts_for_an_element_that_does_not_exist, .signal = SIGABRT)
{
	struct longs v = counted(3);

	*longs_at(&v, 3) = 1;
}

Test(vec, refuses_counts_that_overflow)
{
	struct longs v = counted(3);
	struct wides w = {0};

	cr_assert_eq(longs_reserve(&v, SIZE_MAX), -EOVERFLOW);
	cr_assert_eq(longs_reserve(&v, SIZE_MAX / 8), -EOVERFLOW);
	cr_assert_eq(longs_reserve_exact(&v, ((size_t)1 << 61) - 3), -EOVERFLOW);
	cr_assert_eq(longs_reserve_exact(&v, ((size_t)1 << 60) - 4), -ENOMEM);
	cr_assert_eq(longs_resize(&v, SIZE_MAX, 1), -EOVERFLOW);
	cr_assert_eq(longs_resize_zeroed(&v, SIZE_MAX), -EOVERFLOW);
	cr_assert_eq(longs_insert_n(&v, 1, longs_data(&v), SIZE_MAX / 2), -EOVERFLOW);
	cr_assert_eq(longs_prefault(&v, SIZE_MAX / 4), -EOVERFLOW);
	cr_assert_eq(wides_reserve(&w, SIZE_MAX / 8192), -EOVERFLOW);
	cr_assert_eq(wides_open(&w, &(struct paged_vec_options){ .capacity = SIZE_MAX / 8 }),
		     -EOVERFLOW);
	cr_assert_eq(wides_open(&w, &(struct paged_vec_options){ .reserve = SIZE_MAX / 8 }),
		     -EOVERFLOW);
	cr_assert_str_eq(text(&v), "0 1 2 ");
	longs_free(&v);
}

Test(vec, takes_its_own_elements)
{
	struct longs v = {0};

	cr_assert_eq(longs_push(&v, 7), 0);
	/* Each of these grows at some point, so the argument moves under the call. */
	for (size_t i = 1; i < 40000; i++)
		cr_assert_eq(longs_push(&v, *longs_first(&v)), 0);
	for (size_t i = 0; i < 20; i++)
		cr_assert_eq(longs_insert(&v, 0, *longs_last(&v)), 0);
	for (size_t i = 0; i < longs_len(&v); i++)
		cr_assert_eq(*longs_at(&v, i), 7);
	longs_free(&v);
}

Test(vec, takes_a_range_of_its_own_that_the_insertion_splits)
{
	struct longs v = counted(6);

	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	cr_assert_eq(longs_insert_n(&v, 3, longs_at(&v, 1), 4), 0);
	cr_assert_str_eq(text(&v), "0 1 2 1 2 3 4 3 4 5 ");
	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	cr_assert_eq(longs_push_n(&v, longs_data(&v), 2), 0);
	cr_assert_eq(longs_extend_from_within(&v, 9, 1), 0);
	cr_assert_str_eq(text(&v), "0 1 2 1 2 3 4 3 4 5 0 1 5 ");
	longs_free(&v);
}

Test(vec, appends_in_batches)
{
	struct longs v = counted(2), w = counted(2);
	struct longs_writer out;
	long *x;

	cr_assert_eq(longs_reserve(&v, 1000), 0);
	x = longs_spare(&v).ptr;
	cr_assert_geq(longs_spare(&v).len, 1000);
	for (long i = 0; i < 1000; i++)
		x[i] = i + 2;
	cr_assert_eq(longs_commit(&v, 1000), 0);
	cr_assert_eq(longs_emplace(&v, &x), 0);
	*x = 1002;
	out = longs_write_begin(&v);
	for (long i = 1003; i < 30000; i++)
		cr_assert_eq(longs_write(&out, i), 0);
	longs_write_end(&out);
	cr_assert_eq(longs_append(&w, &v), 0);
	cr_assert(longs_is_empty(&v) && longs_capacity(&v) >= 30000);
	cr_assert_eq(longs_len(&w), 30002);
	for (size_t i = 2; i < longs_len(&w); i++)
		cr_assert_eq(*longs_at(&w, i), (long)i - 2);
	cr_assert_eq(longs_append(&w, &w), -EINVAL);
	cr_assert_eq(longs_extend_from_slice(&v, longs_as_cslice(&w)), 0);
	cr_assert(longs_eq(&v, &w));
	longs_free(&v);
	longs_free(&w);
}

Test(vec, resizes_with_copies_of_an_element)
{
	struct longs v = counted(2);

	cr_assert_eq(longs_resize(&v, 20000, 9), 0);
	for (size_t i = 2; i < 20000; i++)
		cr_assert_eq(*longs_at(&v, i), 9);
	cr_assert_eq(longs_resize(&v, 3, 1), 0);
	cr_assert_str_eq(text(&v), "0 1 9 ");
	longs_free(&v);
}

static bool
is_even(const long *x, void *calls)
{
	++*(int *)calls;
	return *x % 2 == 0;
}

static bool
same_tens(const long *a, const long *b, void *unused)
{
	(void)unused;
	return *a / 10 == *b / 10;
}

Test(vec, retains_and_removes_duplicates)
{
	struct longs v = counted(10);
	const long more[] = { 8, 8, 15, 12, 27, 21, 15 };
	int calls = 0;

	longs_retain(&v, is_even, &calls);
	cr_assert_eq(calls, 10);
	cr_assert_eq(longs_push_n(&v, more, 7), 0);
	longs_dedup(&v);
	cr_assert_str_eq(text(&v), "0 2 4 6 8 15 12 27 21 15 ");
	longs_dedup_by(&v, same_tens, NULL);
	cr_assert_str_eq(text(&v), "0 15 27 15 ");
	longs_free(&v);
}

Test(vec, splits_off_its_tail)
{
	struct longs v = counted(5), w = {0};

	cr_assert_eq(longs_split_off(&v, 3, &w), 0);
	cr_assert_str_eq(text(&v), "0 1 2 ");
	cr_assert_str_eq(text(&w), "3 4 ");
	cr_assert_eq(longs_split_off(&v, 0, &w), -EBUSY);
	longs_truncate(&v, 1);
	longs_truncate(&v, 7);
	cr_assert_str_eq(text(&v), "0 ");
	longs_free(&v);
	longs_free(&w);
}

static int
descending(const long *a, const long *b, void *calls)
{
	++*(size_t *)calls;
	return PAGED_VEC_DESCENDING(a, b);
}

Test(vec, sorts_and_searches)
{
	struct longs v = {0};
	size_t i, calls = 0;

	for (long k = 0; k < 100000; k++)
		cr_assert_eq(longs_push(&v, k * 7919 % 100003 / 2 * 2), 0);
	cr_assert_not(longs_is_sorted(&v));
	cr_assert_eq(longs_sort(&v), 0);
	cr_assert(longs_is_sorted(&v));
	for (size_t k = 1; k < longs_len(&v); k++)
		cr_assert_leq(*longs_at(&v, k - 1), *longs_at(&v, k));
	cr_assert(longs_binary_search(&v, 5000, &i));
	cr_assert(*longs_get(&v, i) == 5000 && *longs_get(&v, i - 1) < 5000);
	cr_assert_not(longs_binary_search(&v, 5001, &i));
	cr_assert(*longs_get(&v, i) == 5002 && *longs_get(&v, i - 1) == 5000);
	cr_assert_eq(longs_lower_bound(&v, -1), 0);
	cr_assert_eq(longs_lower_bound(&v, 1000000), longs_len(&v));
	cr_assert_eq(longs_sort_by(&v, descending, &calls), 0);
	cr_assert_gt(calls, 100000);
	cr_assert_geq(*longs_first(&v), *longs_last(&v));
	/* What is in order already costs one pass. */
	calls = 0;
	cr_assert_eq(longs_sort_by(&v, descending, &calls), 0);
	cr_assert_lt(calls, 300000);
	longs_free(&v);
}

Test(vec, compares_like_words)
{
	struct longs v = counted(3), w = {0};
	size_t i = 77;

	cr_assert_eq(longs_clone(&v, &w), 0);
	cr_assert(longs_eq(&v, &w) && longs_cmp(&v, &w) == 0);
	*longs_at(&w, 1) = 5;
	cr_assert(!longs_eq(&v, &w) && longs_cmp(&v, &w) < 0 && longs_cmp(&w, &v) > 0);
	longs_truncate(&w, 1);
	cr_assert(!longs_eq(&v, &w) && longs_cmp(&v, &w) > 0);
	cr_assert(longs_find(&v, 2, &i) && i == 2);
	cr_assert(!longs_find(&v, 3, &i) && i == 2);
	cr_assert_eq(longs_clone(&v, &w), -EBUSY);
	longs_free(&v);
	longs_free(&w);
}

Test(vec, holds_pointers_to_const)
{
	struct words v = {0};
	size_t i;

	cr_assert_eq(words_push(&v, "two"), 0);
	cr_assert_eq(words_push(&v, "one"), 0);
	cr_assert_eq(words_sort(&v), 0);
	cr_assert_str_eq(*words_first(&v), "one");
	cr_assert(words_binary_search(&v, "two", &i) && i == 1);
	words_free(&v);
}

Test(vec, aligns_elements_that_want_a_page)
{
	struct wides v = {0};
	struct wide *x = NULL;

	for (unsigned char i = 0; i < 20; i++) {
		cr_assert_eq(wides_emplace(&v, &x), 0);
		memset(x, i, sizeof(*x));
		cr_assert_eq((uintptr_t)wides_data(&v) % 4096, 0);
	}
	for (unsigned char i = 0; i < 20; i++)
		cr_assert(wides_at(&v, i)->bytes[0] == i && wides_at(&v, i)->bytes[8191] == i);
	wides_free(&v);
}

Test(vec, is_walked_by_pointer_and_by_slice)
{
	struct longs v = counted(10);
	struct longs_slice s;
	long sum = 0;

	PAGED_VEC_EACH(longs, x, &v)
		sum += *x;
	for (long *x = longs_begin(&v); x != longs_end(&v); x++)
		sum += *x;
	cr_assert_eq(longs_slice_of(&v, 8, 2, &s), 0);
	cr_assert(s.len == 2 && s.ptr[0] == 8);
	s = longs_as_slice(&v);
	for (size_t i = 0; i < s.len; i++)
		sum += s.ptr[i];
	cr_assert_eq(sum, 135);
	longs_free(&v);
}

Test(vec, is_taken_with_all_that_it_has)
{
	struct longs v = counted(50000), w;
	const long *place = longs_cdata(&v);

	w = longs_take(&v);
	cr_assert(longs_is_empty(&v) && longs_capacity(&v) == 0);
	cr_assert(longs_cdata(&w) == place && longs_len(&w) == 50000);
	longs_free(&v);
	longs_free(&w);
}

Test(vec, opens_only_what_is_empty_and_makes_sense)
{
	struct longs v = {0};
	struct paged_vec_options small = { .capacity = 100 };
	struct paged_vec_options odd[] = {
		{ .reserve = 10, .capacity = 11 },
		{ .reserve = 10, .shared = true },
		{ .huge = PAGES_HUGE_2M },
		{ .huge = (enum pages_huge)77 },
	};

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		cr_assert_eq(longs_open(&v, &odd[i]), -EINVAL);
	cr_assert_eq(longs_open(&v, &small), 0);
	cr_assert_geq(longs_capacity(&v), 100);
	cr_assert_eq(longs_open(&v, &small), -EBUSY);
	longs_free(&v);
}

/* Elements of the usual sizes are moved by instructions of their own. */
Test(vec, sorts_elements_of_4_and_of_16_bytes)
{
	struct ints v = {0};
	struct pairs w = {0};

	for (int i = 0; i < 10000; i++) {
		cr_assert_eq(ints_push(&v, i * 7919 % 10007), 0);
		cr_assert_eq(pairs_push(&w, (struct pair){ i * 7919 % 101, i }), 0);
	}
	cr_assert_eq(ints_sort(&v), 0);
	cr_assert_eq(pairs_sort(&w), 0);
	for (size_t i = 1; i < 10000; i++) {
		const struct pair *a = pairs_at(&w, i - 1), *b = pairs_at(&w, i);

		cr_assert_lt(*ints_at(&v, i - 1), *ints_at(&v, i));
		cr_assert(a->key < b->key || (a->key == b->key && a->value < b->value));
		cr_assert_eq(b->key, b->value * 7919 % 101);
	}
	ints_free(&v);
	pairs_free(&w);
}
