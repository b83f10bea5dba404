/* SPDX-License-Identifier: MIT */
/*
 * paged_vec.h - a vector for data that is too big to copy
 *
 *	PAGED_VEC(doubles, double);		(struct doubles and its functions)
 *
 *	struct doubles v = {0};
 *
 *	if (doubles_push(&v, 1.5) != 0)
 *		return -1;
 *	for (double *x = doubles_begin(&v); x != doubles_end(&v); x++)
 *		*x *= 2;
 *	doubles_free(&v);
 *
 * The elements lie in one contiguous range.  When it has to grow and there is no room behind
 * it, its page tables are moved to another address; elements in pages are not copied.
 * In stable mode (open() with a reserve) nothing moves at all: a pointer to an element
 * stays valid until the element is removed.
 *
 *	PAGED_VEC(NAME, T)			T is plain data: bytes that may be copied
 *	PAGED_VEC_OWNING(NAME, T, DROP, CLONE)	T owns something else, such as memory
 *	PAGED_VEC_ORDER(NAME, CMP)		after either of them, adds: sort, search,
 *						compare; see paged_vec_order.h
 *
 * DROP and CLONE are functions or macros:
 *
 *	void DROP(T *x)				release what *x owns
 *	int CLONE(T *to, const T *from)		0, or a negative errno, and then *to owns
 *						nothing
 *
 * With PAGED_VEC_NO_CLONE as CLONE, every call that would have to copy an element returns
 * -EOPNOTSUPP.  DROP is called exactly once for each element that is removed and
 * not handed to the caller, and never for anything beyond the length.  T may be any object
 * type except an array, with an alignment of at most 4096.  Elements move by copying their
 * bytes, so T must not contain pointers into itself; in C++ it must be trivially copyable.
 *
 * Below, NAME is the name of the vector and T the type of its elements.  Each comment stands
 * before the macro that defines the functions it describes.
 *
 * A vector of {0} is empty, uses no memory, and is the state to start from.  After an
 * assignment only one of the two copies may be used.  If a vector in pages was freed, frozen or
 * made small, freeing a copy of it prints one line and aborts, as in pages.h.
 *
 * Errors: calls that return an int return 0 or a negative errno value, and leave the vector
 * and its elements unchanged on failure.  The compiler warns if the result is ignored.
 * -ENOMEM: memory, address space or mappings are short; -EOVERFLOW: n elements exceed
 * PTRDIFF_MAX bytes; -ERANGE: there is no such element, or a stable vector is full.  No call
 * changes errno.
 * Aliasing: elements that are passed in may be the vector's own.
 * Threads: several threads may read one vector at the same time; every other call needs it
 * for itself.
 * Memory: fewer than 64 KiB of elements lie in memory from malloc(3), so that small
 * vectors cost no mapping.  The first growth to 64 KiB or more copies the elements, at most
 * 64 KiB, to pages; later growth copies nothing.  A vector that is opened with a capacity of
 * 64 KiB or more, or with a reserve, never copies.  The capacity doubles when it grows.
 * From 4 MiB on the vector uses huge pages (2 MiB) where the kernel can.  The pages of freed
 * vectors are kept for the next ones, which get at most 32 times what they ask for: up to 16 of
 * them and 512 MiB, or the last one if it is larger.  All but 8 MiB of that are marked so that
 * the kernel takes them when memory is short.  Those kept for ten seconds are given back by the
 * next call that frees or allocates pages of a vector, and all of them by pages_trim()
 * (malloc.h).  Settings by madvise(2), mbind(2), mlock(2) and the like on elements can therefore
 * outlive the vector; those by NAME_advise() do not.
 * Limits: a vector in pages is one mapping, or two with a reserve; vm.max_map_count (usually
 * 65 530) limits the mappings of a process.
 */
#ifndef PAGES_PAGED_VEC_H
#define PAGES_PAGED_VEC_H

#include <pages/pages.h>

/* Everything may be 0. */
struct paged_vec_options {
	size_t capacity;	/* elements to make room for at once */
	size_t reserve;		/* stable mode: the most elements that it can ever hold */
	enum pages_huge huge;	/* DEFAULT, NEVER, or TRANSPARENT from the start */
	bool shared;		/* let NAME_snapshot() work without a copy */
	const char *label;	/* for /proc/PID/maps; at most 79 chars */
};

#include <pages/paged_vec_raw.h>

#define PAGED_VEC(NAME, T)                                                         \
	PAGED_VEC_TYPE_(NAME, T)                                                   \
	static const struct paged_vec_type_ NAME##_type_ __attribute__((unused)) = \
		{ sizeof(T), __alignof__(T), NULL, NULL };                         \
	PAGED_VEC_COMMON_(NAME)                                                    \
	PAGED_VEC_PLAIN_(NAME)                                                     \
	struct NAME

#define PAGED_VEC_OWNING(NAME, T, DROP, CLONE)                                     \
	PAGED_VEC_TYPE_(NAME, T)                                                   \
	PAGED_VEC_FN_ void NAME##_drop_(void *x) { DROP((NAME##_value *)x); }      \
	PAGED_VEC_FN_ int NAME##_copy_(void *to, const void *from)                 \
		{ return CLONE((NAME##_value *)to, (const NAME##_value *)from); }  \
	static const struct paged_vec_type_ NAME##_type_ __attribute__((unused)) = \
		{ sizeof(T), __alignof__(T), NAME##_drop_, NAME##_copy_ };         \
	PAGED_VEC_COMMON_(NAME)                                                    \
	PAGED_VEC_NOT_PLAIN_(NAME)                                                 \
	struct NAME

#define PAGED_VEC_NO_CLONE(to, from) ((void)(to), (void)(from), -EOPNOTSUPP)

/*
 * PAGED_VEC_EACH - a loop over all elements, with x pointing to each in turn
 *
 *	PAGED_VEC_EACH(doubles, x, &v)
 *		sum += *x;
 *
 * x is a const T * if v is a const struct NAME *, else a T *.  A vector of another type does
 * not compile.  The loop must not change the length or the capacity of the vector.  v is
 * evaluated twice.
 */
#define PAGED_VEC_EACH(NAME, x, v)                                                 \
	for (__typeof__(PAGED_VEC_PICK_(NAME, begin, v)(v)) x =                    \
		     PAGED_VEC_PICK_(NAME, begin, v)(v),                           \
	     x##_end_ = PAGED_VEC_PICK_(NAME, end, v)(v); x != x##_end_; x++)

/*
 * PAGED_VEC_AT - element i of a vector, or a message and abort(3), as from NAME_at()
 *
 *	PAGED_VEC_AT(doubles, &v, 3) = 1.5;
 *
 * An lvalue, const if v is a const struct NAME *.
 */
#define PAGED_VEC_AT(NAME, v, i) (*PAGED_VEC_PICK_(NAME, at, v)((v), PAGES_NEEDS_INDEX(i)))

/* Open and free. ---------------------------------------------------------- */

/*
 * int NAME_open(struct NAME *v, const struct paged_vec_options *options)
 *   Prepare the empty *v.  Not needed for a vector without options.
 *
 *	struct paged_vec_options o = { .reserve = 1 << 30 };
 *
 *   reserve: reserves address space for this many elements.  It is no memory, but counts
 *   towards RLIMIT_AS.  Elements never move; growing beyond it returns -ERANGE.
 *   reserve, huge, shared and label place the elements in pages from the start.
 *   Returns -EBUSY if *v is not empty; -EINVAL for a reserve below the capacity, a reserve
 *   together with shared, or another value of huge; else as pages_open_with().
 *
 * void NAME_free(struct NAME *v)
 *   Drop all elements, give the memory back, and set *v to {0}.  PAGES_AUTO(NAME) v = {0}
 *   declares a vector that is freed at the end of its block; see pages.h.
 *
 * struct NAME NAME_take(struct NAME *v)
 *   Return the vector with its elements and memory, and set *v to {0}.
 */
#define PAGED_VEC_LIFE_(NAME)                                                      \
	PAGED_VEC_TRY_ int NAME##_open(struct NAME *v, const struct paged_vec_options *o) \
		{ return paged_vec_open_(&v->v_, &NAME##_type_, o); }              \
	PAGED_VEC_FN_ void NAME##_free(struct NAME *v)                             \
		{ paged_vec_free_(&v->v_, &NAME##_type_); }                        \
	PAGED_VEC_FN_ void NAME##_auto_(struct NAME *v) { NAME##_free(v); }        \
	PAGED_VEC_FN_ struct NAME NAME##_take(struct NAME *v)                      \
		{ struct NAME all = *v; paged_vec_forget_(&v->v_); return all; }

/* Size. ------------------------------------------------------------------- */

/*
 * size_t NAME_len(const struct NAME *v)
 * size_t NAME_capacity(const struct NAME *v)
 * bool NAME_is_empty(const struct NAME *v)
 *   The number of elements; the number that it has room for; true if it has no element.
 *
 * int NAME_reserve(struct NAME *v, size_t extra)
 * int NAME_reserve_exact(struct NAME *v, size_t extra)
 *   Make room for extra elements beyond the length.  If reserve() has to grow, it at least
 *   doubles the capacity, so that growing by small steps is cheap; if there is no memory for
 *   that, by half as much, a quarter, and so on.  reserve_exact() only rounds up to whole pages, which are huge
 *   from 4 MiB on.
 *
 * int NAME_shrink_to_fit(struct NAME *v)
 * int NAME_shrink_to(struct NAME *v, size_t capacity)
 *   Lower the capacity to the length, or to capacity if that is more, and give the memory
 *   and the address space beyond it back.  Less than 64 KiB is copied back to malloc's
 *   memory.  A stable vector keeps its address and its reserve.
 *
 * void NAME_truncate(struct NAME *v, size_t n)
 * void NAME_clear(struct NAME *v)
 *   Drop the elements from n on, or all.  Does nothing if there are no more than n.
 *   Memory and capacity stay.  Cost: none for plain data.
 *
 * int NAME_resize(struct NAME *v, size_t n, T x)
 *   Set the length to n: truncate, or append clones of x.  The caller keeps x.
 */
#define PAGED_VEC_SIZE_(NAME)                                                      \
	PAGED_VEC_FN_ size_t NAME##_len(const struct NAME *v)                      \
		{ return paged_vec_bytes_(&v->v_) / sizeof(NAME##_value); }        \
	PAGED_VEC_FN_ size_t NAME##_capacity(const struct NAME *v)                 \
	{                                                                          \
		return (paged_vec_bytes_(&v->v_) + paged_vec_spare_(&v->v_)) /     \
			sizeof(NAME##_value);                                      \
	}                                                                          \
	PAGED_VEC_FN_ bool NAME##_is_empty(const struct NAME *v)                   \
		{ return v->v_.end_ == v->v_.beg_; }                               \
	PAGED_VEC_TRY_ int NAME##_reserve(struct NAME *v, size_t extra)            \
		{ return paged_vec_reserve_(&v->v_, &NAME##_type_, extra); }       \
	PAGED_VEC_TRY_ int NAME##_reserve_exact(struct NAME *v, size_t extra)      \
		{ return paged_vec_reserve_exact_(&v->v_, &NAME##_type_, extra); } \
	PAGED_VEC_TRY_ int NAME##_shrink_to_fit(struct NAME *v)                    \
		{ return paged_vec_shrink_(&v->v_, &NAME##_type_, 0); }            \
	PAGED_VEC_TRY_ int NAME##_shrink_to(struct NAME *v, size_t capacity)       \
		{ return paged_vec_shrink_(&v->v_, &NAME##_type_, capacity); }     \
	PAGED_VEC_FN_ void NAME##_truncate(struct NAME *v, size_t n)               \
		{ paged_vec_truncate_(&v->v_, &NAME##_type_, n); }                 \
	PAGED_VEC_FN_ void NAME##_clear(struct NAME *v)                            \
		{ paged_vec_truncate_(&v->v_, &NAME##_type_, 0); }                 \
	PAGED_VEC_TRY_ int NAME##_resize(struct NAME *v, size_t n, NAME##_value x) \
		{ return paged_vec_resize_(&v->v_, &NAME##_type_, n, &x); }

/* Access. ----------------------------------------------------------------- */

/*
 * T *NAME_data(struct NAME *v)
 * const T *NAME_cdata(const struct NAME *v)
 *   The elements as an array; NULL while the vector has no storage.  Valid until the capacity
 *   changes; in stable mode until NAME_free().
 *
 * T *NAME_begin(struct NAME *v)
 * T *NAME_end(struct NAME *v)
 *   The first element and one past the last.
 *
 * const T *NAME_cbegin(const struct NAME *v)
 * const T *NAME_cend(const struct NAME *v)
 *   The same for vectors that are const.
 *
 * T *NAME_at(struct NAME *v, size_t i)
 * const T *NAME_cat(const struct NAME *v, size_t i)
 *   Element i.  If it does not exist, prints one line on stderr and aborts.  PAGED_VEC_AT()
 *   chooses the right one.
 *
 * const T *NAME_get(const struct NAME *v, size_t i)
 * const T *NAME_first(const struct NAME *v)
 * const T *NAME_last(const struct NAME *v)
 *   Element i, the first, the last; NULL if it does not exist.
 *
 * struct NAME_slice NAME_as_slice(struct NAME *v)
 * struct NAME_cslice NAME_as_cslice(const struct NAME *v)
 *   All elements as a struct of ptr and len, for writing and for reading.
 *
 * int NAME_slice_of(struct NAME *v, size_t i, size_t n, struct NAME_slice *ret)
 *   The n elements from element i on, or -ERANGE.
 */
#define PAGED_VEC_ACCESS_(NAME)                                                    \
	PAGED_VEC_FN_ NAME##_value *NAME##_data(struct NAME *v)                    \
		{ return (NAME##_value *)v->v_.beg_; }                             \
	PAGED_VEC_FN_ const NAME##_value *NAME##_cdata(const struct NAME *v)       \
		{ return (const NAME##_value *)v->v_.beg_; }                       \
	PAGED_VEC_FN_ NAME##_value *NAME##_begin(struct NAME *v)                   \
		{ return (NAME##_value *)v->v_.beg_; }                             \
	PAGED_VEC_FN_ NAME##_value *NAME##_end(struct NAME *v)                     \
		{ return (NAME##_value *)v->v_.end_; }                             \
	PAGED_VEC_FN_ NAME##_value *NAME##_at(struct NAME *v, size_t i)            \
	{                                                                          \
		return (NAME##_value *)paged_vec_slot_(&v->v_, i, sizeof(NAME##_value), \
						       #NAME "_at");               \
	}                                                                          \
	PAGED_VEC_FN_ const NAME##_value *NAME##_cbegin(const struct NAME *v)      \
		{ return (const NAME##_value *)v->v_.beg_; }                       \
	PAGED_VEC_FN_ const NAME##_value *NAME##_cend(const struct NAME *v)        \
		{ return (const NAME##_value *)v->v_.end_; }                       \
	PAGED_VEC_FN_ const NAME##_value *NAME##_cat(const struct NAME *v, size_t i) \
	{                                                                          \
		return (const NAME##_value *)paged_vec_slot_(&v->v_, i, sizeof(NAME##_value), \
							     #NAME "_cat");        \
	}                                                                          \
	PAGED_VEC_FN_ const NAME##_value *NAME##_get(const struct NAME *v, size_t i) \
	{                                                                          \
		return (const NAME##_value *)paged_vec_get_(&v->v_, i, sizeof(NAME##_value)); \
	}                                                                          \
	PAGED_VEC_FN_ const NAME##_value *NAME##_first(const struct NAME *v)       \
		{ return NAME##_get(v, 0); }                                       \
	PAGED_VEC_FN_ const NAME##_value *NAME##_last(const struct NAME *v)        \
		{ return NAME##_get(v, NAME##_len(v) - 1); }                       \
	PAGED_VEC_FN_ struct NAME##_slice NAME##_as_slice(struct NAME *v)           \
		{ struct NAME##_slice s = { NAME##_data(v), NAME##_len(v) }; return s; } \
	PAGED_VEC_FN_ struct NAME##_cslice NAME##_as_cslice(const struct NAME *v)  \
		{ struct NAME##_cslice s = { NAME##_cdata(v), NAME##_len(v) }; return s; } \
	PAGED_VEC_TRY_ int NAME##_slice_of(struct NAME *v, size_t i, size_t n,     \
					   struct NAME##_slice *ret)               \
	{                                                                          \
		int err = paged_vec_check_range_(&v->v_, i, n, sizeof(NAME##_value)); \
		if (err == 0) {                                                    \
			ret->ptr = n != 0 ? NAME##_data(v) + i : NAME##_data(v);   \
			ret->len = n;                                              \
		}                                                                  \
		return err;                                                        \
	}

/* Adding. ----------------------------------------------------------------- */

/*
 * int NAME_push(struct NAME *v, T x)
 *   Append x.  Cost: at most 10 instructions while there is capacity.
 *
 * int NAME_push_within_capacity(struct NAME *v, T x)
 *   Append x, or return -ERANGE if that needs more capacity.
 *
 * int NAME_push_n(struct NAME *v, const T *from, size_t n)
 * int NAME_extend_from_slice(struct NAME *v, struct NAME_cslice s)
 * int NAME_extend_from_within(struct NAME *v, size_t i, size_t n)
 *   Append clones of n elements: of an array, of a slice, of its own from i on.
 *
 * int NAME_emplace(struct NAME *v, T **ret)
 *   Append an element with indeterminate contents, for the caller to fill in place.
 *
 * struct NAME_slice NAME_spare(struct NAME *v)
 * int NAME_commit(struct NAME *v, size_t n)
 *   spare() returns the unused capacity as a slice.  After the caller has filled its first n
 *   elements, commit() appends them.  The fastest way, because the loop in between is over
 *   an array:
 *
 *	if (doubles_reserve(&v, n) == 0) {
 *		double *x = doubles_spare(&v).ptr;
 *		for (size_t i = 0; i < n; i++)
 *			x[i] = f(i);
 *		err = doubles_commit(&v, n);
 *	}
 *
 * struct NAME_writer NAME_write_begin(struct NAME *v)
 * int NAME_write(struct NAME_writer *w, T x)
 * void NAME_write_end(struct NAME_writer *w)
 *   Append many elements whose number is not known in advance.  If *w is a local variable
 *   that is passed to no other function, the compiler keeps it in registers, and an element
 *   costs a compare, a store and an add; a push also reads and writes the vector in memory.
 *   The vector must not be used in any other way before write_end(), which is not needed after a
 *   NAME_write() that failed.  Calls that add, remove, save or free print one line and abort then,
 *   but for pop, retain and dedup_by; those and others do not notice, and do not see what was
 *   written.
 *
 * int NAME_insert(struct NAME *v, size_t i, T x)
 * int NAME_insert_n(struct NAME *v, size_t i, const T *from, size_t n)
 *   Insert x, or clones of n elements, before element i.  i may be the length.
 *   Cost: moves all elements from i on.
 *
 * int NAME_append(struct NAME *v, struct NAME *from)
 *   Move all elements of another vector to the end.  *from is empty then, and keeps its
 *   capacity.
 */
#define PAGED_VEC_ADD_(NAME)                                                       \
	PAGED_VEC_TRY_ int NAME##_push_within_capacity(struct NAME *v, NAME##_value x) \
	{                                                                          \
		NAME##_value *end = (NAME##_value *)v->v_.end_;                    \
		if (end == v->v_.lim_)                                             \
			return -ERANGE;                                            \
		paged_vec_fetch_ahead_(&v->v_, end);                               \
		*end = x;                                                          \
		v->v_.end_ = end + 1;                                              \
		return 0;                                                          \
	}                                                                          \
	PAGED_VEC_PUSH_(NAME)                                                      \
	PAGED_VEC_TRY_ int NAME##_insert_n(struct NAME *v, size_t i,               \
					   const NAME##_value *from, size_t n)     \
		{ return paged_vec_insert_n_(&v->v_, &NAME##_type_, i, from, n); } \
	PAGED_VEC_TRY_ int NAME##_push_n(struct NAME *v, const NAME##_value *from, size_t n) \
		{ return NAME##_insert_n(v, NAME##_len(v), from, n); }             \
	PAGED_VEC_TRY_ int NAME##_extend_from_slice(struct NAME *v, struct NAME##_cslice s) \
		{ return NAME##_insert_n(v, NAME##_len(v), s.ptr, s.len); }        \
	PAGED_VEC_TRY_ int NAME##_extend_from_within(struct NAME *v, size_t i, size_t n) \
		{ return paged_vec_repeat_(&v->v_, &NAME##_type_, i, n); }         \
	PAGED_VEC_FN_ struct NAME##_slice NAME##_spare(struct NAME *v)             \
	{                                                                          \
		struct NAME##_slice s = { (NAME##_value *)paged_vec_lend_spare_(&v->v_), \
			paged_vec_spare_(&v->v_) / sizeof(NAME##_value) };         \
		return s;                                                          \
	}                                                                          \
	PAGED_VEC_TRY_ int NAME##_commit(struct NAME *v, size_t n)                 \
		{ return paged_vec_commit_(&v->v_, n, sizeof(NAME##_value)); }     \
	PAGED_VEC_TRY_ int NAME##_emplace(struct NAME *v, NAME##_value **ret)      \
	{                                                                          \
		int err = NAME##_is_full_(v) ? NAME##_reserve(v, 1) : 0;           \
		if (err != 0)                                                      \
			return err;                                                \
		*ret = (NAME##_value *)v->v_.end_;                                 \
		v->v_.end_ = *ret + 1;                                             \
		return 0;                                                          \
	}                                                                          \
	struct NAME##_writer { NAME##_value *end_, *lim_; struct NAME *v_; };      \
	PAGED_VEC_FN_ struct NAME##_writer NAME##_write_begin(struct NAME *v)      \
	{                                                                          \
		struct NAME##_writer w = { NAME##_end(v), (NAME##_value *)v->v_.lim_, v }; \
		paged_vec_write_begin_(&v->v_, &NAME##_type_);                     \
		return w;                                                          \
	}                                                                          \
	PAGED_VEC_FN_ void NAME##_write_end(struct NAME##_writer *w)               \
	{                                                                          \
		paged_vec_write_end_(&w->v_->v_, w->end_, w->lim_);                \
		w->lim_ = w->end_;                                                 \
	}                                                                          \
	PAGES_INLINE_ PAGES_MUST_CHECK __attribute__((unused)) int                 \
	NAME##_write(struct NAME##_writer *w, NAME##_value x)                      \
	{                                                                          \
		if (__builtin_expect(w->end_ == w->lim_, 0)) {                     \
			int err;                                                   \
			NAME##_write_end(w);                                       \
			err = NAME##_reserve(w->v_, 1);                            \
			if (err != 0)                                              \
				return err;                                        \
			*w = NAME##_write_begin(w->v_);                            \
		}                                                                  \
		*w->end_++ = x;                                                    \
		return 0;                                                          \
	}                                                                          \
	PAGED_VEC_TRY_ int NAME##_insert(struct NAME *v, size_t i, NAME##_value x) \
	{                                                                          \
		size_t len = NAME##_len(v);                                        \
		int err = NAME##_is_full_(v) && i < len ? NAME##_reserve(v, 1) : 0; \
		NAME##_value *at, *end;                                            \
		if (i >= len)                                                      \
			return i > len ? -ERANGE : NAME##_push(v, x);              \
		if (err != 0)                                                      \
			return err;                                                \
		at = (NAME##_value *)v->v_.beg_ + i;                               \
		end = (NAME##_value *)v->v_.end_;                                  \
		*end = end[-1];                                                    \
		__builtin_memmove((void *)(at + 1), at, (len - i - 1) * sizeof(x)); \
		*at = x;                                                           \
		v->v_.end_ = end + 1;                                              \
		return 0;                                                          \
	}                                                                          \
	PAGED_VEC_TRY_ int NAME##_append(struct NAME *v, struct NAME *from)        \
		{ return paged_vec_append_(&v->v_, &NAME##_type_, &from->v_); }

#include <pages/paged_vec_remove.h>
#include <pages/paged_vec_sort.h>
#include <pages/paged_vec_quick.h>
#include <pages/paged_vec_order.h>
#include <pages/paged_vec_pages.h>

#endif /* PAGES_PAGED_VEC_H */
