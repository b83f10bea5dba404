/* SPDX-License-Identifier: MIT */
/*
 * linux_stream.c - os.h on Linux: reading and writing descriptors that are open already
 */
#include <errno.h>
#include <unistd.h>

#include "base.h"
#include "os.h"
#include "linux.h"

/* Bytes a call; the kernel transfers a little less than 2 GiB at most. */
#define MOST PAGES_GIB(1)

/* Write at *offset + done, or at the file position if offset is NULL. */
static ssize_t
write_some(int fd, const uint64_t *offset, size_t done, const char *p, size_t len)
{
	len = pages_min(len, MOST);
	if (offset == NULL)
		return write(fd, p, len);
	return pwrite(fd, p, len, (off_t)(*offset + done));
}

/* Go on after short writes and signals, until all is written or an error occurs. */
static int
write_all(int fd, const uint64_t *offset, const char *p, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write_some(fd, offset, done, p + done, len - done);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ENOSPC;
		done += n < 0 ? 0 : (size_t)n;
	}
	return 0;
}

static int
write_within_limits(int fd, const uint64_t *offset, const char *p, size_t len)
{
	int saved = errno, err;
	struct pages_os_held held;

	pages_os_hold_fsize(&held);
	err = write_all(fd, offset, p, len);
	errno = -err;
	pages_os_release_fsize(&held);
	errno = saved;
	return err;
}

int
pages_os_write(int fd, const void *buf, size_t len)
{
	return write_within_limits(fd, NULL, buf, len);
}

int
pages_os_file_write(int fd, uint64_t offset, const void *buf, size_t len)
{
	return write_within_limits(fd, &offset, buf, len);
}

int
pages_os_read(int fd, void *buf, size_t len, size_t *ret)
{
	int saved = errno, err;
	ssize_t n;

	do
		n = read(fd, buf, pages_min(len, MOST));
	while (n < 0 && errno == EINTR);
	err = pages_os_answer(n, saved);
	if (err == 0)
		*ret = (size_t)n;
	return err;
}

int
pages_os_tell(int fd, uint64_t *ret)
{
	int saved = errno;
	off_t position = lseek(fd, 0, SEEK_CUR);
	int err = pages_os_answer(position, saved);

	if (err == 0)
		*ret = (uint64_t)position;
	return err;
}

int
pages_os_seek(int fd, uint64_t position)
{
	int saved = errno;

	return pages_os_answer(lseek(fd, (off_t)position, SEEK_SET), saved);
}
