/* SPDX-License-Identifier: MIT */
/*
 * elf_inspect.h - which file a command is, and whether preloading into it works
 *
 * Only reads files, and believes nothing in them: what is not understood is given
 * the benefit of the doubt.
 */
#ifndef PAGES_ELF_INSPECT_H
#define PAGES_ELF_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

struct pages_elf_verdict {
	const char *problem;	/* "it is ...": why preloading has no effect; NULL if it has */
	bool harmful;		/* preloading would break the program: leave it alone */
};

/*
 * Look at an executable file.  A script is judged by its interpreter, one level
 * deep, and "env x" by x.
 */
struct pages_elf_verdict pages_elf_inspect(const char *path);

/* Is this the file name of a sanitizer's runtime?  It has to be first in its process. */
bool pages_elf_is_sanitizer(const char *library);

/*
 * Find a command as execvp(3) does.  Returns 0 and its path, which has a slash in
 * it, or -ENOENT if there is none, -EACCES if what there is cannot be executed.
 */
int pages_find_command(const char *name, char *ret, size_t size);

#endif /* PAGES_ELF_INSPECT_H */
