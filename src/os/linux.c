/* SPDX-License-Identifier: MIT */
/*
 * linux.c - os.h on Linux: mapping, moving and dropping memory
 *
 * Kernel constants are ABI.  Where the C library's headers may be older than the kernel,
 * they are defined here by number; caps.c finds out whether the running kernel knows them.
 */
#include "os.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base.h"
#include "linux.h"

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

static_assert(PAGES_OS_READ == PROT_READ, "prot bits are handed through");
static_assert(PAGES_OS_WRITE == PROT_WRITE, "prot bits are handed through");
static_assert(PAGES_OS_EXEC == PROT_EXEC, "prot bits are handed through");

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)

/* By their names, so that slots of the global offset table are used, which others may change. */
static void *
call_mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	return mmap(p, len, prot, flags, fd, offset);
}

static int
call_munmap(void *p, size_t len)
{
	return munmap(p, len);
}

/* remap_to() says why there is no fifth argument. */
static void *
call_mremap(void *p, size_t len, size_t new_len, int flags, ...)
{
	return mremap(p, len, new_len, flags);
}

static int
call_mprotect(void *p, size_t len, int prot)
{
	return mprotect(p, len, prot);
}

static int
call_madvise(void *p, size_t len, int advice)
{
	return madvise(p, len, advice);
}

struct pages_os_calls pages_os_calls = {
	call_mmap, call_munmap, call_mremap, call_mprotect, call_madvise, syscall,
};

/*
 * Cached, because getauxval() walks through the auxiliary vector.  Threads that race here
 * store the same value.
 */
PAGES_HOT size_t
pages_os_page_size(void)
{
	static _Atomic size_t known;
	size_t page = atomic_load_explicit(&known, memory_order_relaxed);

	if (PAGES_UNLIKELY(page == 0)) {
		page = getauxval(AT_PAGESZ);
		atomic_store_explicit(&known, page, memory_order_relaxed);
	}
	return page;
}

/* Anonymous mmap with the error convention of os.h. */
PAGES_HOT static int
map(void *hint, size_t len, int prot, int flags, void **ret)
{
	int saved = errno;
	void *p = PAGES_OS_CALL(mmap)(hint, len, prot, flags, -1, 0);
	int err = p == MAP_FAILED ? -errno : 0;

	errno = saved;
	if (err == 0)
		*ret = p;
	/* cppcheck-suppress memleak ; it is *ret */
	return err;
}

static int
advise(void *p, size_t len, int advice)
{
	int saved = errno;

	return len == 0 ? 0 : pages_os_answer(PAGES_OS_CALL(madvise)(p, len, advice), saved);
}

/*
 * mmap guarantees page alignment only.  If the first mapping is not aligned by chance, map
 * more than needed and unmap both ends: up to four more system calls.
 */
PAGES_HOT static int
map_aligned(size_t len, size_t align, size_t lead, int prot, int flags, void **ret)
{
	size_t span, head;
	void *base;
	int err = map(NULL, len, prot, flags, &base);

	if (err == 0 && (((uintptr_t)base + lead) & (align - 1)) == 0) {
		*ret = base;
		return 0;
	}
	if (err == 0)
		pages_os_release(base, len);
	if (err != 0)
		return err;
	if (__builtin_add_overflow(len, align - pages_os_page_size(), &span))
		return -ENOMEM;
	err = map(NULL, span, prot, flags, &base);
	if (err != 0)
		return err;

	head = -((uintptr_t)base + lead) & (align - 1);
	pages_os_release(base, head);
	pages_os_release((char *)base + head + len, span - head - len);
	*ret = (char *)base + head;
	return 0;
}

int
pages_os_reserve(size_t len, size_t align, void **ret)
{
	return map_aligned(len, align, 0, PROT_NONE, ANON | MAP_NORESERVE, ret);
}

PAGES_HOT void
pages_os_release(void *p, size_t len)
{
	int saved = errno;

	if (len != 0)
		(void)PAGES_OS_CALL(munmap)(p, len);
	errno = saved;
}

PAGES_HOT int
pages_os_map(size_t len, size_t align, size_t lead, unsigned prot, void **ret)
{
	return map_aligned(len, align, lead, (int)prot, ANON, ret);
}

/* As for pages_os_fill(): a hint. */
int
pages_os_map_hinted(void *p, size_t len, unsigned prot, void **ret)
{
	return map(p, len, (int)prot, ANON, ret);
}

int
pages_os_map_pool(size_t len, unsigned log2, void **ret)
{
	int size = (int)(log2 << MAP_HUGE_SHIFT);

	return map(NULL, len, READ_WRITE, ANON | MAP_HUGETLB | size, ret);
}

int
pages_os_map_lazy(size_t len, void **ret)
{
	return map(NULL, len, READ_WRITE, ANON | MAP_NORESERVE, ret);
}

int
pages_os_protect(void *p, size_t len, unsigned prot)
{
	int saved = errno;

	return len == 0 ? 0 : pages_os_answer(PAGES_OS_CALL(mprotect)(p, len, (int)prot), saved);
}

/*
 * Announce that a range will change, and lose its contents.  MPI and RDMA stacks keep a
 * cache from address ranges to pinned pages.  They patch functions of the C library and drop
 * the entries of a range when such a function changes it.  All of them watch MADV_DONTNEED.
 * Not all watch a MAP_FIXED over an old mapping, or the target address of an mremap.
 */
static void
announce(void *p, size_t len)
{
	(void)advise(p, len, MADV_DONTNEED);
}

/* Map over what is at p (MAP_FIXED).  The old contents are lost even if this fails. */
static int
map_over(void *p, size_t len, int prot, int flags)
{
	void *q;

	if (len == 0)
		return 0;
	announce(p, len);
	return map(p, len, prot, ANON | MAP_FIXED | flags, &q);
}

/* The C library's mremap without a target address, with the error convention of os.h. */
static int
remap(void *p, size_t len, size_t new_len, int flags, void **ret)
{
	int saved = errno;
	void *q = PAGES_OS_CALL(mremap)(p, len, new_len, flags);
	int err = pages_os_answer(q == MAP_FAILED ? -1 : 0, saved);

	if (err == 0)
		*ret = q;
	return err;
}

/*
 * Announce a range whose contents must be kept: an mremap to the length that it has, which
 * the patched function sees and the kernel ignores.
 */
static void
announce_gently(void *p, size_t len)
{
	void *q;

	(void)remap(p, len, len, 0, &q);
}

/*
 * mremap to a given address, by syscall().  A patched mremap may not pass on the
 * fifth argument, the target; the kernel would then move the pages to whatever address is
 * in that register.
 */
static int
remap_to(void *p, size_t len, size_t new_len, int flags, void *dst)
{
	int saved = errno;
	long at;

	flags |= MREMAP_MAYMOVE | MREMAP_FIXED;
	at = PAGES_OS_CALL(syscall)(SYS_mremap, p, len, new_len, flags, dst);
	return pages_os_answer(at == -1 ? -1 : 0, saved);
}

int
pages_os_extend(void *p, size_t len, size_t new_len)
{
	void *q;

	return remap(p, len, new_len, 0, &q);
}

int
pages_os_resize(void *p, size_t len, size_t new_len, void **ret)
{
	return remap(p, len, new_len, MREMAP_MAYMOVE, ret);
}

int
pages_os_resize_to(void *p, size_t len, size_t new_len, void *dst)
{
	announce_gently(p, len);
	announce(dst, new_len);
	return remap_to(p, len, new_len, 0, dst);
}

/*
 * In two steps: make a new mapping elsewhere, then move it over the old one.  A single
 * MAP_FIXED can fail after the kernel has unmapped the old range, and another thread's mmap
 * may then land in the hole.  The kernel checks all limits for the first step, where a
 * failure changes nothing.
 */
int
pages_os_replace(void *p, size_t len, unsigned prot)
{
	void *q;
	int err;

	if (len == 0)
		return 0;
	err = map(NULL, len, (int)prot, ANON | MAP_NORESERVE, &q);
	return err != 0 ? err : pages_os_put(q, len, p);
}

/* What is at dst is unmapped by the move; nothing tells whether that happened if it fails. */
int
pages_os_put(void *p, size_t len, void *dst)
{
	announce_gently(dst, len);
	if (remap_to(p, len, len, 0, dst) == 0)
		return 0;
	pages_os_release(p, len);
	return -ENOTRECOVERABLE;
}

int
pages_os_seal(void *p, size_t len)
{
	int saved = errno;

	return pages_os_answer(PAGES_OS_CALL(syscall)(SYS_mseal, p, len, 0L), saved);
}

int
pages_os_discard(void *p, size_t len)
{
	return advise(p, len, MADV_DONTNEED);
}

int
pages_os_renew(void *p, size_t len)
{
	return map_over(p, len, READ_WRITE, MAP_NORESERVE);
}

int
pages_os_renew_pool(void *p, size_t len)
{
	return map_over(p, len, READ_WRITE, MAP_HUGETLB | 21 << MAP_HUGE_SHIFT);
}

int
pages_os_move(void *src, void *dst, size_t len)
{
	int err;

	if (len == 0)
		return 0;
	announce(dst, len);
	/* DONTUNMAP keeps src mapped, so there is no hole for another thread's mmap. */
	err = remap_to(src, len, len, MREMAP_DONTUNMAP, dst);
	if (err == 0)
		announce(src, len);	/* drops nothing: its pages are at dst now */
	return err;
}

/*
 * The address is a hint, which the kernel follows if the range is free.  MAP_FIXED_NOREPLACE
 * would say no more: sandboxes refuse that flag, and Linux before 4.17 does not know it.
 */
int
pages_os_fill(void *p, size_t len, unsigned prot)
{
	void *q = NULL;
	int err;

	if (len == 0)
		return 0;
	err = map(p, len, (int)prot, ANON | MAP_NORESERVE, &q);
	if (err == 0 && q != p) {
		pages_os_release(q, len);
		err = -EEXIST;
	}
	return err;
}

int
pages_os_populate(void *p, size_t len)
{
	return advise(p, len, MADV_POPULATE_WRITE);
}
