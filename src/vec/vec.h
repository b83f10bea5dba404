/* SPDX-License-Identifier: MIT */
/*
 * vec.h - the internal functions of the vector, for the files of this folder only
 *
 * The vector uses the public interface of the page core, as any program could.  Its storage
 * is a handle of pages or a block of malloc(3); three pointers lead into it.  The struct and
 * a picture of it are in <pages/paged_vec_raw.h>.
 */
#ifndef PAGES_SRC_PAGED_VEC_H
#define PAGES_SRC_PAGED_VEC_H

#include <pages/paged_vec.h>

#include "core/serial.h"
#include "os/base.h"

/* From this capacity on the elements lie in pages; the length of the first mapping. */
#define PAGED_VEC_PAGES_FROM PAGES_KIB(64)

/*
 * From this capacity on a vector gets huge pages.  The unused rest of the last huge page is
 * then a small part of the whole.
 */
#define PAGED_VEC_HUGE_FROM PAGES_MIB(4)

/* Clones and pages of files get a reserve of their size times this; beyond it they are copied. */
#define PAGED_VEC_ROOM 2

/* The name in complaints: no call here knows its line. */
#define PAGED_VEC_CALL "a vector"

/* Ends the process while a writer has the spare capacity: its elements would be lost. */
static inline void
paged_vec_expect_whole(const struct paged_vec_ *v)
{
	if (PAGES_UNLIKELY((v->options_ & PAGED_VEC_WRITING_) != 0))
		pages_die_of(PAGED_VEC_CALL, "it is being written",
			     "NAME_write_end() was not called");
}

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

/* The size of n elements in bytes; -EOVERFLOW if it exceeds PTRDIFF_MAX. */
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

/* Call the type's drop for n elements; the caller forgets them. */
void paged_vec_drop(const struct paged_vec_type_ *t, char *from, size_t n);

/* The invariants of a vector between two calls; for assert(). */
bool paged_vec_is_valid(const struct paged_vec_ *v, const struct paged_vec_type_ *t);

/* Make sure that the elements lie in pages; copies less than 64 KiB if they do not yet. */
int paged_vec_into_pages(struct paged_vec_ *v, const struct paged_vec_type_ *t);

/* Make the pages in v->pages_ the storage of *v, with bytes of elements in use. */
void paged_vec_adopt(struct paged_vec_ *v, const struct paged_vec_type_ *t, size_t bytes);

/*
 * Take the pages of a freed vector: keep them for reuse, or close them.  *pages is empty
 * afterwards.  They have no options or hints of the caller.
 */
void paged_vec_keep(struct pages_rw *pages);

/*
 * Get kept pages of at least room bytes, and at most 32 times that; false if there are none.
 * Their contents are undefined.
 */
bool paged_vec_reuse(size_t room, struct pages_rw *ret);

/* Close all kept pages; false if there were none, or another thread is using the cache. */
bool paged_vec_flush_cache(void);

#endif /* PAGES_SRC_PAGED_VEC_H */
