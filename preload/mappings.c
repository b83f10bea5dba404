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
 * noted when it was laid over a block.  Calls by syscall() are noticed in syscalls.c.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/shm.h>

#include <pages/attr.h>

#include "os/base.h"
#include "os/os.h"
#include "calls.h"
#include "shim.h"
#include "watch.h"

#define SHIM PAGES_API

/* Constants that are newer than some C libraries. */
enum {
	NORMAL = 0, WILLNEED = 3, DONTNEED = 4, DOFORK = 11, UNMERGEABLE = 13, HUGEPAGE = 14,
	NOHUGEPAGE = 15, DODUMP = 17, KEEPONFORK = 19, COLD = 20, PAGEOUT = 21, POPULATE_READ = 22,
	POPULATE_WRITE = 23, DONTNEED_LOCKED = 24, COLLAPSE = 25, GUARD_REMOVE = 103,
};

void
pages_watch_range(const void *p, size_t len)
{
	if (!pages_calls_are_own(p, len))
		pages_heap_taint(&pages_shim_heap, p, len);
}

/* Mapping. ---------------------------------------------------------------- */

/*
 * What may be made of the pages of a hugetlb pool.  The kernel maps whole ones, however short the
 * length.  Nothing tells how large they are, but the address must be a multiple of that.  Where
 * other pages have 4 KiB none has more than 1 GiB.
 */
static void
watch_whole_pages(const void *p, size_t len)
{
	enum { LARGEST = 1 << 30 };
	size_t at = pages_round_down((size_t)p, pages_os_page_size()) | LARGEST;
	size_t huge = at & -at;

	if (pages_calls_are_own(p, len))
		return;
	pages_watch_range(p, len <= SIZE_MAX - huge ? pages_round_up(len, huge) : len);
}

void
pages_watch_mmap(const void *p, size_t len, int flags)
{
	if ((flags & MAP_FIXED) == 0)
		return;
	if ((flags & MAP_ANONYMOUS) != 0 && (flags & MAP_HUGETLB) == 0)
		pages_watch_range(p, len);
	else
		watch_whole_pages(p, len);
}

SHIM void *
mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	pages_watch_mmap(p, len, flags);
	return PAGES_CALL(mmap)(p, len, prot, flags, fd, offset);
}

/* musl has it for old programs only, and a macro of this name for new ones. */
#undef mmap64
SHIM void *mmap64(void *p, size_t len, int prot, int flags, int fd, off64_t offset)
	__attribute__((alias("mmap")));

SHIM int
munmap(void *p, size_t len)
{
	pages_watch_range(p, len);
	return PAGES_CALL(munmap)(p, len);
}

/* The heap's own moves have both ends in the heap. */
void
pages_watch_mremap(const void *p, size_t len, size_t new_len, int flags, const void *dst)
{
	if (pages_calls_are_own(p, len))
		return;
	pages_watch_range(p, len);
	if ((flags & MREMAP_FIXED) != 0)
		watch_whole_pages(dst, new_len);
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
	pages_watch_mremap(p, len, new_len, flags, dst);
	return PAGES_CALL(mremap)(p, len, new_len, flags, dst);
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

void
pages_watch_shmat(int id, const void *p, int flags)
{
	if ((flags & SHM_REMAP) != 0)
		watch_whole_pages(p, segment_size(id));
}

SHIM void *
shmat(int id, const void *p, int flags)
{
	pages_watch_shmat(id, p, flags);
	return PAGES_CALL(shmat)(id, p, flags);
}

/* Protecting. ------------------------------------------------------------- */

/* Read-write is what the heap's pages are: what was noted before stays noted. */
void
pages_watch_mprotect(const void *p, size_t len, int prot)
{
	if (prot != (PROT_READ | PROT_WRITE))
		pages_watch_range(p, len);
}

SHIM int
mprotect(void *p, size_t len, int prot)
{
	pages_watch_mprotect(p, len, prot);
	return PAGES_CALL(mprotect)(p, len, prot);
}

SHIM int
pkey_mprotect(void *p, size_t len, int prot, int key)
{
	pages_watch_range(p, len);
	return PAGES_CALL(pkey_mprotect)(p, len, prot, key);
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

void
pages_watch_madvise(const void *p, size_t len, int advice)
{
	if (!is_harmless(advice))
		pages_watch_range(p, len);
}

SHIM int
madvise(void *p, size_t len, int advice)
{
	pages_watch_madvise(p, len, advice);
	return PAGES_CALL(madvise)(p, len, advice);
}

/* Its advice has the numbers of madvise(). */
SHIM int
posix_madvise(void *p, size_t len, int advice)
{
	pages_watch_madvise(p, len, advice);
	return PAGES_CALL(posix_madvise)(p, len, advice);
}

/* The ranges are read when the kernel has read them: before, that could fault. */
void
pages_watch_process_madvise(const struct iovec *v, size_t n, int advice)
{
	for (size_t i = 0; i < n && !is_harmless(advice); i++)
		pages_watch_range(v[i].iov_base, v[i].iov_len);
}

SHIM ssize_t
process_madvise(int pidfd, const struct iovec *v, size_t n, int advice, unsigned flags)
{
	ssize_t result = PAGES_CALL(process_madvise)(pidfd, v, n, advice, flags);

	if (result > 0)
		pages_watch_process_madvise(v, n, advice);
	return result;
}

/* Locking, placing, watching. --------------------------------------------- */

SHIM int
mlock(const void *p, size_t len)
{
	pages_watch_range(p, len);
	return PAGES_CALL(mlock)(p, len);
}

SHIM int
mlock2(const void *p, size_t len, unsigned flags)
{
	pages_watch_range(p, len);
	return PAGES_CALL(mlock2)(p, len, flags);
}

SHIM long
mbind(void *p, unsigned long len, int mode, const unsigned long *nodes, unsigned long max,
      unsigned flags)
{
	pages_watch_range(p, len);
	return PAGES_CALL(mbind)(p, len, mode, nodes, max, flags);
}

/* As with process_madvise(). */
void
pages_watch_ioctl(unsigned request, const void *arg)
{
	const struct uffdio_register *r = arg;

	if (request == UFFDIO_REGISTER)
		pages_watch_range((const void *)(uintptr_t)r->range.start, r->range.len);
}

SHIM int
ioctl(int fd, PAGES_IOCTL_REQUEST request, ...)
{
	va_list ap;
	void *arg;
	int result;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	result = PAGES_CALL(ioctl)(fd, request, arg);
	if (result == 0)
		pages_watch_ioctl((unsigned)request, arg);
	return result;
}
