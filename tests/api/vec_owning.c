/* SPDX-License-Identifier: MIT */
/*
 * vec_owning.c - elements that own something: each is dropped exactly once
 *
 * An element is the number of a slot in a table of owners.  Dropping one that is not
 * alive, or losing one, shows in the table.
 */
#include <pages/paged_vec.h>

#include <criterion/criterion.h>
#include <string.h>

enum { SLOTS = 4096 };

static bool alive[SLOTS];
static int made, left;		/* left: clones until one fails; -1: never */

static int
born(void)
{
	cr_assert_lt(made, SLOTS);
	alive[made] = true;
	return made++;
}

static void
drop(int *x)
{
	cr_assert(*x >= 0 && *x < made && alive[*x], "dropped twice, or never was: %d", *x);
	alive[*x] = false;
}

static int
clone(int *to, const int *from)
{
	cr_assert(alive[*from]);
	if (left == 0)
		return -EDQUOT;
	left -= left > 0;
	*to = born();
	return 0;
}

static size_t
living(void)
{
	size_t n = 0;

	for (int i = 0; i < made; i++)
		n += alive[i];
	return n;
}

PAGED_VEC_OWNING(owners, int, drop, clone);
PAGED_VEC_OWNING(unique, int, drop, PAGED_VEC_NO_CLONE);

static struct owners v;

static void
fill(size_t n)
{
	left = -1;
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(owners_push(&v, born()), 0);
}

/* Everybody in the vector is alive, and nobody else is. */
static void
check(size_t n)
{
	cr_assert_eq(owners_len(&v), n);
	for (size_t i = 0; i < n; i++)
		cr_assert(alive[*owners_at(&v, i)]);
	cr_assert_eq(living(), n);
}

static void
leave(void)
{
	owners_free(&v);
	cr_assert_eq(living(), 0);
}

TestSuite(vec_owning, .fini = leave);

Test(vec_owning, drops_what_is_removed_and_not_what_is_handed_over)
{
	int x[3];

	fill(20);
	cr_assert_eq(owners_pop(&v, x), 0);
	cr_assert(alive[x[0]]);
	drop(x);
	cr_assert_eq(owners_remove(&v, 3, NULL), 0);
	cr_assert_eq(owners_swap_remove(&v, 3, NULL), 0);
	cr_assert_eq(owners_swap_remove(&v, 16, NULL), 0);
	check(16);
	cr_assert_eq(owners_drain(&v, 2, 3, x), 0);
	for (int i = 0; i < 3; i++)
		drop(&x[i]);
	cr_assert_eq(owners_drain(&v, 2, 3, NULL), 0);
	check(10);
	owners_truncate(&v, 4);
	check(4);
	owners_clear(&v);
	check(0);
}

/* The crate dropped the stale value in the slot: a double free. */
Test(vec_owning, never_looks_at_slots_beyond_the_length)
{
	int x;

	fill(4);
	for (int i = 0; i < 4; i++) {
		cr_assert_eq(owners_pop(&v, &x), 0);
		drop(&x);
	}
	for (int i = 0; i < 4; i++)
		cr_assert_eq(owners_push_within_capacity(&v, born()), 0);
	check(4);
	cr_assert_eq(owners_clear_decommit(&v), 0);
	check(0);
}

static bool
every_third(const int *x, void *unused)
{
	(void)unused;
	return *x % 3 == 0;
}

static bool
same_dozen(const int *a, const int *b, void *unused)
{
	(void)unused;
	return *a / 12 == *b / 12;
}

Test(vec_owning, drops_what_is_not_retained)
{
	fill(60);
	owners_retain(&v, every_third, NULL);
	check(20);
	owners_dedup_by(&v, same_dozen, NULL);
	check(5);
}

Test(vec_owning, moves_elements_without_cloning_them)
{
	struct owners w = {0};

	fill(300);
	left = 0;
	cr_assert_eq(owners_insert(&v, 100, born()), 0);
	cr_assert_eq(owners_split_off(&v, 50, &w), 0);
	cr_assert_eq(owners_append(&v, &w), 0);
	cr_assert_eq(owners_shrink_to_fit(&v), 0);
	owners_free(&w);
	check(301);
}

Test(vec_owning, clones_where_there_have_to_be_two)
{
	struct owners w = {0};
	int x;

	fill(10);
	cr_assert_eq(owners_push_n(&v, owners_data(&v), 10), 0);
	cr_assert_eq(owners_insert_n(&v, 5, owners_data(&v), 10), 0);
	cr_assert_eq(owners_extend_from_within(&v, 0, 10), 0);
	check(40);
	x = born();
	cr_assert_eq(owners_resize(&v, 50, x), 0);
	drop(&x);
	check(50);
	cr_assert_eq(owners_clone(&v, &w), 0);
	cr_assert_eq(living(), 100);
	owners_free(&w);
	check(50);
}

/* At each point at which a clone can fail. */
Test(vec_owning, is_as_it_was_when_a_clone_fails_half_way)
{
	struct owners w = {0};
	int before[10], x;

	fill(10);
	memcpy(before, owners_data(&v), sizeof(before));
	x = born();
	for (int n = 0; n < 6; n++) {
		left = n;
		cr_assert_eq(owners_insert_n(&v, 3, owners_data(&v) + 1, 6), -EDQUOT);
		left = n;
		cr_assert_eq(owners_resize(&v, 16, x), -EDQUOT);
		left = n;
		cr_assert_eq(owners_clone(&v, &w), -EDQUOT);
		cr_assert(owners_is_empty(&w));
		cr_assert_eq(owners_len(&v), 10);
		cr_assert_arr_eq(before, owners_data(&v), sizeof(before));
		cr_assert_eq(living(), 11);
	}
	drop(&x);
	owners_free(&w);
	check(10);
}

Test(vec_owning, can_do_without_clones)
{
	struct unique u = {0}, w = {0};
	int x;

	left = -1;
	cr_assert_eq(unique_push(&u, born()), 0);
	cr_assert_eq(unique_push_n(&u, unique_data(&u), 1), -EOPNOTSUPP);
	cr_assert_eq(unique_clone(&u, &w), -EOPNOTSUPP);
	cr_assert_eq(unique_len(&u), 1);
	cr_assert_eq(unique_pop(&u, &x), 0);
	drop(&x);
	unique_free(&u);
	unique_free(&w);
}
