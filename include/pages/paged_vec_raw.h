/* SPDX-License-Identifier: MIT */
/*
 * paged_vec_raw.h - the untyped vector that the functions of PAGED_VEC() call;
 * included by paged_vec.h, not for direct use
 *
 * One implementation serves all element types.  A constant struct paged_vec_type_ for each
 * vector type tells it the size and the functions of the elements.
 *
 *	beg_              end_                lim_      beg_ + pages_len
 *	| elements in use | capacity in spare | a part of an element |
 *	|......... written_ bytes .........|  the rest reads as zero |
 *
 * Elements lie in a block of malloc while the capacity is less than 64 KiB, and else in
 * pages of their own.
 */
#ifndef PAGES_PAGED_VEC_RAW_H
#define PAGES_PAGED_VEC_RAW_H

#ifndef PAGES_PAGED_VEC_H
#error include <pages/paged_vec.h>
#endif

/* end_, lim_ and ahead_ come first, because push reads only these. */
struct paged_vec_ {
	void *end_ PAGES_EMPTY_;	/* beg_ + length */
	void *lim_ PAGES_EMPTY_;	/* beg_ + capacity: whole elements */
	unsigned ahead_ PAGES_EMPTY_;	/* see paged_vec_fetch_ahead_() */
	unsigned options_ PAGES_EMPTY_;	/* enum paged_vec_flag_ */
	void *beg_ PAGES_EMPTY_;
	size_t written_ PAGES_EMPTY_;	/* pages only: bytes that may be nonzero; or up to end_ */
	size_t reserve_ PAGES_EMPTY_;	/* bytes; not 0 in stable mode */
	struct pages_rw pages_ PAGES_EMPTY_;	/* empty while malloc's memory is in use */
};

enum paged_vec_flag_ {
	PAGED_VEC_PAGES_ = 1,		/* always in pages, never in malloc's memory */
	PAGED_VEC_HUGE_SETTLED_ = 2,	/* it is decided whether to use huge pages */
	PAGED_VEC_ORDINARY_ = 4,	/* pages without options or hints of the caller */
	PAGED_VEC_WRITING_ = 8,		/* a writer has the spare capacity, and lim_ is end_ */
};

typedef void paged_vec_drop_(void *element);
typedef int paged_vec_copy_(void *to, const void *from);
typedef int paged_vec_order_(const void *a, const void *b, void *context);
typedef bool paged_vec_test_(const void *element, void *context);

struct paged_vec_type_ {
	size_t size;
	size_t align;
	paged_vec_drop_ *drop;		/* NULL: nothing to do */
	paged_vec_copy_ *copy;		/* NULL: memcpy */
};

PAGES_BEGIN_C

/* Storage. */
PAGES_API PAGES_MUST_CHECK int paged_vec_open_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, const struct paged_vec_options *options);
PAGES_API void paged_vec_free_(struct paged_vec_ *v, const struct paged_vec_type_ *t);
PAGES_API PAGES_MUST_CHECK int paged_vec_reserve_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t extra) __attribute__((cold));
PAGES_API PAGES_MUST_CHECK int paged_vec_reserve_exact_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t extra);
PAGES_API PAGES_MUST_CHECK int paged_vec_shrink_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t capacity);

/* Elements. */
PAGES_API PAGES_MUST_CHECK int paged_vec_insert_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t i, const void *element);
PAGES_API PAGES_MUST_CHECK int paged_vec_insert_n_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t i, const void *from, size_t n);
PAGES_API PAGES_MUST_CHECK int paged_vec_repeat_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t from, size_t n);
PAGES_API PAGES_MUST_CHECK int paged_vec_append_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, struct paged_vec_ *from);
PAGES_API PAGES_MUST_CHECK int paged_vec_resize_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t n, const void *element);
PAGES_API PAGES_MUST_CHECK int paged_vec_resize_zeroed_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t n);
PAGES_API PAGES_MUST_CHECK int paged_vec_drain_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t i, size_t n, void *to);
PAGES_API PAGES_MUST_CHECK int paged_vec_swap_remove_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t i, void *to);
PAGES_API PAGES_MUST_CHECK int paged_vec_split_off_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t i, struct paged_vec_ *to);
PAGES_API void paged_vec_truncate_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t n);
PAGES_API PAGES_MUST_CHECK int paged_vec_clone_(const struct paged_vec_ *v,
	const struct paged_vec_type_ *t, struct paged_vec_ *to);

/* Order. */
PAGES_API int paged_vec_compare_(const struct paged_vec_ *a, const struct paged_vec_ *b,
	const struct paged_vec_type_ *t, paged_vec_order_ *order);

/* Memory. */
PAGES_API PAGES_MUST_CHECK int paged_vec_clear_decommit_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t);
PAGES_API PAGES_MUST_CHECK int paged_vec_decommit_spare_(struct paged_vec_ *v);
PAGES_API PAGES_MUST_CHECK int paged_vec_prefault_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, size_t n);
PAGES_API PAGES_MUST_CHECK int paged_vec_advise_(struct paged_vec_ *v, enum pages_hint hint);
PAGES_API PAGES_MUST_CHECK int paged_vec_resident_(const struct paged_vec_ *v,
	struct pages_range *range);

/* Hand-over. */
PAGES_API PAGES_MUST_CHECK int paged_vec_freeze_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, struct pages_ro *to, size_t *n);
PAGES_API PAGES_MUST_CHECK int paged_vec_thaw_(struct pages_ro *from, size_t n,
	const struct paged_vec_type_ *t, struct paged_vec_ *v);
PAGES_API PAGES_MUST_CHECK int paged_vec_snapshot_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, struct pages_frozen *to, size_t *n);
PAGES_API PAGES_MUST_CHECK int paged_vec_clone_cow_(const struct pages_frozen *from, size_t n,
	const struct paged_vec_type_ *t, struct paged_vec_ *v);
PAGES_API PAGES_MUST_CHECK int paged_vec_save_(const struct paged_vec_ *v, int fd);
PAGES_API PAGES_MUST_CHECK int paged_vec_load_(struct paged_vec_ *v,
	const struct paged_vec_type_ *t, int fd);

/* Inline, for speed. */

PAGES_INLINE_ size_t
paged_vec_bytes_(const struct paged_vec_ *v)
{
	return (size_t)((char *)v->end_ - (char *)v->beg_);
}

PAGES_INLINE_ size_t
paged_vec_spare_(const struct paged_vec_ *v)
{
	return (size_t)((char *)v->lim_ - (char *)v->end_);
}

/*
 * Set the length.  Every function that removes elements at the end calls this, because the
 * removed bytes are not zero and written_ has to cover them.
 */
PAGES_INLINE_ void
paged_vec_set_bytes_(struct paged_vec_ *v, size_t bytes)
{
	if (paged_vec_bytes_(v) > v->written_)
		v->written_ = paged_vec_bytes_(v);
	v->end_ = bytes != 0 ? (char *)v->beg_ + bytes : v->beg_;
}

/*
 * Fetch the cache line that pushes will reach soon.  A push stores twice, the element and the
 * new end, so that the processor's queue of stores covers half as many lines as that of a
 * loop over an array, and pushes to memory outside the caches took 1.8 times as long.
 * ahead_ is 0 in malloc's memory: other blocks lie behind a small one.
 */
PAGES_INLINE_ void
paged_vec_fetch_ahead_(const struct paged_vec_ *v, const void *end)
{
	__builtin_prefetch((const char *)((uintptr_t)end + v->ahead_), 1);
}

PAGES_INLINE_ void *
paged_vec_slot_(const struct paged_vec_ *v, size_t i, size_t size, const char *call)
{
	if (__builtin_expect(i >= paged_vec_bytes_(v) / size, 0))
		pages_die_range_(call, i, paged_vec_bytes_(v) / size);
	return (char *)v->beg_ + i * size;
}

/* Element i, or NULL. */
PAGES_INLINE_ const void *
paged_vec_get_(const struct paged_vec_ *v, size_t i, size_t size)
{
	return i < paged_vec_bytes_(v) / size ? (char *)v->beg_ + i * size : NULL;
}

/*
 * Return the end, after which the caller may write.  Its stores are not seen here, so all
 * capacity counts as written from now on.  written_ is never lowered: it can exceed lim_ by a
 * part of an element that was written when the vector had more pages.
 */
PAGES_INLINE_ void *
paged_vec_lend_spare_(struct paged_vec_ *v)
{
	size_t room = (size_t)((char *)v->lim_ - (char *)v->beg_);

	if (room > v->written_)
		v->written_ = room;
	return v->end_;
}

/* While a writer has the spare capacity the vector looks full: pushes come to the library. */
PAGES_INLINE_ void
paged_vec_write_begin_(struct paged_vec_ *v, const struct paged_vec_type_ *t)
{
	if (__builtin_expect((v->options_ & PAGED_VEC_WRITING_) != 0, 0))
		(void)!paged_vec_reserve_(v, t, 1);	/* ends the process */
	v->options_ |= PAGED_VEC_WRITING_;
	v->lim_ = v->end_;
}

PAGES_INLINE_ void
paged_vec_write_end_(struct paged_vec_ *v, void *end, void *lim)
{
	if ((v->options_ & PAGED_VEC_WRITING_) == 0)
		return;
	v->options_ &= ~PAGES_CAST_(unsigned, PAGED_VEC_WRITING_);
	v->end_ = end;
	v->lim_ = lim;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
paged_vec_commit_(struct paged_vec_ *v, size_t n, size_t size)
{
	if (n > paged_vec_spare_(v) / size)
		return -ERANGE;
	if (n != 0)
		v->end_ = (char *)v->end_ + n * size;
	return 0;
}

/*
 * All bits set, or none.  The empty asm keeps gcc from turning what depends on the mask into
 * branches, which a processor guesses wrong half of the time if the data is random.
 */
PAGES_INLINE_ size_t
paged_vec_mask_(bool c)
{
	size_t mask = -(size_t)c;

	__asm__("" : "+r"(mask));
	return mask;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
paged_vec_check_range_(const struct paged_vec_ *v, size_t i, size_t n, size_t size)
{
	size_t len = paged_vec_bytes_(v) / size;

	return i > len || n > len - i ? -ERANGE : 0;
}

/* Set *v to {0} without freeing anything: the storage has another owner now, or none. */
PAGES_INLINE_ void
paged_vec_forget_(struct paged_vec_ *v)
{
	v->end_ = v->lim_ = v->beg_ = NULL;
	v->written_ = v->reserve_ = 0;
	pages_forget_(&v->pages_.p_);
	v->ahead_ = v->options_ = 0;
}

PAGES_END_C

/* The parts of PAGED_VEC(). */

/* clang warns of unused functions in a .c file even if a macro has defined them. */
#define PAGED_VEC_FN_ static inline __attribute__((unused))
#define PAGED_VEC_TRY_ static inline __attribute__((unused)) PAGES_MUST_CHECK

#ifdef __cplusplus
/* The function of a vector that is const or not.  Not overloads: users write extern "C". */
#define PAGED_VEC_PICK_(NAME, what, v) paged_vec_pick_(v, NAME##_##what, NAME##_c##what)
template <class V, class F, class C> PAGES_INLINE_ F *paged_vec_pick_(V *, F *f, C *) { return f; }
template <class V, class F, class C> PAGES_INLINE_ C *paged_vec_pick_(const V *, F *, C *c)
	{ return c; }
#define PAGED_VEC_ASSERT_ static_assert
#define PAGED_VEC_MOVABLE_(T) __is_trivially_copyable(T)
#else
#define PAGED_VEC_PICK_(NAME, what, v)                                             \
	_Generic((v), struct NAME *: NAME##_##what, const struct NAME *: NAME##_c##what)
#define PAGED_VEC_ASSERT_ _Static_assert
#define PAGED_VEC_MOVABLE_(T) 1
#endif

/* With a typedef, const NAME_value * is right however T is spelled, "char *" for example. */
#define PAGED_VEC_TYPE_(NAME, T)                                                   \
	PAGED_VEC_ASSERT_(sizeof(T) > 0, "elements have a size");                  \
	PAGED_VEC_ASSERT_(__alignof__(T) <= 4096, "elements are aligned to a page at most"); \
	PAGED_VEC_ASSERT_(PAGED_VEC_MOVABLE_(T), "elements can be moved by their bytes"); \
	typedef T NAME##_value;                                                    \
	struct NAME { struct paged_vec_ v_; };                                     \
	struct NAME##_slice { NAME##_value *ptr; size_t len; };                    \
	struct NAME##_cslice { const NAME##_value *ptr; size_t len; };             \
	PAGED_VEC_FN_ bool NAME##_is_full_(const struct NAME *v)                   \
		{ return v->v_.end_ == v->v_.lim_; }

/*
 * Written so that the fast path of a push has no stack frame.  gcc manages that with a call
 * in the slow path, if x is kept in memory across the call (the asm forces that) and not in a
 * register that would have to be saved.  Both paths share one store to end_, so that gcc can
 * keep end_ in a register in loops.  clang needs the slow path to be a tail call.
 */
#ifndef __clang__
#define PAGED_VEC_PUSH_(NAME)                                                      \
	PAGED_VEC_TRY_ int NAME##_push(struct NAME *v, NAME##_value x)             \
	{                                                                          \
		NAME##_value *end = (NAME##_value *)v->v_.end_;                    \
		paged_vec_fetch_ahead_(&v->v_, end);                               \
		if (__builtin_expect(end == v->v_.lim_, 0)) {                      \
			NAME##_value kept = x;                                     \
			int err;                                                   \
			__asm__("" : "+m"(kept));                                  \
			err = paged_vec_reserve_(&v->v_, &NAME##_type_, 1);        \
			if (err != 0)                                              \
				return err;                                        \
			x = kept;                                                  \
			end = (NAME##_value *)v->v_.end_;                          \
		}                                                                  \
		*end = x;                                                          \
		v->v_.end_ = end + 1;                                              \
		return 0;                                                          \
	}
#else
#define PAGED_VEC_PUSH_(NAME)                                                      \
	static __attribute__((noinline, cold, unused)) int                         \
	NAME##_push_slow_(struct NAME *v, NAME##_value x)                          \
	{                                                                          \
		int err = paged_vec_reserve_(&v->v_, &NAME##_type_, 1);            \
		return err != 0 ? err : NAME##_push_within_capacity(v, x);         \
	}                                                                          \
	PAGED_VEC_TRY_ int NAME##_push(struct NAME *v, NAME##_value x)             \
	{                                                                          \
		NAME##_value *end = (NAME##_value *)v->v_.end_;                    \
		paged_vec_fetch_ahead_(&v->v_, end);                               \
		if (__builtin_expect(end == v->v_.lim_, 0))                        \
			return NAME##_push_slow_(v, x);                            \
		*end = x;                                                          \
		v->v_.end_ = end + 1;                                              \
		return 0;                                                          \
	}
#endif

#define PAGED_VEC_COMMON_(NAME)                                                    \
	PAGED_VEC_LIFE_(NAME) PAGED_VEC_SIZE_(NAME) PAGED_VEC_ACCESS_(NAME)        \
	PAGED_VEC_ADD_(NAME) PAGED_VEC_REMOVE_(NAME) PAGED_VEC_COPY_(NAME)         \
	PAGED_VEC_MEMORY_(NAME)

#endif /* PAGES_PAGED_VEC_RAW_H */
