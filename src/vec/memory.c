/* SPDX-License-Identifier: MIT */
/*
 * memory.c - what vectors can do because they are pages: drop memory, fault it in, and turn
 * into read-only or frozen pages and back
 */
#include "vec.h"

#include <string.h>

int
paged_vec_resize_zeroed_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t n)
{
	size_t page, from, dirty;
	bool grows;
	int err = paged_vec_fit(v, t, n, &grows);

	if (err != 0 || !grows)
		return err;
	from = paged_vec_bytes_(v);
	dirty = n * t->size;
	if (paged_vec_in_pages(v))
		dirty = pages_min(pages_max(v->written_, from), dirty);
	page = pages_page_size(&v->pages_);
	/*
	 * From from to dirty there may be old data.  A short range is cleared by memset.  From
	 * 64 KiB on it is decommitted instead, up to the end of its last page, which is spare
	 * capacity; then only the part before the first page boundary is left to clear.
	 */
	if (dirty - from >= PAGED_VEC_PAGES_FROM) {
		size_t first = pages_round_up(from, page), last = pages_round_up(dirty, page);

		err = pages_decommit(&v->pages_, first, last - first);
		if (err == 0)
			dirty = first;
	}
	memset(v->end_, 0, dirty - from);
	v->end_ = paged_vec_slot(v, t, n);
	return 0;
}

int
paged_vec_clear_decommit_(struct paged_vec_ *v, const struct paged_vec_type_ *t)
{
	int err;

	paged_vec_truncate_(v, t, 0);
	if (!paged_vec_in_pages(v))
		return 0;
	err = pages_decommit(&v->pages_, 0, pages_len(&v->pages_));
	if (err == 0)
		v->written_ = 0;
	return err;
}

int
paged_vec_decommit_spare_(struct paged_vec_ *v)
{
	size_t used = paged_vec_bytes_(v), kept;
	int err;

	paged_vec_expect_whole(v);
	if (!paged_vec_in_pages(v))
		return 0;
	kept = pages_round_up(used, pages_page_size(&v->pages_));
	err = pages_decommit(&v->pages_, kept, pages_len(&v->pages_) - kept);
	if (err == 0)
		v->written_ = pages_min(pages_max(v->written_, used), kept);
	return err;
}

int
paged_vec_prefault_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t n)
{
	int err = paged_vec_reserve_(v, t, n);

	if (err != 0 || n == 0)
		return err;
	if (paged_vec_in_pages(v))
		return pages_prefault(&v->pages_, paged_vec_bytes_(v), n * t->size);
	memset(v->end_, 0, n * t->size);
	return 0;
}

int
paged_vec_advise_(struct paged_vec_ *v, enum pages_hint hint)
{
	int err;

	if (!paged_vec_in_pages(v))
		return -EOPNOTSUPP;
	v->options_ &= ~(unsigned)PAGED_VEC_ORDINARY_;
	err = pages_advise(&v->pages_, hint);
	if (err == 0 && (hint == PAGES_HINT_HUGE || hint == PAGES_HINT_NO_HUGE))
		v->options_ |= PAGED_VEC_HUGE_SETTLED_;
	return err;
}

int
paged_vec_resident_(const struct paged_vec_ *v, struct pages_range *range)
{
	return paged_vec_in_pages(v) ? pages_resident(&v->pages_, range) : -EOPNOTSUPP;
}

/* Hand-over: a vector becomes pages, or pages become a vector. -------------- */

/* Elements in malloc's memory are copied to pages first; they are less than 64 KiB. */
int
paged_vec_freeze_(struct paged_vec_ *v, const struct paged_vec_type_ *t, struct pages_ro *to,
		  size_t *n)
{
	int err = paged_vec_into_pages(v, t);

	if (err == 0)
		err = pages_to_ro(&v->pages_, to);
	if (err != 0)
		return err;
	pages_serial_renew(&to->p_.serial_, PAGED_VEC_CALL);
	*n = paged_vec_len(v, t);
	paged_vec_forget_(v);
	return 0;
}

int
paged_vec_thaw_(struct pages_ro *from, size_t n, const struct paged_vec_type_ *t,
		struct paged_vec_ *v)
{
	int err;

	if (v->beg_ != NULL)
		return -EBUSY;
	if (n > pages_len(from) / t->size)
		return -ERANGE;
	err = pages_to_rw(from, &v->pages_);
	if (err != 0)
		return err;
	pages_serial_renew(&v->pages_.p_.serial_, PAGED_VEC_CALL);
	paged_vec_adopt(v, t, n * t->size);
	return 0;
}

int
paged_vec_snapshot_(struct paged_vec_ *v, const struct paged_vec_type_ *t,
		    struct pages_frozen *to, size_t *n)
{
	int err = paged_vec_into_pages(v, t);

	if (err == 0)
		err = pages_freeze(&v->pages_, to);
	if (err != 0)
		return err;
	*n = paged_vec_len(v, t);
	paged_vec_forget_(v);
	return 0;
}

int
paged_vec_clone_cow_(const struct pages_frozen *from, size_t n, const struct paged_vec_type_ *t,
		     struct paged_vec_ *v)
{
	struct pages_options o = {0};
	int err;

	if (v->beg_ != NULL)
		return -EBUSY;
	if (n > pages_len(from) / t->size)
		return -ERANGE;
	o.len = pages_max(n * t->size, 1);
	o.reserve = o.len * PAGED_VEC_ROOM;
	err = pages_clone_with(from, &v->pages_, &o);
	if (err == -ENOMEM) {	/* address space is short: do without room to grow */
		o.reserve = 0;
		err = pages_clone_with(from, &v->pages_, &o);
	}
	if (err == 0)
		paged_vec_adopt(v, t, n * t->size);
	return err;
}
