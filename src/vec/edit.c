/* SPDX-License-Identifier: MIT */
/*
 * edit.c - inserts, appends, removes and copies elements of a vector
 *
 * Elements are moved by copying their bytes.  An element is cloned (t->copy) only if both the
 * original and the copy stay, and dropped (t->drop) only if no caller gets it.
 */
#include "vec.h"

#include <string.h>

/* Clone n elements to uninitialised memory.  On failure none of the clones is left. */
static int
fill(const struct paged_vec_type_ *t, char *to, const char *from, size_t n)
{
	if (n == 0)
		return 0;
	if (t->copy == NULL) {
		memcpy(to, from, n * t->size);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		int err = t->copy(to + i * t->size, from + i * t->size);

		if (err != 0) {
			paged_vec_drop(t, to, i);
			return err;
		}
	}
	return 0;
}

/* Move the elements from i on up by n.  The hole is uninitialised; the caller has reserved. */
static char *
open_hole(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t i, size_t n)
{
	char *hole = paged_vec_slot(v, t, i);

	memmove(hole + n * t->size, hole, (size_t)((char *)v->end_ - hole));
	v->end_ = (char *)v->end_ + n * t->size;
	return hole;
}

static void
close_hole(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t i, size_t n)
{
	char *hole = paged_vec_slot(v, t, i), *rest = hole + n * t->size;
	size_t bytes = paged_vec_bytes_(v);

	memmove(hole, rest, (size_t)((char *)v->end_ - rest));
	paged_vec_set_bytes_(v, bytes - n * t->size);
}

int
paged_vec_insert_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t i,
		  const void *element)
{
	int err = i > paged_vec_len(v, t) ? -ERANGE : paged_vec_reserve_(v, t, 1);

	if (err == 0)
		memcpy(open_hole(v, t, i, 1), element, t->size);
	return err;
}

/*
 * The source may be elements of the same vector.  Growing may move them, and opening the hole
 * moves those after it.  So the source is found again by its offset, and may consist of two
 * parts: head elements before the hole, and the rest after it.
 */
int
paged_vec_insert_n_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t i,
		    const void *from, size_t n)
{
	size_t offset = (size_t)((uintptr_t)from - (uintptr_t)v->beg_), head = n, at;
	bool own = offset < paged_vec_bytes_(v);
	const char *first = from, *second;
	char *hole;
	int err;

	if (i > paged_vec_len(v, t))
		return -ERANGE;
	if (n == 0)
		return 0;
	err = paged_vec_reserve_(v, t, n);
	if (err != 0)
		return err;
	hole = open_hole(v, t, i, n);
	if (own) {
		at = i * t->size;
		head = offset < at ? pages_min((at - offset) / t->size, n) : 0;
		first = (char *)v->beg_ + offset;
	}
	second = first + head * t->size + (head < n ? n * t->size : 0);
	err = fill(t, hole, first, head);
	if (err == 0) {
		err = fill(t, hole + head * t->size, second, n - head);
		if (err != 0)
			paged_vec_drop(t, hole, head);
	}
	if (err != 0)
		close_hole(v, t, i, n);
	return err;
}

int
paged_vec_repeat_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t from, size_t n)
{
	int err = paged_vec_check_range_(v, from, n, t->size);

	if (err != 0 || n == 0)
		return err;
	return paged_vec_insert_n_(v, t, paged_vec_len(v, t), paged_vec_slot(v, t, from), n);
}

/* Move the elements from byte from on to the end of another vector, which has room. */
static void
hand_over(struct paged_vec_ *v, size_t from, struct paged_vec_ *to)
{
	size_t bytes = paged_vec_bytes_(v) - from;

	memcpy(to->end_, (char *)v->beg_ + from, bytes);
	to->end_ = (char *)to->end_ + bytes;
	paged_vec_set_bytes_(v, from);
}

int
paged_vec_append_(struct paged_vec_ *v, const struct paged_vec_type_ *t,
		  struct paged_vec_ *from)
{
	size_t n = paged_vec_len(from, t);
	int err;

	paged_vec_expect_whole(from);
	if (v == from)
		return -EINVAL;
	if (n == 0)
		return 0;
	err = paged_vec_reserve_(v, t, n);
	if (err == 0)
		hand_over(from, 0, v);
	return err;
}

int
paged_vec_split_off_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t i,
		     struct paged_vec_ *to)
{
	size_t len = paged_vec_len(v, t);
	int err;

	paged_vec_expect_whole(v);
	if (i > len)
		return -ERANGE;
	if (to->end_ != to->beg_)
		return -EBUSY;
	if (i == len)
		return 0;
	err = paged_vec_reserve_exact_(to, t, len - i);
	if (err == 0)
		hand_over(v, i * t->size, to);
	return err;
}

/*
 * Store n copies of plain data: copy the first element, and then what is there already.  The
 * pieces double up to 64 KiB, so that their source stays in the cache.
 */
static void
spread(const struct paged_vec_type_ *t, char *to, const void *element, size_t n)
{
	const size_t most = PAGES_KIB(64) / t->size + 1;

	memcpy(to, element, t->size);
	for (size_t done = 1, part; done < n; done += part) {
		part = pages_min(pages_min(done, most), n - done);
		memcpy(to + done * t->size, to, part * t->size);
	}
}

int
paged_vec_resize_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t n,
		  const void *element)
{
	size_t len = paged_vec_len(v, t);
	bool grows;
	int err = paged_vec_fit(v, t, n, &grows);

	if (err != 0 || !grows)
		return err;
	if (t->copy == NULL)
		spread(t, v->end_, element, n - len);
	for (size_t i = len; t->copy != NULL && i < n; i++) {
		err = t->copy(paged_vec_slot(v, t, i), element);
		if (err != 0) {
			paged_vec_drop(t, paged_vec_slot(v, t, len), i - len);
			return err;
		}
	}
	v->end_ = paged_vec_slot(v, t, n);
	return 0;
}

/* Hand n elements to the caller, or drop them if to is NULL. */
static void
take_out(const struct paged_vec_type_ *t, char *from, size_t n, void *to)
{
	if (to != NULL)
		memcpy(to, from, n * t->size);
	else
		paged_vec_drop(t, from, n);
}

int
paged_vec_drain_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t i, size_t n,
		 void *to)
{
	int err = paged_vec_check_range_(v, i, n, t->size);

	paged_vec_expect_whole(v);
	if (err != 0 || n == 0)
		return err;
	take_out(t, paged_vec_slot(v, t, i), n, to);
	close_hole(v, t, i, n);
	return 0;
}

int
paged_vec_swap_remove_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t i,
		       void *to)
{
	int err = paged_vec_check_range_(v, i, 1, t->size);
	char *gap, *last;

	paged_vec_expect_whole(v);
	if (err != 0)
		return err;
	gap = paged_vec_slot(v, t, i);
	last = (char *)v->end_ - t->size;
	take_out(t, gap, 1, to);
	if (gap != last)
		memcpy(gap, last, t->size);
	paged_vec_set_bytes_(v, paged_vec_bytes_(v) - t->size);
	return 0;
}

int
paged_vec_clone_(const struct paged_vec_ *v, const struct paged_vec_type_ *t,
		 struct paged_vec_ *to)
{
	size_t n = paged_vec_len(v, t);
	int err;

	paged_vec_expect_whole(v);
	if (to->end_ != to->beg_)
		return -EBUSY;
	if (n == 0)
		return 0;
	err = paged_vec_reserve_exact_(to, t, n);
	if (err == 0)
		err = fill(t, to->beg_, v->beg_, n);
	if (err == 0)
		to->end_ = paged_vec_slot(to, t, n);
	return err;
}
