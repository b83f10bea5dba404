/* SPDX-License-Identifier: MIT */
/*
 * elf_scope.h - who defines which symbol in the program's global scope
 *
 * dlsym() will not do inside malloc: it allocates when it fails, and it finds one
 * symbol in one library and the next one in another.  These functions only read
 * the loader's list of objects and their symbol tables: they never allocate,
 * lock or call the loader, and work from the first instruction after relocation.
 *
 * Symbol versions are ignored, but for hidden (compatibility) versions, which are
 * found only where there is no other.
 */
#ifndef PAGES_ELF_SCOPE_H
#define PAGES_ELF_SCOPE_H

#include <link.h>

/* The first object of the global scope: the executable. */
const struct link_map *pages_scope_first(void);

/* The object this function is part of; NULL if the loader does not list it. */
const struct link_map *pages_scope_self(void);

/* The address of a function that object defines, or NULL. */
void *pages_scope_symbol(const struct link_map *object, const char *name);

/* The first object from start on that defines name, or NULL. */
const struct link_map *pages_scope_definer(const struct link_map *start, const char *name);

/* Its path; for the executable, whose name the loader leaves empty, "the executable". */
const char *pages_scope_name(const struct link_map *object);

#endif /* PAGES_ELF_SCOPE_H */
