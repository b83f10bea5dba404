/* SPDX-License-Identifier: MIT */
/* paged_vec_remove.h - removes elements from vectors; included by paged_vec.h */
#ifndef PAGES_PAGED_VEC_REMOVE_H
#define PAGES_PAGED_VEC_REMOVE_H

#ifndef PAGES_PAGED_VEC_H
#error include <pages/paged_vec.h>
#endif

/*
 * For plain data up to this size each element is copied down, and whether it stays decides only
 * how far the end moves: for random answers a branch would be guessed wrong half of the time.
 */
#define PAGED_VEC_COPIED_DOWN_ 64

/* A program may have globals of the same names as these parameters. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"

/*
 * Element x stays, at *out, or is dropped.  Inlined with a constant size and type.
 */
PAGES_INLINE_ void
paged_vec_settle_one_(const struct paged_vec_type_ *t, size_t size, char *x, bool stays, char **out)
{
	if (t->drop == PAGES_NULL_ && size <= PAGED_VEC_COPIED_DOWN_) {
		__builtin_memcpy(*out, x, size);
		*out += size & paged_vec_mask_(stays);
	} else if (stays) {
		__builtin_memcpy(*out, x, size);
		*out += size;
	} else if (t->drop != PAGES_NULL_) {
		t->drop(x);
	}
}

/* Elements before the first that goes are not written. */
PAGES_INLINE_ void
paged_vec_retain_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t size,
		  paged_vec_test_ *keep, void *context)
{
	char *x = (char *)v->beg_, *end = (char *)v->end_, *out;

	while (x != end && keep(x, context))
		x += size;
	if (x == end)
		return;
	out = x;
	if (t->drop != PAGES_NULL_)
		t->drop(x);
	for (x += size; x != end; x += size)
		paged_vec_settle_one_(t, size, x, keep(x, context), &out);
	paged_vec_set_bytes_(v, (size_t)(out - (char *)v->beg_));
}

PAGES_INLINE_ void
paged_vec_dedup_(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t size,
		 paged_vec_order_ *differ, void *context)
{
	char *x = (char *)v->beg_, *end = (char *)v->end_, *out;

	if (x == end)
		return;
	for (x += size; x != end && differ(x - size, x, context) != 0; x += size)
		;
	if (x == end)
		return;
	out = x;
	if (t->drop != PAGES_NULL_)
		t->drop(x);
	for (x += size; x != end; x += size)
		paged_vec_settle_one_(t, size, x, differ(out - size, x, context) != 0, &out);
	paged_vec_set_bytes_(v, (size_t)(out - (char *)v->beg_));
}

#pragma GCC diagnostic pop

/* Removing. --------------------------------------------------------------- */

/*
 * int NAME_pop(struct NAME *v, T *ret)
 *   Remove the last element and store it in *ret, or drop it if ret is NULL; -ERANGE if
 *   there is none.
 *
 * int NAME_remove(struct NAME *v, size_t i, T *ret)
 * int NAME_swap_remove(struct NAME *v, size_t i, T *ret)
 * int NAME_drain(struct NAME *v, size_t i, size_t n, T *ret)
 *   remove() moves the elements after i down by one.  swap_remove() moves the last element
 *   to i instead, which costs the same for any length.  drain() removes n elements from i
 *   on.  Removed elements are stored at ret, or dropped if it is NULL.  -ERANGE if there
 *   are not so many.
 *
 * void NAME_retain(struct NAME *v, bool (*keep)(const T *, void *), void *context)
 *   Drop the elements for which keep(element, context) is false; one pass, in order.  What
 *   lies before the first of them is not written to.
 *
 * void NAME_dedup_by(struct NAME *v, bool (*same)(const T *, const T *, void *), void *context)
 *   Of consecutive elements for which same() is true, drop all but the first.
 *
 * int NAME_split_off(struct NAME *v, size_t i, struct NAME *to)
 *   Move the elements from i on to the empty vector *to.
 *
 * keep() and same() must not use the vector.
 */
#define PAGED_VEC_REMOVE_(NAME)                                                    \
	PAGED_VEC_TRY_ int NAME##_pop(struct NAME *v, NAME##_value *ret)           \
	{                                                                          \
		if (v->v_.end_ == v->v_.beg_)                                      \
			return -ERANGE;                                            \
		if (ret == PAGES_NULL_) {                                          \
			NAME##_truncate(v, NAME##_len(v) - 1);                     \
			return 0;                                                  \
		}                                                                  \
		paged_vec_set_bytes_(&v->v_, paged_vec_bytes_(&v->v_) - sizeof(*ret)); \
		*ret = *(NAME##_value *)v->v_.end_;                                \
		return 0;                                                          \
	}                                                                          \
	PAGED_VEC_TRY_ int NAME##_drain(struct NAME *v, size_t i, size_t n, NAME##_value *ret) \
		{ return paged_vec_drain_(&v->v_, &NAME##_type_, i, n, ret); }     \
	PAGED_VEC_TRY_ int NAME##_remove(struct NAME *v, size_t i, NAME##_value *ret) \
		{ return paged_vec_drain_(&v->v_, &NAME##_type_, i, 1, ret); }     \
	PAGED_VEC_TRY_ int NAME##_swap_remove(struct NAME *v, size_t i, NAME##_value *ret) \
		{ return paged_vec_swap_remove_(&v->v_, &NAME##_type_, i, ret); }  \
	struct NAME##_keep_ { bool (*call)(const NAME##_value *, void *); void *context; }; \
	PAGED_VEC_FN_ bool NAME##_keeps_(const void *x, void *keep)                \
	{                                                                          \
		const struct NAME##_keep_ *k = (const struct NAME##_keep_ *)keep;  \
		return k->call((const NAME##_value *)x, k->context);               \
	}                                                                          \
	PAGED_VEC_FN_ void NAME##_retain(struct NAME *v,                           \
		bool (*keep)(const NAME##_value *, void *), void *context)         \
	{                                                                          \
		struct NAME##_keep_ k = { keep, context };                         \
		paged_vec_retain_(&v->v_, &NAME##_type_, sizeof(NAME##_value),     \
				  NAME##_keeps_, &k);                              \
	}                                                                          \
	struct NAME##_same_ {                                                      \
		bool (*call)(const NAME##_value *, const NAME##_value *, void *);  \
		void *context;                                                     \
	};                                                                         \
	PAGED_VEC_FN_ int NAME##_differ_(const void *a, const void *b, void *same) \
	{                                                                          \
		const struct NAME##_same_ *s = (const struct NAME##_same_ *)same;  \
		return !s->call((const NAME##_value *)a, (const NAME##_value *)b, s->context); \
	}                                                                          \
	PAGED_VEC_FN_ void NAME##_dedup_by(struct NAME *v,                         \
		bool (*same)(const NAME##_value *, const NAME##_value *, void *), void *context) \
	{                                                                          \
		struct NAME##_same_ s = { same, context };                         \
		paged_vec_dedup_(&v->v_, &NAME##_type_, sizeof(NAME##_value),      \
				 NAME##_differ_, &s);                              \
	}                                                                          \
	PAGED_VEC_TRY_ int NAME##_split_off(struct NAME *v, size_t i, struct NAME *to) \
		{ return paged_vec_split_off_(&v->v_, &NAME##_type_, i, &to->v_); }

#endif /* PAGES_PAGED_VEC_REMOVE_H */
