/* SPDX-License-Identifier: MIT */
/*
 * os_linux.c - os.h on Linux
 *
 * Kernel constants are ABI: where the C library's headers are older than the
 * kernel they are defined here by number, and whether the kernel knows them is
 * found out at run time.
 */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include "base.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static_assert(PAGES_OS_READ == PROT_READ, "prot bits are handed through");
static_assert(PAGES_OS_WRITE == PROT_WRITE, "prot bits are handed through");
static_assert(PAGES_OS_EXEC == PROT_EXEC, "prot bits are handed through");

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)

/* mmap with our error convention. */
static int
map(void *hint, size_t len, int prot, int flags, void **ret)
{
	int saved = errno;
	void *p = mmap(hint, len, prot, flags, -1, 0);
	int err = p == MAP_FAILED ? -errno : 0;

	errno = saved;
	if (err == 0)
		*ret = p;
	return err;
}

static int
advise(void *p, size_t len, int advice)
{
	int saved = errno;
	int err = 0;

	if (len != 0 && madvise(p, len, advice) != 0)
		err = -errno;
	errno = saved;
	return err;
}

static size_t
address_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_AS, &rl) != 0 || rl.rlim_cur == RLIM_INFINITY)
		return SIZE_MAX;
	return rl.rlim_cur;
}

void
pages_os_facts(struct pages_os_facts *ret)
{
	int saved = errno;
	struct sysinfo si;
	char mode[4];

	*ret = (struct pages_os_facts){
		.page_size = getauxval(AT_PAGESZ),
		.address_limit = address_limit(),
	};
	if (sysinfo(&si) == 0) {
		ret->ram = si.totalram * si.mem_unit;
		ret->ram_and_swap = ret->ram + si.totalswap * si.mem_unit;
	}
	if (pages_os_read_file("/proc/sys/vm/overcommit_memory", mode, sizeof(mode)) == 0)
		ret->strict_overcommit = mode[0] == '2';
	errno = saved;
}

/*
 * mmap promises page alignment only: ask for more and hand back both ends.
 */
int
pages_os_reserve(size_t len, size_t align, void **ret)
{
	size_t page = getauxval(AT_PAGESZ), span, head;
	void *base;
	int err;

	if (__builtin_add_overflow(len, align - page, &span))
		return -ENOMEM;
	err = map(NULL, span, PROT_NONE, ANON | MAP_NORESERVE, &base);
	if (err != 0)
		return err;

	head = -(uintptr_t)base & (align - 1);
	pages_os_release(base, head);
	pages_os_release((char *)base + head + len, span - head - len);
	*ret = (char *)base + head;
	return 0;
}

void
pages_os_release(void *p, size_t len)
{
	int saved = errno;

	if (len != 0)
		(void)munmap(p, len);
	errno = saved;
}

int
pages_os_map(size_t len, unsigned prot, void **ret)
{
	return map(NULL, len, (int)prot, ANON, ret);
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
	int err = 0;

	if (len != 0 && mprotect(p, len, (int)prot) != 0)
		err = -errno;
	errno = saved;
	return err;
}

int
pages_os_resize(void *p, size_t len, size_t new_len, void **ret)
{
	int saved = errno;
	void *q = mremap(p, len, new_len, MREMAP_MAYMOVE);
	int err = q == MAP_FAILED ? -errno : 0;

	errno = saved;
	if (err == 0)
		*ret = q;
	return err;
}

int
pages_os_discard(void *p, size_t len)
{
	return advise(p, len, MADV_DONTNEED);
}

int
pages_os_renew(void *p, size_t len)
{
	void *q;

	if (len == 0)
		return 0;
	return map(p, len, READ_WRITE, ANON | MAP_NORESERVE | MAP_FIXED, &q);
}

int
pages_os_move(void *src, void *dst, size_t len)
{
	int saved = errno;
	int err = 0;

	/* DONTUNMAP keeps src mapped: no hole for another thread's mmap to land in. */
	if (len != 0 && mremap(src, len, len, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			       dst) == MAP_FAILED)
		err = -errno;
	errno = saved;
	return err;
}

/*
 * NOREPLACE, because another thread's mmap may have taken the hole meanwhile:
 * replacing that mapping would destroy somebody's data.
 */
int
pages_os_heal(void *dst, size_t len)
{
	void *q = NULL;
	int err;

	if (len == 0)
		return 0;
	err = map(dst, len, READ_WRITE, ANON | MAP_NORESERVE | MAP_FIXED_NOREPLACE, &q);
	if (err == 0 && q != dst) {	/* a kernel that takes the flag for a hint */
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

int
pages_os_huge(void *p, size_t len, bool on)
{
	return advise(p, len, on ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
}

int
pages_os_dump(void *p, size_t len, bool on)
{
	return advise(p, len, on ? MADV_DODUMP : MADV_DONTDUMP);
}

uint64_t
pages_os_now_ms(void)
{
	int saved = errno;
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	errno = saved;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void
pages_os_wait(_Atomic uint32_t *word, uint32_t val, unsigned ms)
{
	int saved = errno;
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, val, &ts, NULL, 0);
	errno = saved;
}

void
pages_os_wake(_Atomic uint32_t *word)
{
	int saved = errno;

	(void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}

void
pages_os_yield(void)
{
	(void)sched_yield();
}

/*
 * The file calls are raw: programs interpose open and write with wrappers that
 * allocate, and these run inside malloc.
 */
static int
open_file(const char *path, int flags)
{
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY, 0666);
}

int
pages_os_read_file(const char *path, char *buf, size_t len)
{
	int saved = errno;
	int err = 0;
	int fd = open_file(path, O_RDONLY);
	long n = fd < 0 ? -1 : syscall(SYS_read, fd, buf, len - 1);

	if (n < 0)
		err = -errno;
	else
		buf[n] = '\0';
	if (fd >= 0)
		(void)syscall(SYS_close, fd);
	errno = saved;
	return err;
}

int
pages_os_append_file(const char *path, const char *buf, size_t len)
{
	int saved = errno;
	int err = 0;
	int fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
	long n = fd < 0 ? -1 : syscall(SYS_write, fd, buf, len);

	if (n < 0)
		err = -errno;
	else if ((size_t)n != len)
		err = -ENOSPC;
	if (fd >= 0)
		(void)syscall(SYS_close, fd);
	errno = saved;
	return err;
}

void
pages_os_complain(const char *buf, size_t len)
{
	int saved = errno;

	(void)syscall(SYS_write, STDERR_FILENO, buf, len);
	errno = saved;
}

uint64_t
pages_os_stderr_id(void)
{
	int saved = errno;
	struct stat st;
	uint64_t id = 0;

	if (fstat(STDERR_FILENO, &st) == 0)
		id = (st.st_dev * 0x9e3779b97f4a7c15u ^ st.st_ino) | 1;
	errno = saved;
	return id;
}

int
pages_os_pid(void)
{
	return (int)syscall(SYS_getpid);
}

int
pages_os_exe(char *buf, size_t len)
{
	int saved = errno;
	ssize_t n = readlink("/proc/self/exe", buf, len - 1);
	int err = n < 0 ? -errno : 0;

	if (n >= 0)
		buf[n] = '\0';
	errno = saved;
	return err;
}
