/* SPDX-License-Identifier: MIT */
/*
 * jit.h - pages for code that is generated at run time, also while other code there runs
 *
 * Included by pages.h if PAGES_ENABLE_EXEC is defined.
 *
 *	struct pages_jit jit = {0};
 *
 *	if (pages_jit_open(&jit, 1 << 20) != 0 ||
 *	    pages_jit_write(&jit, 0, code, sizeof(code)) != 0)
 *		return -1;
 *	PAGES_JIT_FN(&jit, 0, long(long, long))(43, 34);
 *	pages_jit_close(&jit);
 *
 * The same pages are mapped twice: at one address they are writable, at another executable,
 * and nowhere both.  Permissions never change, so this works even where a security policy
 * forbids to make written pages executable, for example after pages_lockdown().
 *
 * If the kernel denies executable memory files, or files as long (RLIMIT_FSIZE), or no descriptor
 * is left, the pages are mapped once, and their permissions flip: pages_jit_edit() makes them writable,
 * pages_jit_publish() executable again.  No thread may run the code in between.
 * pages_jit_flips() tells which of both it is.
 *
 * {0} is an empty struct; calls on one return -EINVAL, and PAGES_JIT_FN() aborts.
 * Errors and errno as in pages.h.
 * Threads: any number may run code; one at a time may edit.
 *
 * Fork: parent and child both have the code as it was.  Each may run it, edit it and close it, and
 * the other does not notice.  A child does not get the writable view, and from Linux 5.1 on cannot
 * make the executable one writable.  Instead the first edit after a fork, in either process,
 * copies the code to new pages and puts these in the place of the old ones, while other threads
 * may run it.  What is left:
 *   - While an edit is open in one thread, another one forks: the child sees the rest of that
 *     edit, too.  It ends with pages_jit_publish().
 *   - _Fork(), and fork(2) or clone(2) as raw system calls, do not tell the library.  The child may
 *     do what any child may.  But the parent's edits change the code of the child, too, until
 *     one of the two has made a copy: the child by an edit, or the parent after an ordinary fork.
 *   - A child of vfork() or clone(CLONE_VM) shares all memory with its parent.
 * popen(), system() and posix_spawn() make no copy necessary.
 */
#ifndef PAGES_JIT_H
#define PAGES_JIT_H

#ifndef PAGES_PAGES_H
#error include <pages/pages.h>
#endif

struct pages_jit {
	char *write_ PAGES_EMPTY_;		/* the writable address */
	const char *run_ PAGES_EMPTY_;		/* the executable address; the same if it flips */
	size_t len_ PAGES_EMPTY_;
	uintptr_t serial_ PAGES_EMPTY_;		/* see src/core/serial.h */
	uintptr_t stamp_ PAGES_EMPTY_;		/* which process mapped it when: src/core/forks.h */
};

/*
 * pages_jit_open - map len bytes for code, rounded up to whole pages
 *
 * Returns 0; -EINVAL for len 0; -EBUSY if *jit is not empty; -ENOMEM; -EACCES if a
 * security policy allows neither two views nor one that flips.
 * Two views are two mappings, of which a process has vm.max_map_count, usually 65 530: after about
 * 32 700 the answer is -ENOMEM.  Many small functions share one struct pages_jit.
 */
#define pages_jit_open(jit, len)                                                   \
	pages_jit_open_(pages_jit_initialised_(PAGES_NEEDS_JIT(jit)), PAGES_NEEDS_LENGTH(len))

/*
 * pages_jit_open_near - the same within reach of an address, for code that calls what is there
 *
 *	pages_jit_open_near(&jit, 1 << 20, puts, PAGES_CALL_REACH)
 *
 *   target  a pointer of any type, mostly to a function
 *   within  bytes: from each byte at which code runs, and from their end, target is so far away
 *           at most
 *
 * The pages replace no other mapping, and never move; for a moment there has to be room for two
 * more.  Of functions in several libraries, take one in the middle, and less than the reach.
 * Returns also -EADDRNOTAVAIL if no range is free there: let the code call by a register then.
 * Without /proc a free range may be missed.
 * Cost: that of pages_jit_open(); among N mappings now and then about N / 2 us more.
 */
#define pages_jit_open_near(jit, len, target, within)                              \
	pages_jit_open_near_(pages_jit_initialised_(PAGES_NEEDS_JIT(jit)),         \
			     PAGES_NEEDS_LENGTH(len), PAGES_NEEDS_ADDRESS(target), \
			     PAGES_NEEDS_INTEGER(size_t, within))

/* pages_jit_close - unmap the pages and leave *jit empty; no thread may run their code */
#define pages_jit_close(jit) pages_jit_empty_(PAGES_NEEDS_JIT(jit))

/*
 * pages_jit_edit - store the start of the writable view in *ret
 *
 * The view may be written until pages_jit_publish().  After a fork it is at another address.
 * Returns 0; -EINVAL; with one view that flips the error of mprotect(2); for the first edit after
 * a fork -ENOMEM, -EMFILE, -ENFILE or -EFBIG, and the code is as it was.
 * Cost: a few loads (Linux before 4.14: a getpid); mprotect if it flips; for the first edit after
 * a fork all pages are read, and those that are not zero are copied.
 */
#define pages_jit_edit(jit, ret)                                                   \
	pages_jit_edit_(pages_jit_seen_(PAGES_NEEDS_JIT(jit), PAGES_CALL_("pages_jit_edit")), \
			PAGES_NEEDS_POINTER(void *, ret))

/*
 * pages_jit_publish - make the bytes [off, off + len) that were written ready to run
 *
 * Brings the instruction cache up to date.  Returns 0; -ERANGE past the end;
 * -EINVAL; with one view that flips also the error of mprotect(2).
 */
#define pages_jit_publish(jit, off, len)                                           \
	pages_jit_publish_(pages_jit_seen_(PAGES_NEEDS_JIT(jit), PAGES_CALL_("pages_jit_publish")), \
			   PAGES_NEEDS_INDEX(off), PAGES_NEEDS_INDEX(len))

/*
 * pages_jit_cancel - end an edit without anything to run
 *
 * Bytes that were written stay, and may be neither run nor relied on.  Where permissions flip,
 * code that was there before can run again.  Returns what pages_jit_publish() returns.
 */
#define pages_jit_cancel(jit) pages_jit_publish(jit, 0, 0)

/* pages_jit_write - edit, copy len bytes of code to byte off, publish; same errors */
#define pages_jit_write(jit, off, code, len)                                       \
	pages_jit_write_(pages_jit_seen_(PAGES_NEEDS_JIT(jit), PAGES_CALL_("pages_jit_write")), \
			 PAGES_NEEDS_INDEX(off), (code), PAGES_NEEDS_INDEX(len))

/* pages_jit_flips - true if code must not run while it is edited; false for two views */
#define pages_jit_flips(jit) pages_jit_flips_(PAGES_NEEDS_CONST_JIT(jit))

/* pages_jit_len - size_t, the length in bytes; whole pages, 0 if *jit is empty */
#define pages_jit_len(jit) pages_jit_len_(PAGES_NEEDS_CONST_JIT(jit))

/*
 * pages_lockdown - forbid this process to make writable pages executable, for good
 *
 * Holds for the whole process and its children and cannot be undone (PR_SET_MDWE, Linux
 * 6.3).  pages_to_rx() then returns -EACCES.  A struct pages_jit with two views still works.
 * Returns 0; -EOPNOTSUPP if the kernel does not have it.
 */
PAGES_BEGIN_C
PAGES_API PAGES_MUST_CHECK int pages_lockdown(void);
PAGES_END_C

/*
 * PAGES_JIT_FN - pointer to the function that starts at byte off
 *
 * Prints one line and aborts if off is out of range or *jit is empty; the latter is a
 * compile error where the optimiser sees it.  The caller makes sure that the bytes there are
 * such a function.
 */
#define PAGES_JIT_FN(jit, off, ...)                                                \
	PAGES_CODE_(pages_jit_code_(PAGES_NEEDS_CONST_JIT(jit),                    \
				    PAGES_NEEDS_INDEX(off),                        \
				    PAGES_CALL_("PAGES_JIT_FN")), __VA_ARGS__)

/* The rest implements the macros above; not for direct use. ---------------- */

#define PAGES_NEEDS_JIT(jit) PAGES_NEEDS_POINTER(struct pages_jit, jit)
#define PAGES_NEEDS_CONST_JIT(jit) PAGES_NEEDS_CONST_POINTER(struct pages_jit, jit)

/* A pointer to anything: the two arms turn functions and arrays into pointers. */
#ifdef __cplusplus
#define PAGES_NEEDS_ADDRESS(p) pages_address_(p)
template <class T> PAGES_INLINE_ uintptr_t
pages_address_(T *p) { return reinterpret_cast<uintptr_t>(p); }
#else
#define PAGES_NEEDS_ADDRESS(p)                                                     \
	((uintptr_t)_Generic((char (*)[__builtin_classify_type(1 ? (p) : (p))])0,  \
			     char (*)[5 /* a pointer */]: (p), default: pages_no_address_))
#endif

PAGES_BEGIN_C

PAGES_API PAGES_MUST_CHECK int pages_jit_open_(struct pages_jit *jit, size_t len);
PAGES_API PAGES_MUST_CHECK int pages_jit_open_near_(struct pages_jit *jit, size_t len,
						    uintptr_t target, size_t within);
PAGES_API PAGES_MUST_CHECK int pages_jit_edit_(struct pages_jit *jit, void **ret);
PAGES_API PAGES_MUST_CHECK int pages_jit_publish_(struct pages_jit *jit, size_t off, size_t len);
PAGES_API PAGES_MUST_CHECK int pages_jit_write_(struct pages_jit *jit, size_t off,
						const void *code, size_t len);
PAGES_API void pages_jit_close_(struct pages_jit *jit);

/* In C it may have been left uninitialised; see pages_is_empty_(). */
#pragma GCC diagnostic push
#pragma GCC diagnostic error "-Wuninitialized"
PAGES_INLINE_ struct pages_jit *
pages_jit_initialised_(struct pages_jit *jit)
{
	const char *run = jit->run_;

	__asm__("" : : "g"(run));
	return jit;
}
#pragma GCC diagnostic pop

/* For the compiler alone: the library answers -EINVAL if it is empty. */
PAGES_INLINE_ struct pages_jit *
pages_jit_seen_(struct pages_jit *jit, const char *call)
{
	if (__builtin_constant_p(jit->run_ == PAGES_NULL_) && jit->run_ == PAGES_NULL_)
		pages_used_after_move_(call);
	return jit;
}

/* The library has cleared run_ already; this store lets the optimiser know it. */
PAGES_INLINE_ void
pages_jit_empty_(struct pages_jit *jit)
{
	pages_jit_close_(jit);
	jit->run_ = PAGES_NULL_;
}

PAGES_INLINE_ __attribute__((unused)) void
pages_jit_auto_(struct pages_jit *jit)
{
	pages_jit_close_(jit);
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
