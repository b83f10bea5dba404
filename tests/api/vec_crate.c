/* SPDX-License-Identifier: MIT */
/*
 * vec_crate.c - the memory errors of the Rust crate memory_pages, one a test
 *
 * Each program does here what wrote out of bounds, or freed twice, with PagedVec of
 * memory_pages 0.1.0.
 */
#include <pages/paged_vec.h>

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct triple {
	long a, b, c;
};
struct block {
	char bytes[8192];
};

static void
drop_text(char **x)
{
	free(*x);
}

PAGED_VEC(longs, long);
PAGED_VEC(triples, struct triple);
PAGED_VEC(blocks, struct block);
PAGED_VEC_OWNING(texts, char *, drop_text, PAGED_VEC_NO_CLONE);

/* with_capacity(n): n * size wrapped, and too little was mapped. */
Test(vec_crate, a_capacity_that_overflows_is_refused)
{
	struct paged_vec_options o = { .capacity = SIZE_MAX / sizeof(long) + 3 };
	struct longs v = {0};

	cr_assert_eq(longs_open(&v, &o), -EOVERFLOW);
	cr_assert_eq(longs_capacity(&v), 0);
	cr_assert_eq(longs_push(&v, 1), 0);
	longs_free(&v);
}

/* push: the last element began within the pages and ended beyond them. */
Test(vec_crate, elements_that_do_not_divide_the_page_stay_within)
{
	struct paged_vec_options o = { .capacity = 170, .label = "in pages" };
	struct triples v = {0};
	struct triple t = { 1, 2, 3 };

	cr_assert_eq(triples_open(&v, &o), 0);
	for (size_t i = 0; i < 100000; i++) {
		cr_assert_eq(triples_push(&v, t), 0);
		cr_assert_leq(triples_len(&v), triples_capacity(&v));
	}
	cr_assert_eq(triples_at(&v, 99999)->c, 3);
	triples_free(&v);
}

/* push: an element larger than the pages there were went into a capacity of 0. */
Test(vec_crate, elements_larger_than_a_page_have_room)
{
	static struct block b;
	struct blocks v = {0};

	memset(&b, 7, sizeof(b));
	for (size_t i = 0; i < 100; i++)
		cr_assert_eq(blocks_push(&v, b), 0);
	cr_assert_eq(memcmp(blocks_at(&v, 99), &b, sizeof(b)), 0);
	blocks_free(&v);
}

/* push_within_capacity dropped what was in the slot before. */
Test(vec_crate, a_slot_that_was_popped_is_not_dropped_again)
{
	struct texts v = {0};
	char *x;

	for (int i = 0; i < 4; i++)
		cr_assert_eq(texts_push(&v, strdup("text")), 0);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(texts_pop(&v, &x), 0);
		free(x);
	}
	for (int i = 0; i < 4; i++)
		cr_assert_eq(texts_push_within_capacity(&v, strdup("text")), 0);
	while (texts_len(&v) < texts_capacity(&v))
		cr_assert_eq(texts_push_within_capacity(&v, strdup("text")), 0);
	x = strdup("one too many");
	cr_assert_eq(texts_push_within_capacity(&v, x), -ERANGE);
	free(x);
	texts_free(&v);
}

/* remove(i) did not look at the length. */
Test(vec_crate, removing_what_is_not_there_is_an_error)
{
	struct longs v = {0};
	long x;

	cr_assert_eq(longs_remove(&v, 0, &x), -ERANGE);
	cr_assert_eq(longs_push(&v, 1), 0);
	cr_assert_eq(longs_remove(&v, 5, &x), -ERANGE);
	cr_assert_eq(longs_len(&v), 1);
	longs_free(&v);
}

/* reserve_exact: n * size wrapped, and the vector shrank under its elements. */
Test(vec_crate, a_reservation_never_shrinks)
{
	struct longs v = {0};

	cr_assert_eq(longs_resize(&v, 1000, 7), 0);
	cr_assert_eq(longs_reserve_exact(&v, ((size_t)1 << 61) - 999), -EOVERFLOW);
	cr_assert_eq(longs_reserve(&v, ((size_t)1 << 61) - 999), -EOVERFLOW);
	cr_assert_geq(longs_capacity(&v), 1000);
	cr_assert_eq(*longs_at(&v, 999), 7);
	longs_free(&v);
}

/* advise_use_soon(n) made n the capacity if it was less. */
Test(vec_crate, a_hint_of_use_never_shrinks)
{
	struct longs v = {0};
	size_t capacity;

	cr_assert_eq(longs_reserve(&v, 1 << 20), 0);
	cr_assert_eq(longs_resize(&v, 500, 7), 0);
	capacity = longs_capacity(&v);
	cr_assert_eq(longs_prefault(&v, 12), 0);
	cr_assert_eq(longs_capacity(&v), capacity);
	cr_assert_eq(longs_resize(&v, 1 << 20, 8), 0);
	cr_assert_eq(*longs_at(&v, 499), 7);
	longs_free(&v);
}
