/* SPDX-License-Identifier: MIT */
/*
 * jit.h - code that is written while other code of the same pages runs
 *
 * Included by pages.h where PAGES_ENABLE_EXEC is defined.
 *
 *	struct pages_jit jit = {0};
 *
 *	if (pages_jit_open(&jit, 1 << 20) != 0 ||
 *	    pages_jit_write(&jit, 0, code, sizeof(code)) != 0)
 *		return -1;
 *	PAGES_JIT_FN(&jit, 0, long(long, long))(43, 34);
 *	pages_jit_close(&jit);
 *
 * The pages are there twice: at one address they can be written, at another one
 * they can be executed, and at none both.  No permission ever changes, so this goes
 * on working where a security policy forbids to make written pages executable, such
 * as after pages_lockdown().
 *
 * Where the kernel denies executable memory files, or has no descriptor left, there
 * is one view that is flipped: pages_jit_edit() makes it writable, pages_jit_publish()
 * executable again, and nobody may run code in between.  pages_jit_flips() tells.
 *
 * {0} is an empty struct; calls on one are answered with -EINVAL, or abort(3) in
 * PAGES_JIT_FN().  Errors and errno as in pages.h.
 * Threads: any number may run code; one at a time may edit.
 * Fork: the child may run the code; edits of two views are refused there with -EPERM,
 * because the parent would see them.
 */
#ifndef PAGES_JIT_H
#define PAGES_JIT_H

#ifndef PAGES_PAGES_H
#error include <pages/pages.h>
#endif

struct pages_jit {
	char *write_ PAGES_EMPTY_;		/* where it is written */
	const char *run_ PAGES_EMPTY_;		/* where it is run; the same if it flips */
	size_t len_ PAGES_EMPTY_;
	uintptr_t owner_ PAGES_EMPTY_;		/* the process */
};

/*
 * pages_jit_open - len bytes for code, rounded up to whole pages
 *
 * Returns 0; -EINVAL for len 0; -EBUSY if *jit is not empty; -ENOMEM; -EACCES if
 * neither two views nor one that flips are allowed.
 */
#define pages_jit_open(jit, len)                                                   \
	pages_jit_open_(PAGES_NEEDS_JIT(jit), PAGES_NEEDS_INTEGER(size_t, len))

/* Give the pages back, and leave *jit empty.  Nobody may be running their code. */
#define pages_jit_close(jit) pages_jit_empty_(PAGES_NEEDS_JIT(jit))

/*
 * pages_jit_edit - *ret is the writable view, all of it, until it is published
 *
 * Returns 0; -EINVAL; -EPERM in a forked child, or, when it flips, what mprotect(2)
 * says.  Cost: a system call (getpid, or mprotect when it flips).
 */
#define pages_jit_edit(jit, ret)                                                   \
	pages_jit_edit_(PAGES_NEEDS_JIT(jit), PAGES_NEEDS_POINTER(void *, ret))

/*
 * pages_jit_publish - let the bytes [off, off + len) that were written be run
 *
 * Brings the instruction cache up to date.  Returns 0; -ERANGE past the end;
 * -EINVAL; when it flips also what mprotect(2) says.
 */
#define pages_jit_publish(jit, off, len)                                           \
	pages_jit_publish_(PAGES_NEEDS_JIT(jit), PAGES_NEEDS_INTEGER(size_t, off), \
			   PAGES_NEEDS_INTEGER(size_t, len))

/* Edit, copy and publish in one: len bytes of code to byte off.  Returns as these. */
#define pages_jit_write(jit, off, code, len)                                       \
	pages_jit_write_(PAGES_NEEDS_JIT(jit), PAGES_NEEDS_INTEGER(size_t, off),   \
			 (code), PAGES_NEEDS_INTEGER(size_t, len))

/* Can code not be run while it is edited?  False for two views. */
#define pages_jit_flips(jit) pages_jit_flips_(PAGES_NEEDS_CONST_JIT(jit))

/* The length; whole pages, 0 if *jit is empty. */
#define pages_jit_len(jit) pages_jit_len_(PAGES_NEEDS_CONST_JIT(jit))

/*
 * pages_lockdown - no page that could be written ever becomes executable any more
 *
 * Process-wide, for good, and inherited by children (PR_SET_MDWE, Linux 6.3).
 * pages_to_rx() then says -EACCES; struct pages_jit goes on working.
 * Returns 0; -EOPNOTSUPP where the kernel cannot.
 */
PAGES_BEGIN_C
PAGES_API PAGES_MUST_CHECK int pages_lockdown(void);
PAGES_END_C

/*
 * PAGES_JIT_FN - pointer to the function that starts at byte off
 *
 * Aborts with one line if off is out of range or *jit is empty; the latter is a
 * compile error where the optimiser sees it.
 */
#define PAGES_JIT_FN(jit, off, ...)                                                \
	PAGES_CODE_(pages_jit_code_(PAGES_NEEDS_CONST_JIT(jit),                    \
				    PAGES_NEEDS_INTEGER(size_t, off),              \
				    PAGES_CALL_("PAGES_JIT_FN")), __VA_ARGS__)

/* From here on: what makes the above work; not for direct use. ------------- */

#define PAGES_NEEDS_JIT(jit) PAGES_NEEDS_POINTER(struct pages_jit, jit)
#define PAGES_NEEDS_CONST_JIT(jit) PAGES_NEEDS_CONST_POINTER(struct pages_jit, jit)

PAGES_BEGIN_C

PAGES_API PAGES_MUST_CHECK int pages_jit_open_(struct pages_jit *jit, size_t len);
PAGES_API PAGES_MUST_CHECK int pages_jit_edit_(struct pages_jit *jit, void **ret);
PAGES_API PAGES_MUST_CHECK int pages_jit_publish_(struct pages_jit *jit, size_t off, size_t len);
PAGES_API PAGES_MUST_CHECK int pages_jit_write_(struct pages_jit *jit, size_t off,
						const void *code, size_t len);
PAGES_API void pages_jit_close_(struct pages_jit *jit);

/* Once more what the library does, for the optimiser to see. */
PAGES_INLINE_ void
pages_jit_empty_(struct pages_jit *jit)
{
	pages_jit_close_(jit);
	jit->run_ = PAGES_NULL_;
}

PAGES_INLINE_ bool
pages_jit_flips_(const struct pages_jit *jit)
{
	return jit->write_ == jit->run_;
}

PAGES_INLINE_ size_t
pages_jit_len_(const struct pages_jit *jit)
{
	return jit->len_;
}

PAGES_INLINE_ const char *
pages_jit_code_(const struct pages_jit *jit, size_t off, const char *call)
{
	if (__builtin_constant_p(jit->run_ == PAGES_NULL_) && jit->run_ == PAGES_NULL_)
		pages_used_after_move_(call);
	if (__builtin_expect(jit->run_ == PAGES_NULL_, 0))
		pages_die_empty_(call);
	if (__builtin_expect(off >= jit->len_, 0))
		pages_die_range_(call, off, jit->len_);
	return jit->run_ + off;
}

PAGES_END_C

#endif /* PAGES_JIT_H */
