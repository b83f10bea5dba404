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
 * Why the library at path cannot stand behind the shim as the allocator, "it is ..."; NULL if
 * nothing in its file speaks against it.
 */
const char *pages_elf_inspect_allocator(const char *path);

/* The path of this program's own loader, "" if it is statically linked. */
const char *pages_elf_loader(void);

#endif /* PAGES_ELF_INSPECT_H */
