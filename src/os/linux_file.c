/* SPDX-License-Identifier: MIT */
/*
 * linux_file.c - os.h on Linux: memory files (memfd), and mappings of files
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base.h"
#include "os.h"
#include "linux.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x8
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x10
#endif
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#define F_SEAL_WRITE 8
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 16
#endif

/*
 * Create an empty memory file; -1 and errno on failure.  Raw system calls, because the C
 * library may be older than they are.
 */
static long
create(enum pages_os_file kind, const char *label)
{
	unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
	unsigned exec = kind == PAGES_OS_FILE_CODE ? MFD_EXEC : MFD_NOEXEC_SEAL;
	long fd;

	if (kind == PAGES_OS_FILE_SECRET)
		return PAGES_OS_CALL(syscall)(SYS_memfd_secret, O_CLOEXEC);
	fd = PAGES_OS_CALL(syscall)(SYS_memfd_create, label, flags | exec);
	/* Linux before 6.3 does not know the flags for or against execution. */
	if (fd < 0 && errno == EINVAL)
		fd = PAGES_OS_CALL(syscall)(SYS_memfd_create, label, flags);
	return fd;
}

int
pages_os_file_open(enum pages_os_file kind, const char *label, size_t len, int *ret)
{
	int saved = errno;
	long fd = create(kind, label);
	int err = pages_os_answer(fd, saved);

	if (err != 0)
		return err;
	err = pages_os_file_resize((int)fd, len);
	if (err != 0) {
		pages_os_file_close((int)fd);
		return err;
	}
	*ret = (int)fd;
	return 0;
}

void
pages_os_file_close(int fd)
{
	int saved = errno;

	(void)close(fd);
	errno = saved;
}

int
pages_os_file_resize(int fd, size_t len)
{
	int saved = errno, result;
	struct pages_os_held held;

	pages_os_hold_fsize(&held);
	result = ftruncate(fd, (off_t)len);
	pages_os_release_fsize(&held);
	return pages_os_answer(result, saved);
}

static int
seal(int fd, int seals)
{
	int saved = errno;

	seals |= F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW;
	return pages_os_answer(fcntl(fd, F_ADD_SEALS, seals), saved);
}

int
pages_os_file_seal(int fd)
{
	return seal(fd, F_SEAL_WRITE);
}

int
pages_os_file_seal_future(int fd)
{
	return seal(fd, F_SEAL_FUTURE_WRITE);
}

uint64_t
pages_os_file_id(int fd)
{
	int saved = errno;
	struct stat st;
	uint64_t id = 0;

	if (fstat(fd, &st) == 0)
		id = (pages_hash_64(st.st_dev) ^ st.st_ino) | (uint64_t)1 << 63;
	errno = saved;
	return id;
}

int
pages_os_file_len(int fd, uint64_t *ret)
{
	int saved = errno;
	struct stat st;
	int err = pages_os_answer(fstat(fd, &st), saved);

	if (err == 0 && !S_ISREG(st.st_mode))
		err = -ENODEV;
	if (err == 0)
		*ret = (uint64_t)st.st_size;
	return err;
}

/* mmap of a file with the error convention of os.h. */
static int
map(void *p, int fd, uint64_t offset, size_t len, int prot, int flags, void **ret)
{
	int saved = errno;
	void *q = PAGES_OS_CALL(mmap)(p, len, prot, flags, fd, (off_t)offset);
	int err = pages_os_answer(q == MAP_FAILED ? -1 : 0, saved);

	if (err == 0)
		*ret = q;
	/* cppcheck-suppress memleak ; it is *ret */
	return err;
}

static int
flags_of(enum pages_os_sharing sharing)
{
	return sharing == PAGES_OS_SHARED ? MAP_SHARED : MAP_PRIVATE | MAP_NORESERVE;
}

int
pages_os_file_map(int fd, size_t len, unsigned prot, enum pages_os_sharing sharing, void **ret)
{
	return map(NULL, fd, 0, len, (int)prot, flags_of(sharing), ret);
}

/* Text without stdio, which allocates. */
static char *
put(char *to, const char *s)
{
	while (*s != '\0')
		*to++ = *s++;
	*to = '\0';
	return to;
}

static char *
put_number(char *to, int n)
{
	char digits[12];
	size_t i = sizeof(digits);
	unsigned v = (unsigned)n;

	digits[--i] = '\0';
	do
		digits[--i] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	return put(to, digits + i);
}

/* Raw system calls: programs interpose open() with wrappers that allocate. */
static long
reopen(char *path, int flags)
{
	return PAGES_OS_CALL(syscall)(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY, 0);
}

static int
map_fixed(int fd, size_t len, void **ret)
{
	enum { FIXED = F_SEAL_SHRINK | F_SEAL_GROW };
	int saved = errno, seals = fcntl(fd, F_GET_SEALS);
	uint64_t length;

	errno = saved;
	if (seals < 0 || (seals & FIXED) != FIXED || pages_os_file_len(fd, &length) != 0 ||
	    length != len)
		return -EINVAL;
	return pages_os_file_map(fd, len, PROT_READ | PROT_WRITE, PAGES_OS_SHARED, ret);
}

/* By O_PATH first: to open a device, a terminal or a pipe in earnest may block, or do something. */
int
pages_os_file_map_of(int pid, int fd, size_t len, void **ret)
{
	int saved = errno, err;
	char path[48];
	long look, file = -1;
	uint64_t length;

	put_number(put(put_number(put(path, "/proc/"), pid), "/fd/"), fd);
	look = reopen(path, O_PATH);
	err = pages_os_answer(look, saved);
	if (err == 0)
		err = pages_os_file_len((int)look, &length);
	if (err == 0) {
		put_number(put(path, "/proc/self/fd/"), (int)look);
		file = reopen(path, O_RDWR);
		err = pages_os_answer(file, saved);
	}
	if (err == 0)
		err = map_fixed((int)file, len, ret);
	if (file >= 0)
		pages_os_file_close((int)file);
	if (look >= 0)
		pages_os_file_close((int)look);
	return err;
}

/* In two steps, as pages_os_replace(): all errors that can be foreseen occur in the first. */
int
pages_os_file_map_at(void *p, int fd, uint64_t offset, size_t len, unsigned prot,
		     enum pages_os_sharing sharing)
{
	void *q;
	int err = map(NULL, fd, offset, len, (int)prot, flags_of(sharing), &q);

	return err != 0 ? err : pages_os_put(q, len, p);
}

/* Not madvise(MADV_REMOVE): emulators report success for it and do nothing. */
int
pages_os_file_discard(int fd, uint64_t offset, size_t len)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, saved = errno;

	return len == 0 ? 0 : pages_os_answer(fallocate(fd, mode, (off_t)offset, (off_t)len), saved);
}
