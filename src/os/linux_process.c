/* SPDX-License-Identifier: MIT */
/*
 * linux_process.c - os.h on Linux: clocks, futexes, reading and writing small files, and
 *	the identity of the process
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base.h"
#include "os.h"
#include "linux.h"

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

uint64_t
pages_os_now_ms(void)
{
	int saved = errno;
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	errno = saved;
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* A shift instead of a division; 2^22 ns are 4.2 ms, so a second ends after 239 ticks. */
uint32_t
pages_os_tick(void)
{
	struct timespec ts = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);	/* cannot fail */
	return (uint32_t)ts.tv_sec * 256 + ((uint32_t)ts.tv_nsec >> 22);
}

void
pages_os_wait(_Atomic uint32_t *word, uint32_t val, unsigned ms)
{
	int saved = errno;
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)PAGES_OS_CALL(syscall)(SYS_futex, word, FUTEX_WAIT_PRIVATE, val, &ts, NULL, 0);
	errno = saved;
}

void
pages_os_wake(_Atomic uint32_t *word)
{
	int saved = errno;

	(void)PAGES_OS_CALL(syscall)(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}

void
pages_os_yield(void)
{
	(void)sched_yield();
}

unsigned
pages_os_cpus(void)
{
	cpu_set_t sets[8];	/* one holds 1024 CPUs: the kernel refuses it on larger machines */
	int saved = errno, n = 1;

	if (sched_getaffinity(0, sizeof(sets), sets) == 0)
		n = CPU_COUNT_S(sizeof(sets), sets);
	errno = saved;
	return n > 0 ? (unsigned)n : 1;
}

/*
 * Files are opened, read, written and closed by raw system calls.  Programs interpose the
 * C library's open and write with wrappers that allocate, and this code runs inside malloc.
 */
static int
open_file(const char *path, int flags)
{
	return (int)PAGES_OS_CALL(syscall)(SYS_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY, 0666);
}

int
pages_os_read_file(const char *path, char *buf, size_t len)
{
	int saved = errno;
	int err = 0;
	int fd = open_file(path, O_RDONLY);
	long n = fd < 0 ? -1 : PAGES_OS_CALL(syscall)(SYS_read, fd, buf, len - 1);

	if (n < 0)
		err = -errno;
	else
		buf[n] = '\0';
	if (fd >= 0)
		(void)PAGES_OS_CALL(syscall)(SYS_close, fd);
	errno = saved;
	return err;
}

/*
 * Call visit for each complete line in the first *len bytes of buf.  The incomplete rest
 * moves to the front of buf, and *len becomes its length.
 */
static void
visit_lines(char *buf, size_t *len, void (*visit)(void *arg, char *line), void *arg)
{
	char *line = buf, *end;

	while ((end = memchr(line, '\n', *len - (size_t)(line - buf))) != NULL) {
		*end = '\0';
		visit(arg, line);
		line = end + 1;
	}
	*len -= (size_t)(line - buf);
	memmove(buf, line, *len);
}

int
pages_os_read_lines(const char *path, char *buf, size_t len,
		    void (*visit)(void *arg, char *line), void *arg)
{
	size_t have = 0;
	int saved = errno;
	int fd = open_file(path, O_RDONLY);
	int err = fd < 0 ? -errno : 0;
	long n;

	while (fd >= 0 && (n = PAGES_OS_CALL(syscall)(SYS_read, fd, buf + have, len - 1 - have)) != 0) {
		if (n < 0) {
			err = -errno;
			break;
		}
		have += (size_t)n;
		visit_lines(buf, &have, visit, arg);
		have = pages_min(have, len / 2);	/* of a long line keep the start */
	}
	if (err == 0 && have != 0) {	/* a last line without a newline */
		buf[have++] = '\n';
		visit_lines(buf, &have, visit, arg);
	}
	if (fd >= 0)
		(void)PAGES_OS_CALL(syscall)(SYS_close, fd);
	errno = saved;
	return err;
}

/* write(2); -1 and errno on failure, which may be EFBIG. */
static long
write_once(int fd, const char *buf, size_t len)
{
	struct pages_os_held held;
	long n;

	pages_os_hold_fsize(&held);
	n = PAGES_OS_CALL(syscall)(SYS_write, fd, buf, len);
	pages_os_release_fsize(&held);
	return n;
}

int
pages_os_append_file(const char *path, const char *buf, size_t len)
{
	int saved = errno;
	int err = 0;
	int fd = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
	long n = fd < 0 ? -1 : write_once(fd, buf, len);

	if (n < 0)
		err = -errno;
	else if ((size_t)n != len)
		err = -ENOSPC;
	if (fd >= 0)
		(void)PAGES_OS_CALL(syscall)(SYS_close, fd);
	errno = saved;
	return err;
}

/* By the raw call, which asks for the real user's rights: a program with others has no settings. */
static int
may(const char *path, int what)
{
	return PAGES_OS_CALL(syscall)(SYS_faccessat, AT_FDCWD, path, what) == 0 ? 0 : -errno;
}

/* The part before the last slash, where a file can be created. */
static int
may_create(const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX] = ".";
	size_t n = slash == NULL ? 1 : (size_t)(slash - path) + 1;

	if (n >= sizeof(directory))
		return -ENAMETOOLONG;
	if (slash != NULL)
		memcpy(directory, path, n);
	return may(directory, W_OK | X_OK);
}

int
pages_os_may_append(const char *path)
{
	int saved = errno, err = may(path, W_OK), fd;

	if (err == -ENOENT)
		err = may_create(path);
	else if (err == 0 && (fd = open_file(path, O_PATH | O_DIRECTORY)) >= 0) {
		(void)PAGES_OS_CALL(syscall)(SYS_close, fd);
		err = -EISDIR;
	}
	errno = saved;
	return err;
}

int
pages_os_directory(char *buf, size_t len)
{
	int saved = errno;
	int err = PAGES_OS_CALL(syscall)(SYS_getcwd, buf, len) > 0 ? 0 : -errno;

	if (err == 0 && buf[0] != '/')		/* outside of this process's root */
		err = -ENOENT;
	errno = saved;
	return err;
}

void
pages_os_say(const char *buf, size_t len)
{
	int saved = errno;

	(void)write_once(STDERR_FILENO, buf, len);
	errno = saved;
}

void
pages_os_complain(const char *buf, size_t len)
{
	int saved = errno;

	(void)PAGES_OS_CALL(syscall)(SYS_write, STDERR_FILENO, buf, len);
	errno = saved;
}

int
pages_os_pid(void)
{
	return (int)PAGES_OS_CALL(syscall)(SYS_getpid);
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

int
pages_os_lockdown(void)
{
	int saved = errno;

	return pages_os_answer(prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0L, 0L, 0L), saved);
}
