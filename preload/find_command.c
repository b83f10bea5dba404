/* SPDX-License-Identifier: MIT */
/*
 * find_command.c - searches PATH for a command
 */
#include "find_command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int
check_command(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == EACCES ? -EACCES : -ENOENT;
	return S_ISREG(st.st_mode) && faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : -EACCES;
}

int
pages_find_command(const char *name, char *ret, size_t size)
{
	const char *dirs = getenv("PATH");
	int err = -ENOENT;

	if (name[0] == '\0')
		return -ENOENT;
	if (strchr(name, '/') != NULL)
		return (size_t)snprintf(ret, size, "%s", name) < size ? check_command(ret) : -ENOENT;
	if (dirs == NULL)
		dirs = "/bin:/usr/bin";
	for (;; dirs++) {
		size_t n = strcspn(dirs, ":");

		/* An empty element of PATH means the working directory. */
		if (n < PATH_MAX && (size_t)snprintf(ret, size, "%.*s/%s", n != 0 ? (int)n : 1,
						     n != 0 ? dirs : ".", name) < size) {
			int e = check_command(ret);

			if (e == 0)
				return 0;
			if (e == -EACCES)
				err = e;
		}
		dirs += n;
		if (*dirs == '\0')
			return err;
	}
}
