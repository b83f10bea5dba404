/* SPDX-License-Identifier: MIT */
/*
 * elf_inspect.h - finds the file of a command, and tells whether preloading into it works
 *
 * Only reads files, and trusts nothing in them.  A file that it does not understand gets no
 * complaint.  Used by pages-run only.
 */
#ifndef PAGES_ELF_INSPECT_H
#define PAGES_ELF_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

struct pages_elf_verdict {
	const char *problem;	/* why preloading has no effect, "it is ..."; NULL if it works */
	bool harmful;		/* preloading would break the program, so do not preload */
};

/*
 * Inspect an executable file.  For a script its interpreter is inspected, one level deep,
 * and for "env x" the command x.
 */
struct pages_elf_verdict pages_elf_inspect(const char *path);

/*
 * Is this the file name of a sanitizer's runtime?  Such a library refuses to run unless it is
 * the first in its process.
 */
bool pages_elf_is_sanitizer(const char *library);

/*
 * Find a command as execvp(3) does.  Returns 0 and its path, which contains a slash;
 * -ENOENT if there is none; -EACCES if the file cannot be executed.
 */
int pages_find_command(const char *name, char *ret, size_t size);

#endif /* PAGES_ELF_INSPECT_H */
