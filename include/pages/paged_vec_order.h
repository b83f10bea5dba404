/* SPDX-License-Identifier: MIT */
/*
 * paged_vec_order.h - clone, sort, search and compare vectors; included by paged_vec.h
 *
 *	PAGED_VEC(doubles, double);
 *	PAGED_VEC_ORDER(doubles, PAGED_VEC_ASCENDING);
 *
 * PAGED_VEC_ORDER(NAME, CMP) adds the functions below to a vector type.  CMP is a
 * function or macro
 *
 *	int CMP(const T *a, const T *b)
 *
 * that returns a number less than, equal to, or greater than 0.  A bool, as std::sort()
 * takes it, is refused.  PAGED_VEC_ASCENDING and
 * PAGED_VEC_DESCENDING work for all types that < compares in C.  For them a NaN equals every
 * number, so a vector that contains one is not sorted correctly.
 */
#ifndef PAGES_PAGED_VEC_ORDER_H
#define PAGES_PAGED_VEC_ORDER_H

#ifndef PAGES_PAGED_VEC_H
#error include <pages/paged_vec.h>
#endif

/* For every vector. ------------------------------------------------------- */

/*
 * int NAME_clone(const struct NAME *v, struct NAME *to)
 *   Fill the empty vector *to with clones of all elements.  See NAME_clone_cow() in
 *   paged_vec_pages.h for copy-on-write clones.
 *
 * int NAME_sort_by(struct NAME *v, int (*cmp)(const T *, const T *, void *), void *context)
 * void NAME_sort_unstable_by(struct NAME *v, int (*cmp)(const T *, const T *, void *),
 *			      void *context)
 *   Sort.  cmp returns a number less than, equal to, or greater than 0.  If its results
 *   contradict each other, the vector has the same elements afterwards in some order.
 *   sort_by(): elements that compare as equal keep their order.  -ENOMEM without memory for
 *   half the elements.
 *   sort_unstable_by(): equal elements end up in any order.  Needs no memory, and cannot fail.
 *   Cost: O(n log n) calls of cmp, for any elements; n - 1 if they are sorted already, or
 *   in reverse without equals.  cmp must not use the vector, nor leave by longjmp() or an
 *   exception.
 */
#define PAGED_VEC_COPY_(NAME)                                                      \
	PAGED_VEC_TRY_ int NAME##_clone(const struct NAME *v, struct NAME *to)     \
		{ return paged_vec_clone_(&v->v_, &NAME##_type_, &to->v_); }       \
	struct NAME##_by_ {                                                        \
		int (*call)(const NAME##_value *, const NAME##_value *, void *);   \
		void *context;                                                     \
	};                                                                         \
	PAGED_VEC_FN_ int NAME##_order_by_(const void *a, const void *b, void *by) \
	{                                                                          \
		const struct NAME##_by_ *o = (const struct NAME##_by_ *)by;        \
		return o->call((const NAME##_value *)a, (const NAME##_value *)b, o->context); \
	}                                                                          \
	PAGED_VEC_TRY_ int NAME##_sort_by(struct NAME *v,                          \
		int (*cmp)(const NAME##_value *, const NAME##_value *, void *), void *context) \
	{                                                                          \
		struct NAME##_by_ by = { cmp, context };                           \
		return paged_vec_sort_(&v->v_, &NAME##_type_, sizeof(NAME##_value), \
				       NAME##_order_by_, &by);                     \
	}                                                                          \
	PAGED_VEC_FN_ void NAME##_sort_unstable_by(struct NAME *v,                 \
		int (*cmp)(const NAME##_value *, const NAME##_value *, void *), void *context) \
	{                                                                          \
		struct NAME##_by_ by = { cmp, context };                           \
		PAGED_VEC_QUICK_SORT_(NAME, v, NAME##_order_by_, &by);             \
	}

/* With PAGED_VEC_ORDER(). ------------------------------------------------- */

/* Written so that "less than 0", which is what sorting asks, is one comparison. */
#define PAGED_VEC_ASCENDING(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define PAGED_VEC_DESCENDING(a, b) (*(a) > *(b) ? -1 : *(a) < *(b))

#ifdef __cplusplus
template <class T> struct paged_vec_is_bool_ { enum { is = 0 }; };
template <> struct paged_vec_is_bool_<bool> { enum { is = 1 }; };
#define PAGED_VEC_IS_BOOL_(x) paged_vec_is_bool_<decltype(x)>::is
#else
#define PAGED_VEC_IS_BOOL_(x) _Generic((x), bool: 1, default: 0)
#endif

#define PAGED_VEC_ORDER(NAME, CMP)                                                 \
	PAGED_VEC_FN_ int NAME##_order_(const void *a, const void *b, void *unused) \
	{                                                                          \
		(void)unused;                                                      \
		return CMP((const NAME##_value *)a, (const NAME##_value *)b);      \
	}                                                                          \
	PAGED_VEC_FN_ void NAME##_order_type_(const NAME##_value *a, const NAME##_value *b) \
	{                                                                          \
		(void)a; (void)b;                                                  \
		PAGED_VEC_ASSERT_(!PAGED_VEC_IS_BOOL_(CMP(a, b)),                  \
			"pages: CMP returns a number below, equal to or above 0, not a bool"); \
	}                                                                          \
	PAGED_VEC_SORTED_(NAME)                                                    \
	PAGED_VEC_COMPARE_(NAME)                                                   \
	struct NAME

/*
 * int NAME_sort(struct NAME *v)
 * void NAME_sort_unstable(struct NAME *v)
 *   NAME_sort_by() and NAME_sort_unstable_by() in the order of CMP, which is compiled into
 *   them.
 *
 * bool NAME_is_sorted(const struct NAME *v)
 *
 * void NAME_dedup(struct NAME *v)
 *   Of consecutive elements that are equal, drop all but the first.
 *
 * size_t NAME_lower_bound(const struct NAME *v, T key)
 *   In a sorted vector, the number of elements that are less than key.  This is the index of
 *   the first element equal to key, or where key would be inserted.
 *
 * bool NAME_binary_search(const struct NAME *v, T key, size_t *i)
 *   True if a sorted vector has an element equal to key.  *i is the lower bound of key in
 *   either case.
 */
#define PAGED_VEC_SORTED_(NAME)                                                    \
	PAGED_VEC_TRY_ int NAME##_sort(struct NAME *v)                             \
	{                                                                          \
		return paged_vec_sort_(&v->v_, &NAME##_type_, sizeof(NAME##_value), \
				       NAME##_order_, NULL);                       \
	}                                                                          \
	PAGED_VEC_FN_ void NAME##_sort_unstable(struct NAME *v)                    \
		{ PAGED_VEC_QUICK_SORT_(NAME, v, NAME##_order_, PAGES_NULL_); }    \
	PAGED_VEC_FN_ void NAME##_dedup(struct NAME *v)                            \
	{                                                                          \
		paged_vec_dedup_(&v->v_, &NAME##_type_, sizeof(NAME##_value),      \
				 NAME##_order_, NULL);                             \
	}                                                                          \
	PAGED_VEC_FN_ bool NAME##_is_sorted(const struct NAME *v)                  \
	{                                                                          \
		const NAME##_value *x = NAME##_cdata(v);                           \
		for (size_t i = 1; i < NAME##_len(v); i++)                         \
			if (NAME##_order_(x + i, x + i - 1, NULL) < 0)             \
				return false;                                      \
		return true;                                                       \
	}                                                                          \
	PAGED_VEC_FN_ size_t NAME##_lower_bound(const struct NAME *v, NAME##_value key) \
	{                                                                          \
		const NAME##_value *x = NAME##_cdata(v);                           \
		size_t first = 0;                                                  \
		for (size_t n = NAME##_len(v); n > 0; n /= 2) {                    \
			if (NAME##_order_(x + first + n / 2, &key, NULL) < 0) {    \
				first += n / 2 + 1;                                \
				n--;                                               \
			}                                                          \
		}                                                                  \
		return first;                                                      \
	}                                                                          \
	PAGED_VEC_FN_ bool NAME##_binary_search(const struct NAME *v, NAME##_value key, \
						size_t *i)                         \
	{                                                                          \
		*i = NAME##_lower_bound(v, key);                                   \
		return *i < NAME##_len(v) &&                                       \
			NAME##_order_(NAME##_cdata(v) + *i, &key, NULL) == 0;      \
	}

/*
 * bool NAME_find(const struct NAME *v, T key, size_t *i)
 *   True if there is an element equal to key; then *i is the index of the first one.
 *
 * bool NAME_eq(const struct NAME *a, const struct NAME *b)
 *   True if both have the same length and equal elements.
 *
 * int NAME_cmp(const struct NAME *a, const struct NAME *b)
 *   The order of the first two elements that differ; if there are none, the shorter
 *   vector is less.
 */
#define PAGED_VEC_COMPARE_(NAME)                                                   \
	PAGED_VEC_FN_ bool NAME##_find(const struct NAME *v, NAME##_value key, size_t *i) \
	{                                                                          \
		const NAME##_value *x = NAME##_cdata(v);                           \
		for (size_t j = 0; j < NAME##_len(v); j++)                         \
			if (NAME##_order_(x + j, &key, NULL) == 0)                 \
				return *i = j, true;                               \
		return false;                                                      \
	}                                                                          \
	PAGED_VEC_FN_ int NAME##_cmp(const struct NAME *a, const struct NAME *b)   \
		{ return paged_vec_compare_(&a->v_, &b->v_, &NAME##_type_, NAME##_order_); } \
	PAGED_VEC_FN_ bool NAME##_eq(const struct NAME *a, const struct NAME *b)   \
		{ return NAME##_len(a) == NAME##_len(b) && NAME##_cmp(a, b) == 0; }

#endif /* PAGES_PAGED_VEC_ORDER_H */
