/* SPDX-License-Identifier: MIT */
/*
 * find_small.c - finds the allocator for the small requests by asking the loader
 *
 * Where a loader looks is its own affair: LD_LIBRARY_PATH, a cache, directories that each
 * distribution sets in its own way.  So it is asked to list what it would load for this program
 * with the library preloaded, as ldd(1) does.  That runs no code of the library: dlopen() would run
 * its constructors, and many allocators cannot be loaded that way, for lack of static TLS.  And it
 * tells if something that the library needs is missing, which ends each program that it is
 * preloaded into.
 */
#include "find_small.h"

#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elf_inspect.h"
#include "find_shim.h"
#include "text.h"

/* Those that are looked for in the place of a name, the best first. */
static const struct {
	const char *name, *libraries[3];
} known[] = {
	{ "jemalloc", { "libjemalloc.so.2" } },
	{ "mimalloc", { "libmimalloc.so.3", "libmimalloc.so.2" } },
	{ "tcmalloc", { "libtcmalloc_minimal.so.4", "libtcmalloc.so.4" } },
	{ "tbbmalloc", { "libtbbmalloc_proxy.so.2" } },
};

/* In the child: become the loader, which writes its list and what is wrong to out. */
__attribute__((noreturn)) static void
become_loader(const char *loader, const char *program, const char *library, int out)
{
	if (dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0 &&
	    setenv("LD_PRELOAD", library, 1) == 0 && unsetenv("LD_VERBOSE") == 0 &&
	    unsetenv("LD_DEBUG") == 0)
		execl(loader, loader, "--list", program, (char *)NULL);
	_exit(127);
}

struct answer {
	char path[PATH_MAX];	/* of the library; "" if it is not in the list */
	char trouble[256];	/* in the loader's words, or "" */
};

/*
 * Lines are "\tNAME => PATH (ADDRESS)", "\tNAME => not found", or, of glibc for a name that is a
 * path, "\tPATH (ADDRESS)".  glibc is the one to say what ends the program, too.
 */
static void
read_line(char *line, const char *library, struct answer *a)
{
	static const char fatal[] = "error while loading shared libraries: ";
	char *arrow = strstr(line, " => "), *path = arrow != NULL ? arrow + 4 : line + 1;
	char *end = strrchr(path, '('), *trouble = strstr(line, fatal);

	line[strcspn(line, "\n")] = '\0';
	if (trouble != NULL)
		pages_text_name_of(trouble + sizeof(fatal) - 1, a->trouble, sizeof(a->trouble));
	if (line[0] != '\t' || end == NULL || end <= path)
		return;
	end[-1] = '\0';
	if (arrow != NULL)
		*arrow = '\0';
	if (strcmp(line + 1, library) == 0)
		snprintf(a->path, sizeof(a->path), "%s", path);
}

/* Read all of it, so that the loader is not stopped by a signal. */
static void
read_list(int fd, const char *library, struct answer *a)
{
	FILE *f = fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;

	*a = (struct answer){ "", "" };
	if (f == NULL) {
		close(fd);
		return;
	}
	while (getline(&line, &size, f) > 0)
		read_line(line, library, a);
	free(line);
	fclose(f);
}

/* What the loader would load for this library, a name or a path, is ret; NULL, or why nothing. */
static const char *
ask_loader(const char *library, char ret[PATH_MAX])
{
	const char *loader = pages_elf_loader(), *program = (const char *)getauxval(AT_EXECFN);
	static struct answer a;
	int ends[2], status = 0;
	pid_t pid;

	if (loader[0] == '\0' || program == NULL || pipe(ends) != 0)
		return "the loader cannot be asked";
	pid = fork();
	if (pid == 0)
		become_loader(loader, program, library, ends[1]);
	close(ends[1]);
	read_list(ends[0], library, &a);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (a.trouble[0] != '\0')
		return a.trouble;
	if (pid < 0 || status != 0)
		return pid < 0 ? "the loader cannot be asked" : "the loader cannot load it";
	if (a.path[0] != '/')
		return "not found where the loader looks";
	memcpy(ret, a.path, PATH_MAX);
	return NULL;
}

/* A file by its path, which stays a link if it is one. */
static const char *
find_file(const char *path, char ret[PATH_MAX])
{
	char real[PATH_MAX];
	const char *problem;

	if (realpath(path, real) == NULL)
		return strerror(errno);
	if (path[0] != '/')
		snprintf(ret, PATH_MAX, "%s", real);
	problem = pages_preload_problem(ret);
	if (problem == NULL)
		problem = pages_elf_inspect_allocator(ret);
	return problem != NULL ? problem : ask_loader(ret, real);
}

static const char *
find_name(const char *name, char ret[PATH_MAX])
{
	const char *problem = pages_preload_problem(name);

	snprintf(ret, PATH_MAX, "%s", name);
	if (problem == NULL)
		problem = ask_loader(name, ret);
	if (problem == NULL)
		problem = pages_preload_problem(ret);
	return problem != NULL ? problem : pages_elf_inspect_allocator(ret);
}

const char *
pages_find_small(const char *told, char ret[PATH_MAX])
{
	const char *problem = NULL;

	snprintf(ret, PATH_MAX, "%s", told);
	if (strchr(told, '/') != NULL)
		return find_file(told, ret);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (strcmp(told, known[i].name) != 0)
			continue;
		for (size_t j = 0; known[i].libraries[j] != NULL; j++)
			if ((problem = find_name(known[i].libraries[j], ret)) == NULL)
				return NULL;
		return problem;
	}
	if (strstr(told, ".so") == NULL)
		return "not jemalloc, mimalloc, tcmalloc, tbbmalloc, nor a library";
	return find_name(told, ret);
}

/* What is loaded already. -------------------------------------------------- */

struct search {
	const char *shim, *small;
	char *ret;
};

/* The C library and the loader have one, too, but these are there in any case. */
static bool
is_system(const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	return strncmp(name, "libc.", 5) == 0 || strncmp(name, "libc-", 5) == 0 ||
	       strncmp(name, "ld-", 3) == 0 || strncmp(name, "ld.", 3) == 0 ||
	       strncmp(name, "ld64.", 5) == 0;
}

static int
examine(struct dl_phdr_info *info, size_t size, void *arg)
{
	const struct search *s = arg;
	const char *path = info->dlpi_name;

	(void)size;
	if (path == NULL || path[0] != '/' || is_system(path) || pages_is_entry_of(path, s->shim) ||
	    pages_is_entry_of(path, s->small) || pages_elf_inspect_allocator(path) != NULL)
		return 0;
	snprintf(s->ret, PATH_MAX, "%s", path);
	return 1;
}

const char *
pages_find_other_allocator(const char *shim, const char *small, char ret[PATH_MAX])
{
	struct search s = { shim, small, ret };

	return dl_iterate_phdr(examine, &s) != 0 ? ret : NULL;
}
