/* SPDX-License-Identifier: MIT */
/*
 * vec.c - the storage of a vector: malloc's memory or pages, growing, shrinking, freeing
 *
 * Fewer than 64 KiB of elements lie in a block of malloc.  More lie in a region of pages,
 * which grows by moving its page tables, without a copy.
 */
#include "vec.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

/* The first capacity, in bytes.  Less would save nothing, as malloc rounds up. */
#define FIRST ((size_t)64)

#define HUGE_ALIGN PAGES_MIB(2)

/* So far ahead of the end are cache lines fetched; best of 256 to 4096, and 8 % ahead of 1024. */
#define FETCH_AHEAD 2048

static size_t
capacity_bytes(const struct paged_vec_ *v)
{
	return paged_vec_bytes_(v) + paged_vec_spare_(v);
}

bool
paged_vec_is_valid(const struct paged_vec_ *v, const struct paged_vec_type_ *t)
{
	const char *beg = v->beg_, *end = v->end_, *lim = v->lim_;
	size_t len = pages_len(&v->pages_);

	if (beg == NULL)
		return end == NULL && lim == NULL && len == 0;
	if (beg > end || end > lim || (uintptr_t)beg % t->align != 0)
		return false;
	if ((size_t)(end - beg) % t->size != 0 || (size_t)(lim - beg) % t->size != 0)
		return false;
	if (len == 0)
		return v->reserve_ == 0 && (v->options_ & PAGED_VEC_PAGES_) == 0;
	if (v->reserve_ != 0 && len > v->reserve_)
		len = v->reserve_;
	return beg == pages_read(&v->pages_) && (size_t)(lim - beg) == len - len % t->size &&
	       v->written_ <= pages_len(&v->pages_);
}

/* Set the pointers: used bytes of elements at base, and a capacity of up to room bytes. */
static void
settle(struct paged_vec_ *v, const struct paged_vec_type_ *t, void *base, size_t used,
       size_t room)
{
	v->beg_ = base;
	v->end_ = (char *)base + used;
	v->lim_ = (char *)base + (room - room % t->size);
	v->ahead_ = paged_vec_in_pages(v) ? FETCH_AHEAD : 0;
}

/*
 * Set the pointers to the pages of the handle, and ask for huge pages if there is enough of
 * them.  A stable vector uses no more than its reserve, though the last page may have room.
 */
static void
settle_in_pages(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t used)
{
	size_t room = pages_len(&v->pages_);

	v->written_ = pages_min(v->written_, room);
	if (v->reserve_ != 0)
		room = pages_min(room, v->reserve_);
	settle(v, t, pages_write(&v->pages_), used, room);
	if (room < PAGED_VEC_HUGE_FROM || (v->options_ & PAGED_VEC_HUGE_SETTLED_) != 0)
		return;
	/* The vector works without huge pages, so an error is ignored. */
	(void)!pages_advise(&v->pages_, PAGES_HINT_HUGE);
	v->options_ |= PAGED_VEC_HUGE_SETTLED_;
}

/*
 * Free the storage, without touching the pointers.  Ordinary pages go to the cache in cache.c.
 *  Pages with options or hints of the caller do not: the next owner would get them.
 */
static void
release(struct paged_vec_ *v)
{
	int saved = errno;

	if (!paged_vec_in_pages(v))
		free(v->beg_);
	else if ((v->options_ & PAGED_VEC_ORDINARY_) != 0)
		paged_vec_keep(&v->pages_);
	else
		pages_close(&v->pages_);
	errno = saved;
}

/*
 * Open pages at a multiple of 2 MiB, even if there are few: when the vector gets huge pages
 * it need not move, and until then there is room to grow in place.  If address space is
 * short, open them anywhere.
 */
static int
open_pages(const struct pages_options *wishes, struct pages_rw *ret)
{
	struct pages_options o = *wishes;
	int err;

	if (!o.shared)
		o.align = HUGE_ALIGN;
	err = pages_open_with(ret, &o);
	if (err != -ENOMEM)
		return err;
	o.align = 0;
	return pages_open_with(ret, &o);
}

/* Move the elements to a new block of malloc; room is less than 64 KiB and not 0. */
static int
move_to_heap(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t room)
{
	size_t used = paged_vec_bytes_(v), align = pages_max(t->align, alignof(max_align_t));
	int saved = errno;
	void *base = aligned_alloc(align, pages_round_up(room, align));

	errno = saved;
	if (base == NULL)
		return -ENOMEM;
	if (used != 0)
		memcpy(base, v->beg_, used);
	release(v);
	v->options_ &= ~(unsigned)(PAGED_VEC_HUGE_SETTLED_ | PAGED_VEC_ORDINARY_);
	settle(v, t, base, used, room);
	return 0;
}

/*
 * Copy the elements to new pages, or to those in the cache.  Of the latter all bytes count
 * as written, because they are not zero.
 */
static int
move_to_pages(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t room)
{
	struct pages_options o = { .len = room };
	struct pages_rw pages = {0};
	size_t used = paged_vec_bytes_(v), written = used;
	int err = 0;

	if (room >= PAGED_VEC_PAGES_FROM && paged_vec_reuse(room, &pages))
		written = pages_len(&pages);
	else
		err = open_pages(&o, &pages);
	if (err != 0)
		return err;
	if (used != 0)
		memcpy(pages_write(&pages), v->beg_, used);
	release(v);
	v->pages_ = pages;
	v->written_ = written;
	v->options_ &= ~(unsigned)PAGED_VEC_HUGE_SETTLED_;
	v->options_ |= PAGED_VEC_ORDINARY_;
	settle_in_pages(v, t, used);
	return 0;
}

/*
 * Give the vector a capacity of room bytes, in the storage that fits.  Clones and pages of
 * files cannot grow beyond their reserve (-ERANGE); then they are copied to ordinary pages.
 */
static int
try_room(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t room)
{
	int err;

	if (room < PAGED_VEC_PAGES_FROM && (v->options_ & PAGED_VEC_PAGES_) == 0)
		return move_to_heap(v, t, room);
	if (!paged_vec_in_pages(v))
		return move_to_pages(v, t, room);
	err = pages_resize(&v->pages_, room);
	if (err == -ERANGE && v->reserve_ == 0)
		return move_to_pages(v, t, room);
	if (err == 0)
		settle_in_pages(v, t, paged_vec_bytes_(v));
	return err;
}

/* Set the capacity to room bytes: at least what is in use, and not 0. */
static int
set_room(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t room)
{
	int err = try_room(v, t, room);

	/* The pages that are kept may use the memory or address space that is missing. */
	if (err == -ENOMEM && paged_vec_flush_cache())
		err = try_room(v, t, room);
	return err;
}

/*
 * Round a big capacity up to whole huge pages.  A mapping that ends within a huge page gets
 * 512 small ones there, and growing the mapping later does not change that.
 */
static size_t
round_to_huge(size_t room)
{
	return room < PAGED_VEC_HUGE_FROM ? room : pages_round_up(room, HUGE_ALIGN);
}

/*
 * A capacity of room bytes was refused: half of what it has beyond need, or need.  Near a limit
 * a vector so takes half of the rest at each growth, and not a page.
 */
static size_t
less_room(size_t room, size_t need)
{
	size_t spare = (room - need) / 2;

	if (spare < PAGED_VEC_PAGES_FROM)
		return need;
	return spare < HUGE_ALIGN ? need + spare : pages_round_down(need + spare, HUGE_ALIGN);
}

/*
 * Make room for extra more elements.  Tries a capacity of at_least bytes first, then less, and
 * what is needed at last.
 */
static int
grow(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t extra, size_t at_least)
{
	size_t need, room;
	int err;

	paged_vec_expect_whole(v);
	if (extra <= paged_vec_spare_(v) / t->size)
		return 0;
	if (__builtin_add_overflow(paged_vec_len(v, t), extra, &need))
		return -EOVERFLOW;
	err = paged_vec_size_of(t, need, &need);
	if (err != 0)
		return err;
	if (v->reserve_ != 0 && need > v->reserve_)
		return -ERANGE;
	room = round_to_huge(pages_max(need, at_least));
	if (v->reserve_ != 0)
		room = pages_min(room, v->reserve_);
	err = set_room(v, t, room);
	while (err != 0 && room > need) {
		room = err == -ENOMEM ? less_room(room, need) : need;
		err = set_room(v, t, room);
	}
	assert(paged_vec_is_valid(v, t));
	return err;
}

int
paged_vec_reserve_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t extra)
{
	return grow(v, t, extra, pages_max(2 * capacity_bytes(v), FIRST));
}

int
paged_vec_reserve_exact_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t extra)
{
	return grow(v, t, extra, 0);
}

int
paged_vec_shrink_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t capacity)
{
	size_t n = pages_max(paged_vec_len(v, t), capacity);
	unsigned ordinary = v->options_ & PAGED_VEC_ORDINARY_;
	int err;

	paged_vec_expect_whole(v);
	if (n >= capacity_bytes(v) / t->size)
		return 0;
	v->options_ &= ~ordinary;	/* release() shall give the pages back, not keep them */
	if (n == 0 && (v->options_ & PAGED_VEC_PAGES_) == 0) {
		release(v);
		paged_vec_forget_(v);
		return 0;
	}
	/* settle_in_pages() lowers written_ to the new length: new pages will be zero. */
	err = set_room(v, t, pages_max(n * t->size, 1));
	if (paged_vec_in_pages(v))
		v->options_ |= ordinary;
	assert(paged_vec_is_valid(v, t));
	return err;
}

int
paged_vec_into_pages(struct paged_vec_ *v, const struct paged_vec_type_ *t)
{
	paged_vec_expect_whole(v);
	return paged_vec_in_pages(v) ? 0 : move_to_pages(v, t, pages_max(paged_vec_bytes_(v), 1));
}

void
paged_vec_adopt(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t bytes)
{
	v->written_ = pages_len(&v->pages_);
	settle_in_pages(v, t, bytes);
	assert(paged_vec_is_valid(v, t));
}

/* Open pages with the caller's options; reserve_ and options_ of *v are set already. */
static int
open_with(struct paged_vec_ *v, const struct paged_vec_type_ *t,
	  const struct paged_vec_options *options, size_t room)
{
	struct pages_options o = {
		.reserve = v->reserve_,
		.huge = options->huge,
		.shared = options->shared,
		.label = options->label,
	};
	int err;

	o.len = room;
	if (room == 0)
		o.len = v->reserve_ != 0 ? pages_min(v->reserve_, PAGED_VEC_PAGES_FROM)
					 : PAGED_VEC_PAGES_FROM;
	err = open_pages(&o, &v->pages_);
	if (err != 0)
		return err;
	settle_in_pages(v, t, 0);
	return 0;
}

int
paged_vec_open_(struct paged_vec_ *v, const struct paged_vec_type_ *t,
		const struct paged_vec_options *options)
{
	struct paged_vec_ w = {0};
	size_t room;
	int err;

	paged_vec_expect_whole(v);
	if (v->beg_ != NULL)
		return -EBUSY;
	if (options->huge != PAGES_HUGE_DEFAULT && options->huge != PAGES_HUGE_NEVER &&
	    options->huge != PAGES_HUGE_TRANSPARENT)
		return -EINVAL;
	if (options->reserve != 0 && (options->shared || options->capacity > options->reserve))
		return -EINVAL;
	err = paged_vec_size_of(t, options->capacity, &room);
	if (err == 0)
		err = paged_vec_size_of(t, options->reserve, &w.reserve_);
	if (err != 0)
		return err;
	if (options->huge != PAGES_HUGE_DEFAULT)
		w.options_ |= PAGED_VEC_HUGE_SETTLED_ | PAGED_VEC_PAGES_;
	if (options->reserve != 0 || options->shared || options->label != NULL)
		w.options_ |= PAGED_VEC_PAGES_;
	if ((w.options_ & PAGED_VEC_PAGES_) != 0)
		err = open_with(&w, t, options, room);
	else if (room != 0)
		err = set_room(&w, t, round_to_huge(room));
	if (err == 0)
		*v = w;
	assert(paged_vec_is_valid(v, t));
	return err;
}

void
paged_vec_drop(const struct paged_vec_type_ *t, char *from, size_t n)
{
	if (t->drop == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		t->drop(from + i * t->size);
}

void
paged_vec_truncate_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t n)
{
	size_t len = paged_vec_len(v, t);

	paged_vec_expect_whole(v);
	assert(paged_vec_is_valid(v, t));
	if (n >= len)
		return;
	paged_vec_drop(t, paged_vec_slot(v, t, n), len - n);
	paged_vec_set_bytes_(v, n * t->size);
}

int
paged_vec_fit(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t n, bool *ret_grows)
{
	size_t len = paged_vec_len(v, t);

	*ret_grows = n > len;
	if (n > len)
		return paged_vec_reserve_(v, t, n - len);
	paged_vec_truncate_(v, t, n);
	return 0;
}

void
paged_vec_free_(struct paged_vec_ *v, const struct paged_vec_type_ *t)
{
	paged_vec_expect_whole(v);
	assert(paged_vec_is_valid(v, t));
	/* Of a copy, the elements are somebody else's, too. */
	if (paged_vec_in_pages(v))
		pages_serial_expect(v->pages_.p_.serial_, PAGED_VEC_CALL);
	paged_vec_truncate_(v, t, 0);
	release(v);
	paged_vec_forget_(v);
}
