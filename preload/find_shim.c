/* SPDX-License-Identifier: MIT */
/*
 * find_shim.c - looks for the shim where it is told to, in the build tree, where it is installed
 */
#include "find_shim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

/* Two strings in a row, if they fit; else errno is set. */
static bool
put(char ret[PATH_MAX], const char *a, const char *b)
{
	if (strlen(a) + strlen(b) >= PATH_MAX) {
		errno = ENAMETOOLONG;
		ret[0] = '\0';
		return false;
	}
	memmove(ret, a, strlen(a) + 1);
	strcat(ret, b);
	return true;
}

/* The directory of this program if that is one of a build tree, else an empty string. */
static void
build_directory(char ret[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", ret, PATH_MAX - 1);

	ret[n > 0 ? n : 0] = '\0';
	if (strrchr(ret, '/') == NULL)
		return;
	*strrchr(ret, '/') = '\0';
	if (!pages_text_ends_in(ret, "/preload") && !pages_text_ends_in(ret, "/preload/.libs"))
		ret[0] = '\0';
}

const char *
pages_find_shim(const char *told, char ret[PATH_MAX])
{
	/* Libtool puts it into .libs of the directory, and may put this program there, too. */
	static const char *const places[] = { "/.libs/libpages_malloc.so", "/libpages_malloc.so" };
	char dir[PATH_MAX], real[PATH_MAX];
	const char *path = told != NULL && told[0] != '\0' ? told : PAGES_SHIM_PATH;

	build_directory(dir);
	if (path != told && dir[0] != '\0') {
		for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
			if (put(ret, dir, places[i]) && access(ret, R_OK) == 0)
				return NULL;
		/* Do not fall back to an installed shim, which may be of another version. */
		put(ret, dir, "");
		return "libpages_malloc.so is not built";
	}

	if (realpath(path, real) == NULL || access(real, R_OK) != 0 ||
	    !put(ret, path[0] == '/' ? path : real, "")) {
		int err = errno;

		put(ret, path, "");
		return strerror(err);
	}
	return NULL;
}

bool
pages_is_shim(const char *item, const char *shim)
{
	char a[PATH_MAX], b[PATH_MAX];

	return strchr(item, '/') != NULL && realpath(item, a) != NULL && realpath(shim, b) != NULL &&
	       strcmp(a, b) == 0;
}
