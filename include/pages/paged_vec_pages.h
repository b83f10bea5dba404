/* SPDX-License-Identifier: MIT */
/*
 * paged_vec_pages.h - what vectors can do because they are pages; included by
 * vec/vec.h
 */
#ifndef PAGES_PAGED_VEC_PAGES_H
#define PAGES_PAGED_VEC_PAGES_H

#ifndef PAGES_PAGED_VEC_H
#error include <pages/paged_vec.h>
#endif

/* Memory. ----------------------------------------------------------------- */

/*
 * int NAME_clear_decommit(struct NAME *v)
 *   NAME_clear(), and give all memory back but for less than 64 KiB.  The capacity
 *   stays, so pushing again needs no system call, only pages.
 *
 * int NAME_decommit_spare(struct NAME *v)
 *   Give the memory of the capacity beyond the length back, down to the page size.
 *
 * int NAME_prefault(struct NAME *v, size_t n)
 *   Have memory, not only room, for n more elements: the next n pushes neither fail,
 *   nor fault, nor meet the end of memory half-way.
 *
 * int NAME_advise(struct NAME *v, enum pages_hint hint)
 *   pages_advise() for the pages of the vector; they keep it when they grow.
 *   -EOPNOTSUPP while the elements lie in malloc's memory.
 *
 * int NAME_resident(const struct NAME *v, struct pages_range *range)
 *   pages_resident() for its pages, in bytes; -EOPNOTSUPP in malloc's memory.
 */
#define PAGED_VEC_MEMORY_(NAME)                                                    \
	PAGED_VEC_TRY_ int NAME##_clear_decommit(struct NAME *v)                   \
		{ return paged_vec_clear_decommit_(&v->v_, &NAME##_type_); }       \
	PAGED_VEC_TRY_ int NAME##_decommit_spare(struct NAME *v)                   \
		{ return paged_vec_decommit_spare_(&v->v_); }                      \
	PAGED_VEC_TRY_ int NAME##_prefault(struct NAME *v, size_t n)               \
		{ return paged_vec_prefault_(&v->v_, &NAME##_type_, n); }          \
	PAGED_VEC_TRY_ int NAME##_advise(struct NAME *v, enum pages_hint hint)     \
		{ return paged_vec_advise_(&v->v_, hint); }                        \
	PAGED_VEC_TRY_ int NAME##_resident(const struct NAME *v, struct pages_range *range) \
		{ return paged_vec_resident_(&v->v_, range); }

/* Plain data only. -------------------------------------------------------- */

/*
 * int NAME_resize_zeroed(struct NAME *v, size_t n)
 *   Make n the length; elements that are new are all zero bytes.  Costs no memory
 *   and touches nothing where the vector has not been before.
 *
 * int NAME_freeze(struct NAME *v, struct pages_ro *to, size_t *n)
 * int NAME_thaw(struct pages_ro *from, size_t n, struct NAME *v)
 *   Turn a vector into read-only pages with *n elements from PAGES_AT(T, to, 0) on,
 *   and such pages into a vector.  Nothing is copied, but for less than 64 KiB
 *   in malloc's memory.  The target must be empty, or it is -EBUSY; the source is
 *   empty afterwards.  thaw says -ERANGE if there are not so many elements.
 *
 * int NAME_snapshot(struct NAME *v, struct pages_frozen *to, size_t *n)
 * int NAME_clone_cow(const struct pages_frozen *from, size_t n, struct NAME *v)
 *   Settle the contents for good, and have any number of vectors with them, each of
 *   which costs one mapping and the pages that it writes to.  snapshot copies nothing
 *   if the vector was opened as shared, and else once.  Room to grow without copying
 *   is as much again; growth beyond copies once.
 *
 * int NAME_save(const struct NAME *v, int fd)
 * int NAME_load(struct NAME *v, int fd)
 *   Write the elements to a file or pipe, at the file's position, straight from the
 *   vector; and fill the empty *v with all that there is from the position on.  What
 *   is stored is the bytes of the elements and nothing else.  Where fd can be mapped
 *   and the position is a multiple of the page size, load() reads nothing: pages come
 *   in when they are touched, what is written to them stays private, and the file
 *   must not shrink meanwhile.  Such a vector grows like one of NAME_clone_cow().
 *   load() says -EINVAL if the end is not the end of an element.  Both leave the
 *   position behind what they have written or read; save() may have written a part
 *   when it fails.
 */
#define PAGED_VEC_PLAIN_(NAME)                                                     \
	PAGED_VEC_TRY_ int NAME##_resize_zeroed(struct NAME *v, size_t n)          \
		{ return paged_vec_resize_zeroed_(&v->v_, &NAME##_type_, n); }     \
	PAGED_VEC_TRY_ int NAME##_freeze(struct NAME *v, struct pages_ro *to, size_t *n) \
		{ return paged_vec_freeze_(&v->v_, &NAME##_type_, to, n); }        \
	PAGED_VEC_TRY_ int NAME##_thaw(struct pages_ro *from, size_t n, struct NAME *v) \
		{ return paged_vec_thaw_(from, n, &NAME##_type_, &v->v_); }        \
	PAGED_VEC_TRY_ int NAME##_snapshot(struct NAME *v, struct pages_frozen *to, size_t *n) \
		{ return paged_vec_snapshot_(&v->v_, &NAME##_type_, to, n); }      \
	PAGED_VEC_TRY_ int NAME##_clone_cow(const struct pages_frozen *from, size_t n, \
					    struct NAME *v)                        \
		{ return paged_vec_clone_cow_(from, n, &NAME##_type_, &v->v_); }   \
	PAGED_VEC_TRY_ int NAME##_save(const struct NAME *v, int fd)               \
		{ return paged_vec_save_(&v->v_, fd); }                            \
	PAGED_VEC_TRY_ int NAME##_load(struct NAME *v, int fd)                     \
		{ return paged_vec_load_(&v->v_, &NAME##_type_, fd); }

/* Copying the bytes of an element that owns something makes two owners. */
#if __has_attribute(error)
#define PAGED_VEC_REFUSED_ __attribute__((                                         \
	error("pages: elements of this vector own something: they cannot be copied by their bytes")))
#else				/* clang before 14 */
#define PAGED_VEC_REFUSED_ __attribute__((unavailable))
#endif
#define PAGED_VEC_NOT_PLAIN_(NAME)                                                 \
	int NAME##_resize_zeroed(struct NAME *v, size_t n) PAGED_VEC_REFUSED_;     \
	int NAME##_freeze(struct NAME *v, struct pages_ro *to, size_t *n) PAGED_VEC_REFUSED_; \
	int NAME##_snapshot(struct NAME *v, struct pages_frozen *to, size_t *n)    \
		PAGED_VEC_REFUSED_;                                                \
	int NAME##_save(const struct NAME *v, int fd) PAGED_VEC_REFUSED_;          \
	int NAME##_load(struct NAME *v, int fd) PAGED_VEC_REFUSED_;

#endif /* PAGES_PAGED_VEC_PAGES_H */
