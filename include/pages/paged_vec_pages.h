/* SPDX-License-Identifier: MIT */
/*
 * paged_vec_pages.h - vectors as pages: memory, hints, read-only and frozen pages, files;
 * included by paged_vec.h
 */
#ifndef PAGES_PAGED_VEC_PAGES_H
#define PAGES_PAGED_VEC_PAGES_H

#ifndef PAGES_PAGED_VEC_H
#error include <pages/paged_vec.h>
#endif

/* Memory. ----------------------------------------------------------------- */

/*
 * int NAME_clear_decommit(struct NAME *v)
 *   NAME_clear(), and give the memory of its pages back; a vector in malloc's memory (less
 *   than 64 KiB) keeps it.  The capacity stays: pushing again needs no system call, but
 *   faults.
 *
 * int NAME_decommit_spare(struct NAME *v)
 *   Give back the whole pages of the capacity beyond the length.  The capacity stays.
 *
 * int NAME_prefault(struct NAME *v, size_t n)
 *   Reserve capacity for n more elements and fault its pages in, so that the next n pushes
 *   neither fail nor fault.  -ENOMEM if memory is short.
 *
 * int NAME_advise(struct NAME *v, enum pages_hint hint)
 *   pages_advise() for the pages of the vector.  Lasting hints hold for new pages, too.
 *   -EOPNOTSUPP while the elements lie in malloc's memory.
 *
 * int NAME_resident(const struct NAME *v, struct pages_range *range)
 *   pages_resident() for the pages of the vector; range in bytes.  -EOPNOTSUPP while the
 *   elements lie in malloc's memory.
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
 *   Set the length to n; all bytes of new elements are zero.  Capacity that was never
 *   written is zero already: it is not touched and uses no memory.
 *
 * int NAME_freeze(struct NAME *v, struct pages_ro *to, size_t *n)
 * int NAME_thaw(struct pages_ro *from, size_t n, struct NAME *v)
 *   freeze() turns a vector into read-only pages, with *n elements from PAGES_AT(T, to, 0)
 *   on; thaw() turns such pages into a vector of n elements.  Nothing is copied, except
 *   elements in malloc's memory (less than 64 KiB).  The source is empty afterwards.
 *   -EBUSY if the target is not empty; -ERANGE from thaw() if n elements exceed the pages.
 *
 * int NAME_snapshot(struct NAME *v, struct pages_frozen *to, size_t *n)
 * int NAME_clone_cow(const struct pages_frozen *from, size_t n, struct NAME *v)
 *   snapshot() turns a vector into frozen pages.  clone_cow() makes any number of vectors
 *   from these, copy-on-write: each costs two mappings, and memory only for the pages that
 *   it writes to.  snapshot() copies nothing if the vector was opened as shared, else it
 *   copies once.  A clone can double its size without a copy; growing beyond copies it once.
 *
 * int NAME_save(const struct NAME *v, int fd)
 * int NAME_load(struct NAME *v, int fd)
 *   save() writes the bytes of all elements, and nothing else, to a file or pipe at the file
 *   position.  load() fills the empty *v with the rest of a file from its position on.
 *   It maps the file if that is possible, the position is a multiple of the page size and
 *   the rest is at least 64 KiB.  Then pages are read when they are touched, stores stay
 *   private, the file must not be truncated while the vector lives, and the vector grows
 *   like one from NAME_clone_cow().  Else load() reads the file.  -EINVAL if the file ends
 *   within an element.  Both set the file position to the end of what they have written or
 *   read.  When save() fails, a part may have been written; beyond RLIMIT_FSIZE that is -EFBIG,
 *   without a signal.
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

/* Copying the bytes of an element that owns something would make two owners. */
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
