/* SPDX-License-Identifier: MIT */
/*
 * elf_inspect.h - which file is run, and will a shared object preloaded into this program take effect?
 */
#ifndef PAGES_ELF_INSPECT_H
#define PAGES_ELF_INSPECT_H

#include <stdbool.h>
#include <stddef.h>

struct pages_elf_verdict {
	const char *problem;	/* why preloading has no effect; NULL if it should have */
	bool harmful;		/* preloading would break the program: leave it alone */
};

/*
 * Look at an executable file; a script is judged by its interpreter.  Files that
 * cannot be read or understood are given the benefit of the doubt.
 */
struct pages_elf_verdict pages_elf_inspect(const char *path);

/*
 * Find a command as execvp(3) does.  0 and its path, or what env(1) would exit
 * with: 127 if there is none, 126 if what there is cannot be executed.
 */
int pages_find_command(const char *name, char *ret, size_t size);

#endif /* PAGES_ELF_INSPECT_H */
