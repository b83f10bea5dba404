/* SPDX-License-Identifier: MIT */
/*
 * find_shim.c - looks for the shim where it is told to, in the build tree, where it is installed
 */
#include "find_shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
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
pages_preload_problem(const char *path)
{
	return strpbrk(path, " :") == NULL ?
		       NULL : "cannot be preloaded: there is a space or a colon in its path";
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
				return pages_preload_problem(ret);
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
	return pages_preload_problem(ret);
}

/*
 * glibc's loader puts the directory of its libraries in the place of $LIB: lib/x86_64-linux-gnu,
 * lib64 or the like.  From there the way goes back to the root, which is its own parent, and on
 * to the library, wherever that is.  musl's loader takes the name as it is, finds no such file, and
 * goes on without it, in silence.  Where something else expands it, to nothing, it still leads
 * to the library.
 */
#define FOR_GLIBC "/$LIB/../../../.."

/* Does the loader of this process find a library that way?  One that is loaded it knows by inode. */
static bool
is_followed(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), *again = NULL;
	const struct link_map *map = NULL;
	char path[PATH_MAX];

	if (libc == NULL)
		return false;
	if (dlinfo(libc, RTLD_DI_LINKMAP, &map) == 0 && map->l_name[0] == '/' &&
	    put(path, FOR_GLIBC, map->l_name))
		again = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
	if (again != NULL)
		dlclose(again);
	dlclose(libc);
	return again != NULL;
}

void
pages_preload_entry(const char *path, char ret[PATH_MAX])
{
	if (!is_followed() || !put(ret, FOR_GLIBC, path))
		put(ret, path, "");
}

bool
pages_is_entry_of(const char *item, const char *path)
{
	char a[PATH_MAX], b[PATH_MAX];

	if (strncmp(item, FOR_GLIBC, strlen(FOR_GLIBC)) == 0)
		item += strlen(FOR_GLIBC);
	return strchr(item, '/') != NULL && realpath(item, a) != NULL && realpath(path, b) != NULL &&
	       strcmp(a, b) == 0;
}
