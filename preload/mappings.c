/* SPDX-License-Identifier: MIT */
/*
 * mappings.c - intercepts calls that change mappings, because they may concern blocks of the heap
 *
 * What a program tells the kernel about addresses outlives the block that lies there.  So each
 * of these functions notes the pages of the heap before the kernel changes them (heap/taint.h);
 * the heap then ends the change with the block.  What leaves a mapping as the heap made it is
 * not noted: NumPy, for one, asks for huge pages for every large array.
 *
 * Garbage collectors call mprotect() in signal handlers, loaders before the shim has started,
 * and children of vfork() with memory that is their parent's: nothing here locks, allocates or
 * changes errno.
 *
 * Not here: remap_file_pages(), which works on mappings of files only, and such a mapping was
 * noted when it was laid over a block.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <sys/shm.h>

#include <pages/attr.h>

#include "calls.h"
#include "shim.h"

#define SHIM PAGES_API

/* Constants that are newer than some C libraries. */
enum {
	NORMAL = 0, WILLNEED = 3, DONTNEED = 4, DOFORK = 11, UNMERGEABLE = 13, HUGEPAGE = 14,
	NOHUGEPAGE = 15, DODUMP = 17, KEEPONFORK = 19, COLD = 20, PAGEOUT = 21, POPULATE_READ = 22,
	POPULATE_WRITE = 23, DONTNEED_LOCKED = 24, COLLAPSE = 25, GUARD_REMOVE = 103,
};

static void
changes(const void *p, size_t len)
{
	if (!pages_calls_are_own(p, len))
		pages_heap_taint(&pages_shim_heap, p, len);
}

/* Mapping. ---------------------------------------------------------------- */

SHIM void *
mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	if ((flags & MAP_FIXED) != 0)
		changes(p, len);
	return pages_calls.mmap(p, len, prot, flags, fd, offset);
}

SHIM void *mmap64(void *p, size_t len, int prot, int flags, int fd, off64_t offset)
	__attribute__((alias("mmap")));

SHIM int
munmap(void *p, size_t len)
{
	changes(p, len);
	return pages_calls.munmap(p, len);
}

/* The fifth argument is there only with flags that say so; the kernel ignores it otherwise. */
SHIM void *
mremap(void *p, size_t len, size_t new_len, int flags, ...)
{
	va_list ap;
	void *dst;

	va_start(ap, flags);
	dst = va_arg(ap, void *);
	va_end(ap);
	changes(p, len);
	if ((flags & MREMAP_FIXED) != 0)
		changes(dst, new_len);
	return pages_calls.mremap(p, len, new_len, flags, dst);
}

static size_t
segment_size(int id)
{
	struct shmid_ds ds;
	int saved = errno;
	size_t size = shmctl(id, IPC_STAT, &ds) == 0 ? ds.shm_segsz : 0;

	errno = saved;
	return size;
}

SHIM void *
shmat(int id, const void *p, int flags)
{
	if ((flags & SHM_REMAP) != 0)
		changes(p, segment_size(id));
	return pages_calls.shmat(id, p, flags);
}

/* Protecting. ------------------------------------------------------------- */

/* Read-write is what the heap's pages are: what was noted before stays noted. */
SHIM int
mprotect(void *p, size_t len, int prot)
{
	if (prot != (PROT_READ | PROT_WRITE))
		changes(p, len);
	return pages_calls.mprotect(p, len, prot);
}

SHIM int
pkey_mprotect(void *p, size_t len, int prot, int key)
{
	changes(p, len);
	return pages_calls.pkey_mprotect(p, len, prot, key);
}

/* Advising. --------------------------------------------------------------- */

/* Does a mapping of the heap stay as it is with this advice?  Of advice unknown here: no. */
static bool
is_harmless(int advice)
{
	switch (advice) {
	case NORMAL: case WILLNEED: case DONTNEED: case DOFORK: case UNMERGEABLE: case DODUMP:
	case KEEPONFORK: case COLD: case PAGEOUT: case POPULATE_READ: case POPULATE_WRITE:
	case DONTNEED_LOCKED: case COLLAPSE: case GUARD_REMOVE:
		return true;
	case HUGEPAGE:
		return pages_shim_heap.options.huge;
	case NOHUGEPAGE:
		return !pages_shim_heap.options.huge;
	default:
		return false;
	}
}

SHIM int
madvise(void *p, size_t len, int advice)
{
	if (!is_harmless(advice))
		changes(p, len);
	return pages_calls.madvise(p, len, advice);
}

/* Its advice has the numbers of madvise(). */
SHIM int
posix_madvise(void *p, size_t len, int advice)
{
	if (!is_harmless(advice))
		changes(p, len);
	return pages_calls.posix_madvise(p, len, advice);
}

/* The ranges are read when the kernel has read them: before, that could fault. */
SHIM ssize_t
process_madvise(int pidfd, const struct iovec *v, size_t n, int advice, unsigned flags)
{
	ssize_t result = pages_calls.process_madvise(pidfd, v, n, advice, flags);

	for (size_t i = 0; result > 0 && i < n && !is_harmless(advice); i++)
		changes(v[i].iov_base, v[i].iov_len);
	return result;
}

/* Locking, placing, watching. --------------------------------------------- */

SHIM int
mlock(const void *p, size_t len)
{
	changes(p, len);
	return pages_calls.mlock(p, len);
}

SHIM int
mlock2(const void *p, size_t len, unsigned flags)
{
	changes(p, len);
	return pages_calls.mlock2(p, len, flags);
}

SHIM long
mbind(void *p, unsigned long len, int mode, const unsigned long *nodes, unsigned long max,
      unsigned flags)
{
	changes(p, len);
	return pages_calls.mbind(p, len, mode, nodes, max, flags);
}

/* As with process_madvise(). */
SHIM int
ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;
	int result;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	result = pages_calls.ioctl(fd, request, arg);
	if (request == UFFDIO_REGISTER && result == 0) {
		const struct uffdio_register *r = arg;

		changes((const void *)(uintptr_t)r->range.start, r->range.len);
	}
	return result;
}
