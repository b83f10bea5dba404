/* SPDX-License-Identifier: MIT */
/*
 * fuzz_vec.c - a vector does what bytes say, and a plain array beside it
 *
 * The first byte chooses the size of the elements and the mode; each following pair
 * is an operation and its argument.
 */
#include <pages/paged_vec.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vec/vec.h"

enum { MOST = 600, WIDEST = 8192 };

static const size_t sizes[] = { 1, 8, 24, 32, 4097, 8192 };

struct trial {
	struct paged_vec_ v;
	struct paged_vec_type_ t;
	size_t len;
	char *model;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool fine, const char *what)
{
	if (fine)
		return;
	fprintf(stderr, "fuzz_vec: %s\n", what);
	abort();
}

static void
insert(struct trial *x, size_t i, const char *from, size_t n)
{
	size_t size = x->t.size;

	memmove(x->model + (i + n) * size, x->model + i * size, (x->len - i) * size);
	memcpy(x->model + i * size, from, n * size);
	x->len += n;
}

static void
cut(struct trial *x, size_t i, size_t n)
{
	size_t size = x->t.size;

	memmove(x->model + i * size, x->model + (i + n) * size, (x->len - i - n) * size);
	x->len -= n;
}

/* One element, anywhere; and copies of some of its own. */
static void
add(struct trial *x, unsigned what, uint8_t arg)
{
	static char element[WIDEST], own[MOST * WIDEST];
	size_t i = arg % (x->len + 1), n = pages_min(x->len - i, MOST - x->len);

	if (what == 0 && x->len < MOST) {
		memset(element, arg, x->t.size);
		must(paged_vec_insert_(&x->v, &x->t, i, element) == 0, "insert");
		insert(x, i, element, 1);
	} else if (what == 1 && n != 0) {
		memcpy(own, x->model + i * x->t.size, n * x->t.size);
		must(paged_vec_insert_n_(&x->v, &x->t, x->len / 2,
					 paged_vec_slot(&x->v, &x->t, i), n) == 0, "insert_n");
		insert(x, x->len / 2, own, n);
	} else if (what == 2 && x->len + arg <= MOST) {
		must(paged_vec_resize_zeroed_(&x->v, &x->t, x->len + arg) == 0, "zeroed");
		memset(x->model + x->len * x->t.size, 0, arg * x->t.size);
		x->len += arg;
	}
}

static void
take(struct trial *x, unsigned what, uint8_t arg)
{
	size_t i = arg % (x->len + 1), n = (x->len - i) / 2;

	if (what == 0) {
		must(paged_vec_drain_(&x->v, &x->t, i, n, NULL) == 0, "drain");
		cut(x, i, n);
	} else if (what == 1) {
		int err = paged_vec_swap_remove_(&x->v, &x->t, i, NULL);

		must(err == (i < x->len ? 0 : -ERANGE), "swap_remove");
		if (err == 0) {
			memmove(x->model + i * x->t.size, x->model + (x->len - 1) * x->t.size,
				x->t.size);
			x->len--;
		}
	} else {
		paged_vec_truncate_(&x->v, &x->t, i);
		x->len = i;
	}
}

static void
room(struct trial *x, unsigned what, uint8_t arg)
{
	size_t n = pages_min(arg, MOST - x->len);

	if (what == 0)
		must(paged_vec_reserve_exact_(&x->v, &x->t, n) == 0, "reserve");
	else if (what == 1)
		must(paged_vec_shrink_(&x->v, &x->t, arg) == 0, "shrink");
	else if (what == 2)
		must(paged_vec_decommit_spare_(&x->v) == 0, "decommit_spare");
	else if (paged_vec_spare_(&x->v) != 0)
		memset(paged_vec_lend_spare_(&x->v), arg, paged_vec_spare_(&x->v));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trial x = {0};
	struct paged_vec_options stable = { .reserve = MOST };

	if (size == 0)
		return 0;
	x.t.size = sizes[data[0] % 6];
	x.t.align = 1;
	x.model = malloc(MOST * x.t.size);
	if (data[0] & 0x80)
		must(paged_vec_open_(&x.v, &x.t, &stable) == 0, "open");
	for (size_t i = 1; i + 1 < size && i < 400; i += 2) {
		unsigned group = data[i] & 3, what = data[i] >> 2 & 3;

		if (group <= 1)
			add(&x, what, data[i + 1]);
		else if (group == 2)
			take(&x, what, data[i + 1]);
		else
			room(&x, what, data[i + 1]);
		must(paged_vec_is_valid(&x.v, &x.t), "not valid");
		must(paged_vec_len(&x.v, &x.t) == x.len, "the length is wrong");
		must(x.len == 0 || memcmp(x.v.beg_, x.model, x.len * x.t.size) == 0,
		     "the contents are wrong");
	}
	paged_vec_free_(&x.v, &x.t);
	free(x.model);
	return 0;
}
