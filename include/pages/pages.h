/* SPDX-License-Identifier: MIT */
/*
 * pages.h - memory pages whose permissions are part of their type
 *
 * A handle owns a range of whole pages.  Its type says what may be done with
 * them, and what the type does not allow does not compile: struct pages_none
 * (no access), pages_ro, pages_rw, and pages_rx, read and execute, which exists
 * where PAGES_ENABLE_EXEC is defined before this header is included.  Nothing
 * is ever writable and executable.
 *
 *	struct pages_rw w = {0};
 *	struct pages_ro r = {0};
 *
 *	if (pages_open(&w, 1 << 20) != 0)
 *		return -1;
 *	PAGES_AT(long, &w, 7) = 42;
 *	if (pages_to_ro(&w, &r) == 0)		(now r owns the pages, w is empty)
 *		use(PAGES_AT(long, &r, 7));
 *	pages_close(&w);
 *	pages_close(&r);			(closing an empty handle is harmless)
 *
 * Handles: {0} is empty, the state to start from.  After an assignment only one
 * of the two may be used.  Calls are macros that evaluate each argument once.
 *
 * Mistakes: using an empty handle (not opened, closed, or moved away by a
 * transition) is a compile error where the optimiser sees it, in gcc from -Og
 * and in clang from -O2, and else one line on stderr and abort(3).  The latter
 * also answers an index or a code offset past the end.
 *
 * Errors: calls that give an int return 0 or a negative errno value, and leave
 * their handles as they were on failure.  No call changes errno.
 * Threads: many may read, write and ask for the length of one handle; every
 * other call needs the handle for itself.  Different handles are independent.
 * Sizes and offsets are bytes; the page size is the machine's, at run time.
 */
#ifndef PAGES_PAGES_H
#define PAGES_PAGES_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include <pages/attr.h>

#ifdef __cplusplus
#define PAGES_EMPTY_ {}			/* so is a handle without an initialiser */
#else
#define PAGES_EMPTY_
#endif
/* Inside every handle; not for direct use. */
struct pages_raw_ {
	void *base_ PAGES_EMPTY_;
	size_t len_ PAGES_EMPTY_;
	uintptr_t info_ PAGES_EMPTY_;	/* 0 so far */
};

struct pages_none { struct pages_raw_ p_; };
struct pages_ro { struct pages_raw_ p_; };
struct pages_rw { struct pages_raw_ p_; };
#ifdef PAGES_ENABLE_EXEC
struct pages_rx { struct pages_raw_ p_; };
#endif

/*
 * pages_open - fill the empty *rw with len bytes of zeroed pages
 *
 * len is rounded up to whole pages, which use memory once they are written.
 * Returns 0; -EINVAL for len 0, -ENOMEM, or -EBUSY if *rw is not empty.
 */
#define pages_open(rw, len) pages_open_(PAGES_NEEDS_WRITABLE(rw), (size_t)(len))

/* pages_close - give the pages of any handle back; *p is empty then, or was */
#define pages_close(p) pages_close_(PAGES_NEEDS_HANDLE(p))

/*
 * pages_to_none, pages_to_ro, pages_to_rw, pages_to_rx - change permissions
 *
 *   from  a live handle of any type, empty after success
 *   to    an empty handle of the type that the call names
 *
 * Pages stay where they are and keep their contents; through old pointers, too,
 * the hardware refuses what the new type does not allow.  Code may be called at
 * once: pages_to_rx() brings the instruction cache up to date.
 * Returns 0; -EBUSY if *to is not empty; else what mprotect(2) says, such as
 * -EACCES for executable memory under a security policy.
 */
#define pages_to_none(from, to) PAGES_MOVE_(from, to, none, PAGES_P_NONE_)
#define pages_to_ro(from, to) PAGES_MOVE_(from, to, ro, PAGES_P_RO_)
#define pages_to_rw(from, to) PAGES_MOVE_(from, to, rw, PAGES_P_RW_)
#ifdef PAGES_ENABLE_EXEC
#define pages_to_rx(from, to) PAGES_MOVE_(from, to, rx, PAGES_P_RX_)
#endif

/* pages_read - const void *, the start of ro, rw or rx pages */
#define pages_read(p) \
	((const void *)pages_check_(PAGES_NEEDS_READABLE(p), "pages_read")->base_)

/* pages_write - void *, the start of rw pages */
#define pages_write(rw) ((void *)pages_check_(PAGES_NEEDS_WRITABLE(rw), "pages_write")->base_)

/* pages_len - size_t, the length of any handle; whole pages, 0 if it is empty */
#define pages_len(p) ((size_t)PAGES_NEEDS_ANY(p)->len_)

/*
 * PAGES_AT - element i of readable pages seen as an array of type
 *
 * An lvalue: modifiable for struct pages_rw *, const for every other handle, a
 * const struct pages_rw * among them.  Aborts if i is out of range.
 */
#define PAGES_AT(type, p, i)                                                       \
	(*(__typeof__(PAGES_AS_(type, p)))pages_slot_(PAGES_NEEDS_READABLE(p),     \
						      (size_t)(i), sizeof(type), "PAGES_AT"))

/*
 * PAGES_FN - pointer to the function that starts at byte off of rx pages
 *
 *	long (*add)(long, long) = PAGES_FN(&rx, 0, long(long, long));
 *
 * Aborts if off is out of range.  Whether the bytes there are such a function
 * is for the caller to know.
 */
#ifdef PAGES_ENABLE_EXEC
#define PAGES_FN(rx, off, ...)	/* ISO C turns data into code only through an integer */ \
	((__typeof__(__VA_ARGS__) *)(void (*)(void))(uintptr_t)pages_slot_(        \
		PAGES_NEEDS_EXECUTABLE(rx), (size_t)(off), 1, "PAGES_FN"))
#endif

/*
 * pages_resize - change the length, keeping the contents as far as they fit
 *
 * len is rounded up to whole pages; what is new reads as zero.  The pages may
 * move, without being copied.
 * Returns 0; -EINVAL for len 0, -ENOMEM; else what mremap(2) says, such as
 * -EFAULT after mlock(2) or the like on a part of the pages.
 */
#define pages_resize(rw, len) pages_resize_(PAGES_NEEDS_WRITABLE(rw), (size_t)(len))

/*
 * pages_decommit - drop the contents and the memory of a range
 *
 * Pages wholly in the range read as zero and use no memory until written (they
 * are cleared if the kernel cannot do it); parts of pages at its ends stay.
 * Returns 0; -ERANGE past the end; -EINVAL for memory locked by mlock(2).
 */
#define pages_decommit(rw, offset, len)                                            \
	pages_discard_(*pages_check_(PAGES_NEEDS_WRITABLE(rw), "pages_decommit"),  \
		       (size_t)(offset), (size_t)(len))

/*
 * pages_prefault - have every page that a range touches present and writable
 *
 * Contents stay.  Returns 0; -ERANGE past the end; -ENOMEM or the like if memory
 * is short, which kernels before Linux 5.14 do not say: there, pages are touched.
 */
#define pages_prefault(rw, offset, len)                                            \
	pages_populate_(*pages_check_(PAGES_NEEDS_WRITABLE(rw), "pages_prefault"), \
			(size_t)(offset), (size_t)(len))

/* From here on: what makes the above work; not for direct use. ------------- */
enum { PAGES_P_NONE_ = 0, PAGES_P_RO_ = 1, PAGES_P_RW_ = 3, PAGES_P_RX_ = 5 };
#define PAGES_MOVE_(from, to, kind, prot)                                          \
	pages_move_(PAGES_NEEDS_HANDLE(from), PAGES_NEEDS_EXACTLY(pages_##kind, to), \
		    (prot), "pages_to_" #kind)

PAGES_BEGIN_C

/* By value: a handle whose address leaves the caller is lost to the optimiser. */
PAGES_API int pages_map_(size_t len, struct pages_raw_ *ret);
PAGES_API void pages_unmap_(struct pages_raw_ p);
PAGES_API int pages_protect_(struct pages_raw_ p, unsigned prot);
PAGES_API int pages_remap_(struct pages_raw_ p, size_t len, struct pages_raw_ *ret);
PAGES_API PAGES_MUST_CHECK int pages_discard_(struct pages_raw_ p, size_t offset, size_t len);
PAGES_API PAGES_MUST_CHECK int pages_populate_(struct pages_raw_ p, size_t offset, size_t len);
PAGES_API void pages_die_empty_(const char *call) __attribute__((noreturn));
PAGES_API void pages_die_range_(const char *call, size_t i, size_t n)
	__attribute__((noreturn));

/* Nowhere defined: a call that survives optimisation is the compile error. */
#if __has_attribute(error)
void pages_used_after_move_(const char *call) __attribute__((
	error("pages: this handle is empty: not opened, closed, or moved by a transition")));
#else				/* clang before 14 */
#define pages_used_after_move_ pages_die_empty_
#endif
#define PAGES_INLINE_ static inline __attribute__((always_inline))

PAGES_INLINE_ const struct pages_raw_ *
pages_check_(const struct pages_raw_ *p, const char *call)
{
	if (__builtin_constant_p(p->base_ == NULL) && p->base_ == NULL)
		pages_used_after_move_(call);
	if (__builtin_expect(p->base_ == NULL, 0))
		pages_die_empty_(call);
	return p;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_open_(struct pages_raw_ *p, size_t len)
{
	struct pages_raw_ q;
	int err = p->base_ != NULL ? -EBUSY : pages_map_(len, &q);

	if (err == 0)
		*p = q;
	return err;
}

PAGES_INLINE_ void
pages_close_(struct pages_raw_ *p)
{
	if (p->base_ != NULL)
		pages_unmap_(*p);
	p->base_ = NULL;
	p->len_ = p->info_ = 0;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_move_(struct pages_raw_ *from, struct pages_raw_ *to, unsigned prot, const char *call)
{
	struct pages_raw_ q = *pages_check_(from, call);
	int err = to->base_ != NULL ? -EBUSY : pages_protect_(q, prot);

	if (err == 0) {
		*to = q;
		from->base_ = NULL;
		from->len_ = from->info_ = 0;
	}
	return err;
}

PAGES_INLINE_ PAGES_MUST_CHECK int
pages_resize_(struct pages_raw_ *p, size_t len)
{
	struct pages_raw_ q;
	int err = pages_remap_(*pages_check_(p, "pages_resize"), len, &q);

	if (err == 0)
		*p = q;
	return err;
}

PAGES_INLINE_ void *
pages_slot_(const struct pages_raw_ *p, size_t i, size_t size, const char *call)
{
	char *base = (char *)pages_check_(p, call)->base_;

	if (__builtin_expect(i >= p->len_ / size, 0))
		pages_die_range_(call, i, p->len_ / size);
	return base + i * size;
}

PAGES_END_C

/* What a call takes, by name because compilers quote it; exec types if there. */
#ifdef PAGES_ENABLE_EXEC
#define PAGES_IF_RX_(...) __VA_ARGS__
#else
#define PAGES_IF_RX_(...)
#endif
#ifdef __cplusplus
#define PAGES_ACCEPT_(who, type) \
	PAGES_INLINE_ pages_raw_ *who(type *p) { return &p->p_; } \
	PAGES_INLINE_ const pages_raw_ *who(const type *p) { return &p->p_; }
PAGES_ACCEPT_(pages_any_, pages_none)
PAGES_ACCEPT_(pages_any_, pages_ro)
PAGES_ACCEPT_(pages_any_, pages_rw)
PAGES_ACCEPT_(pages_readable_, pages_ro)
PAGES_ACCEPT_(pages_readable_, pages_rw)
PAGES_IF_RX_(PAGES_ACCEPT_(pages_any_, pages_rx) PAGES_ACCEPT_(pages_readable_, pages_rx)
	     PAGES_ACCEPT_(pages_executable_, pages_rx))
template <class H> PAGES_INLINE_ pages_raw_ *pages_exactly_(H *p) { return &p->p_; }
template <class T> T *pages_as_(pages_rw *);
template <class T> const T *pages_as_(const void *);
#define PAGES_AS_(type, p) pages_as_<type>(p)
#define PAGES_NEEDS_HANDLE(p) pages_any_(p)
#define PAGES_NEEDS_ANY(p) pages_any_(p)
#define PAGES_NEEDS_READABLE(p) pages_readable_(p)
#define PAGES_NEEDS_EXECUTABLE(p) pages_executable_(p)
#define PAGES_NEEDS_EXACTLY(type, p) pages_exactly_<type>(p)
#else
#define PAGES_1_(type, p) struct type *: (p)
#define PAGES_2_(type, p) struct type *: (p), const struct type *: (p)
#define PAGES_AS_(type, p)                                                         \
	_Generic((p), struct pages_rw *: (__typeof__(type) *)0,                    \
		default: (const __typeof__(type) *)0)
#define PAGES_NEEDS_HANDLE(p)                                                      \
	(&_Generic((p), PAGES_1_(pages_none, p), PAGES_1_(pages_ro, p),            \
		PAGES_IF_RX_(PAGES_1_(pages_rx, p),) PAGES_1_(pages_rw, p))->p_)
#define PAGES_NEEDS_ANY(p)                                                         \
	(&_Generic((p), PAGES_2_(pages_none, p), PAGES_2_(pages_ro, p),            \
		PAGES_IF_RX_(PAGES_2_(pages_rx, p),) PAGES_2_(pages_rw, p))->p_)
#define PAGES_NEEDS_READABLE(p)                                                    \
	(&_Generic((p), PAGES_2_(pages_ro, p),                                     \
		PAGES_IF_RX_(PAGES_2_(pages_rx, p),) PAGES_2_(pages_rw, p))->p_)
#define PAGES_NEEDS_EXECUTABLE(p) (&_Generic((p), PAGES_2_(pages_rx, p))->p_)
#define PAGES_NEEDS_EXACTLY(type, p) (&_Generic((p), PAGES_1_(type, p))->p_)
#endif
#define PAGES_NEEDS_WRITABLE(p) PAGES_NEEDS_EXACTLY(pages_rw, p)
#endif /* PAGES_PAGES_H */
