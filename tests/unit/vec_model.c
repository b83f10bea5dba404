/* SPDX-License-Identifier: MIT */
/*
 * vec_model.c - random operations on a vector and on a plain array
 *
 * After each the two have the same contents and the vector is valid, whatever the
 * size of the elements, in both modes, and when memory is refused at any point: then
 * nothing has changed.
 */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/faults.h"
#include "vec_model.h"

/* Operations: 0, or the error, and then the model is as it was. */

static int
do_push(struct trial *x)
{
	const char *e = element(x);
	int err = paged_vec_insert_(&x->v, &x->t, x->len, e);

	if (err == 0)
		insert(x, x->len, e, 1);
	return err;
}

static int
do_insert(struct trial *x)
{
	size_t i = below(x, x->len + 1);
	const char *e = element(x);
	int err = paged_vec_insert_(&x->v, &x->t, i, e);

	if (err == 0)
		insert(x, i, e, 1);
	return err;
}

/* Of its own elements: the model says which, the vector's may move meanwhile. */
static int
do_insert_own(struct trial *x)
{
	size_t n = below(x, pages_min(x->len, room(x)) + 1), i = below(x, x->len + 1);
	size_t from = below(x, x->len - n + 1);
	int err = paged_vec_insert_n_(&x->v, &x->t, i,
				      x->v.beg_ ? paged_vec_slot(&x->v, &x->t, from) : NULL, n);

	if (err == 0 && n != 0)
		insert(x, i, at(x, from), n);
	return err;
}

static int
do_repeat(struct trial *x)
{
	size_t n = below(x, pages_min(x->len, room(x)) + 1), from = below(x, x->len - n + 1);
	int err = paged_vec_repeat_(&x->v, &x->t, from, n);

	if (err == 0)
		insert(x, x->len, at(x, from), n);
	return err;
}

static int
do_resize(struct trial *x)
{
	size_t n = below(x, x->most + 1);
	const char *e = element(x);
	int err = paged_vec_resize_(&x->v, &x->t, n, e);

	if (err == 0) {
		for (size_t i = x->len; i < n; i++)
			memcpy(at(x, i), e, x->t.size);
		x->len = n;
	}
	return err;
}

static int
do_resize_zeroed(struct trial *x)
{
	size_t n = below(x, x->most + 1);
	int err = paged_vec_resize_zeroed_(&x->v, &x->t, n);

	if (err == 0) {
		if (n > x->len)
			memset(at(x, x->len), 0, (n - x->len) * x->t.size);
		x->len = n;
	}
	return err;
}

static int
do_drain(struct trial *x)
{
	size_t i = below(x, x->len + 1), n = below(x, x->len - i + 1);
	char *to = below(x, 2) ? malloc(n * x->t.size + 1) : NULL;
	int err = paged_vec_drain_(&x->v, &x->t, i, n, to);

	cr_assert_eq(err, 0);
	cr_assert(to == NULL || memcmp(to, at(x, i), n * x->t.size) == 0);
	cut(x, i, n);
	free(to);
	return 0;
}

static int
do_swap_remove(struct trial *x)
{
	size_t i = below(x, x->len);
	int err = paged_vec_swap_remove_(&x->v, &x->t, i, NULL);

	if (x->len == 0) {
		cr_assert_eq(err, -ERANGE);
		return 0;
	}
	memmove(at(x, i), at(x, x->len - 1), x->t.size);
	x->len--;
	return err;
}

static int
do_truncate(struct trial *x)
{
	size_t n = below(x, x->len + 3);

	paged_vec_truncate_(&x->v, &x->t, n);
	x->len = pages_min(x->len, n);
	return 0;
}

/* Keep what begins with an odd byte. */
static bool
is_odd(const void *e, void *calls)
{
	++*(size_t *)calls;
	return *(const char *)e & 1;
}

static int
do_retain(struct trial *x)
{
	size_t calls = 0, len = x->len;

	paged_vec_retain_(&x->v, &x->t, x->t.size, is_odd, &calls);
	cr_assert_eq(calls, len);
	x->len = 0;
	for (size_t i = 0; i < len; i++)
		if (*at(x, i) & 1)
			memmove(at(x, x->len++), at(x, i), x->t.size);
	return 0;
}

static int
order(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static int
do_dedup(struct trial *x)
{
	size_t len = x->len;

	paged_vec_dedup_(&x->v, &x->t, x->t.size, order, &x->t.size);
	x->len = 0;
	for (size_t i = 0; i < len; i++)
		if (x->len == 0 || memcmp(at(x, i), at(x, x->len - 1), x->t.size) != 0)
			memmove(at(x, x->len++), at(x, i), x->t.size);
	return 0;
}

/* By the last byte only: equal ones must keep their order. */
static int
order_last(const void *a, const void *b, void *size)
{
	size_t last = *(size_t *)size - 1;

	return ((const char *)a)[last] - ((const char *)b)[last];
}

static int
do_sort(struct trial *x)
{
	int err = paged_vec_sort_(&x->v, &x->t, x->t.size, order_last, &x->t.size);
	size_t n = 0;
	char *sorted;

	if (err != 0)
		return err;
	sorted = malloc(x->len * x->t.size + 1);
	for (int key = 0; key < 3; key++)	/* all that elements end with */
		for (size_t i = 0; i < x->len; i++)
			if ((unsigned char)at(x, i)[x->t.size - 1] == key)
				memcpy(sorted + n++ * x->t.size, at(x, i), x->t.size);
	memcpy(x->model, sorted, x->len * x->t.size);
	free(sorted);
	return 0;
}

static int
do_reserve(struct trial *x)
{
	size_t n = below(x, room(x) + 1);

	return below(x, 2) ? paged_vec_reserve_(&x->v, &x->t, n)
			   : paged_vec_reserve_exact_(&x->v, &x->t, n);
}

static int
do_shrink(struct trial *x)
{
	return paged_vec_shrink_(&x->v, &x->t, below(x, x->most));
}

static int
do_clear_decommit(struct trial *x)
{
	int err = paged_vec_clear_decommit_(&x->v, &x->t);

	x->len = 0;
	return err;
}

static int
do_decommit_spare(struct trial *x)
{
	return paged_vec_decommit_spare_(&x->v);
}

static int
do_prefault(struct trial *x)
{
	return paged_vec_prefault_(&x->v, &x->t, below(x, room(x) + 1));
}

/* What others have written to the spare capacity must never show. */
static int
do_scribble(struct trial *x)
{
	size_t n = paged_vec_spare_(&x->v);
	void *spare = paged_vec_lend_spare_(&x->v);

	if (n != 0)
		memset(spare, 0x5a, pages_min(n, KIB(200)));
	return 0;
}

/* Off with the tail, and back again. */
static int
do_split_and_append(struct trial *x)
{
	struct paged_vec_ tail = {0};
	size_t i = below(x, x->len + 1);
	int err = paged_vec_split_off_(&x->v, &x->t, i, &tail);

	if (err != 0)
		return err;
	cr_assert_eq(paged_vec_len(&x->v, &x->t), i);
	cr_assert(paged_vec_is_valid(&tail, &x->t));
	faults_in = 0;
	cr_assert_eq(paged_vec_append_(&x->v, &x->t, &tail), 0);
	cr_assert_eq(paged_vec_bytes_(&tail), 0);
	paged_vec_free_(&tail, &x->t);
	return 0;
}

static int
do_clone(struct trial *x)
{
	struct paged_vec_ w = {0};
	int err = paged_vec_clone_(&x->v, &x->t, &w);

	cr_assert(paged_vec_is_valid(&w, &x->t));
	if (err == 0) {
		paged_vec_free_(&x->v, &x->t);
		x->v = w;
	} else {
		paged_vec_free_(&w, &x->t);
	}
	return err;
}

static int
do_freeze_and_thaw(struct trial *x)
{
	struct pages_ro ro = {0};
	size_t n;
	int err = paged_vec_freeze_(&x->v, &x->t, &ro, &n);

	if (err != 0)
		return err;
	cr_assert_eq(n, x->len);
	cr_assert_eq(memcmp(pages_read(&ro), x->model, x->len * x->t.size), 0);
	faults_in = 0;
	cr_assert_eq(paged_vec_thaw_(&ro, n, &x->t, &x->v), 0);
	return 0;
}

/* From now on it is one of two clones, the other of which must not change. */
static int
do_clone_cow(struct trial *x)
{
	struct pages_frozen frozen = {0};
	size_t n;
	int err = paged_vec_snapshot_(&x->v, &x->t, &frozen, &n);

	if (err != 0)
		return err;
	cr_assert_eq(n, x->len);
	faults_in = 0;
	cr_assert_eq(paged_vec_clone_cow_(&frozen, n, &x->t, &x->v), 0);
	pages_close(&frozen);
	return 0;
}

static int
do_save_and_load(struct trial *x)
{
	struct paged_vec_ w = {0};
	int fd = memfd_create("vector", 0);
	int err;

	cr_assert(fd >= 0);
	cr_assert_eq(paged_vec_save_(&x->v, fd), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	err = paged_vec_load_(&w, &x->t, fd);
	close(fd);
	if (err == 0) {
		paged_vec_free_(&x->v, &x->t);
		x->v = w;
	}
	return err;
}

static int (*const operations[])(struct trial *) = {
	do_push, do_push, do_insert, do_insert, do_insert_own, do_insert_own, do_repeat,
	do_resize, do_resize_zeroed, do_drain, do_swap_remove, do_truncate, do_retain,
	do_dedup, do_sort, do_reserve, do_shrink, do_clear_decommit, do_decommit_spare,
	do_prefault, do_scribble, do_scribble, do_split_and_append,
	/* These make an ordinary vector of a stable one. */
	do_clone, do_freeze_and_thaw, do_clone_cow, do_save_and_load,
};
enum { OPERATIONS = sizeof(operations) / sizeof(operations[0]), OF_STABLE = OPERATIONS - 4 };

static void
check(struct trial *x, size_t op, int err)
{
	cr_assert(paged_vec_is_valid(&x->v, &x->t), "operation %zu", op);
	cr_assert(err == 0 || x->faults, "operation %zu: %d", op, err);
	cr_assert_eq(paged_vec_len(&x->v, &x->t), x->len, "operation %zu", op);
	cr_assert(x->len == 0 || memcmp(x->v.beg_, x->model, x->len * x->t.size) == 0,
		  "operation %zu", op);
}

static void
run(struct trial *x, size_t rounds)
{
	const struct paged_vec_options o = { .reserve = x->reserve };
	const char *place;

	x->model = malloc((x->most + 1) * x->t.size);
	if (x->reserve != 0)
		cr_assert_eq(paged_vec_open_(&x->v, &x->t, &o), 0);
	place = x->v.beg_;
	for (size_t i = 0; i < rounds; i++) {
		size_t op = below(x, x->reserve != 0 ? OF_STABLE : OPERATIONS);
		int err;

		if (x->len == x->most)
			op = OF_STABLE - 14;	/* drain */
		faults_in = x->faults ? (unsigned)below(x, 6) : 0;
		errno = 77;
		err = operations[op](x);
		faults_in = 0;
		cr_assert_eq(errno, 77, "operation %zu", op);
		check(x, op, err);
		cr_assert(x->reserve == 0 || x->v.beg_ == place);
	}
	paged_vec_free_(&x->v, &x->t);
	free(x->model);
}

static const size_t sizes[] = { 1, 8, 24, 32, 4097, 8192 };

static void
run_all(bool stable, bool faults)
{
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t size = sizes[i];
		struct trial x = {
			.t = { .size = size, .align = size % 8 == 0 ? 8 : 1 },
			.most = KIB(400) / size,
			.state = 0x1234567 + i,
			.faults = faults,
		};

		if (size == 1)
			x.most = KIB(90);
		x.reserve = stable ? x.most : 0;
		run(&x, 1500);
	}
	cr_assert(!faults || faults_met > 100);
}

Test(vec_model, agrees_with_an_array) { run_all(false, false); }
Test(vec_model, agrees_with_an_array_in_stable_mode) { run_all(true, false); }
Test(vec_model, is_untouched_by_a_call_that_got_no_memory) { run_all(false, true); }
Test(vec_model, is_untouched_in_stable_mode_too) { run_all(true, true); }

Test(vec_model, agrees_with_an_array_across_the_start_of_huge_pages)
{
	struct trial x = {
		.t = { .size = 32, .align = 8 }, .most = MIB(9) / 32, .state = 99,
	};

	run(&x, 150);
}
