/* SPDX-License-Identifier: MIT */
/*
 * output.c - opens the files that the programs write
 */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* A copy of standard output or error if the path leads to the same, also to a socket; else -1. */
static int
copy_of_same(const char *path)
{
	struct stat st, other;

	if (stat(path, &st) != 0)
		return -1;
	for (int i = STDOUT_FILENO; i <= STDERR_FILENO; i++)
		if (fstat(i, &other) == 0 && other.st_dev == st.st_dev && other.st_ino == st.st_ino)
			return fcntl(i, F_DUPFD_CLOEXEC, 0);
	return -1;
}

FILE *
pages_output_open(const char *path)
{
	int fd = copy_of_same(path), err;
	FILE *f;

	if (fd < 0)
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	if (fd < 0)
		return NULL;
	f = fdopen(fd, "w");
	if (f == NULL) {
		err = errno;
		close(fd);
		errno = err;
	}
	return f;
}
