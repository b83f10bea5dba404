/* SPDX-License-Identifier: MIT */
/*
 * vec.h - what the files of this folder share; for nobody else
 *
 * The vector stands on the page core as any program could: its state is a handle of
 * pages, or a block from malloc(3), and three pointers into it.
 */
#ifndef PAGES_SRC_PAGED_VEC_H
#define PAGES_SRC_PAGED_VEC_H

#include <pages/paged_vec.h>

#include "os/base.h"

/* From so many bytes on elements lie in pages of their own; the first mapping. */
#define PAGED_VEC_PAGES_FROM PAGES_KIB(64)

/* Clones and files may grow to so many times their size before that copies them. */
#define PAGED_VEC_ROOM 2

static inline bool
paged_vec_in_pages(const struct paged_vec_ *v)
{
	return pages_len(&v->pages_) != 0;
}

static inline size_t
paged_vec_len(const struct paged_vec_ *v, const struct paged_vec_type_ *t)
{
	return paged_vec_bytes_(v) / t->size;
}

static inline char *
paged_vec_slot(const struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t i)
{
	return (char *)v->beg_ + i * t->size;
}

/* n elements in bytes; -EOVERFLOW where pointers could not be subtracted. */
static inline int
paged_vec_size_of(const struct paged_vec_type_ *t, size_t n, size_t *ret)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, t->size, &bytes) || bytes > PTRDIFF_MAX)
		return -EOVERFLOW;
	*ret = bytes;
	return 0;
}

/*
 * For a new length of n: drop what is beyond, or have room for what is missing, which is for
 * the caller to fill.  *ret_grows says which.
 */
int paged_vec_fit(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t n, bool *ret_grows);

/* n elements leave the vector for nowhere. */
void paged_vec_drop(const struct paged_vec_type_ *t, char *from, size_t n);

/* What must be true of every vector, between any two calls. */
bool paged_vec_is_valid(const struct paged_vec_ *v, const struct paged_vec_type_ *t);

/* Whatever the elements lie in now, go to pages, and stay there for this call. */
int paged_vec_into_pages(struct paged_vec_ *v, const struct paged_vec_type_ *t);

/* *v, which has no storage, gets the pages that its handle holds, with bytes in use. */
void paged_vec_adopt(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t bytes);

/* Take the pages of a big vector, which are as the kernel made them, and be done. */
void paged_vec_keep(struct pages_rw *pages);

/* Pages that were kept, with room bytes or somewhat more; their contents are not zero. */
bool paged_vec_reuse(size_t room, struct pages_rw *ret);

/* Was anything kept?  It is not any more. */
bool paged_vec_flush_cache(void);

#endif /* PAGES_SRC_PAGED_VEC_H */
