/* SPDX-License-Identifier: MIT */
/*
 * elf_scope.h - finds which loaded object defines a symbol
 *
 * A replacement for dlsym(), which cannot be used inside malloc: it allocates when it fails.
 * It also may find malloc in one library and free in another.  These functions only read
 * the loader's list of objects and their symbol tables.  They never allocate, lock or call
 * the loader, and work as soon as the loader has relocated this object.
 *
 * Symbol versions are ignored, except that a hidden (compatibility) version is found only if
 * there is no other.
 */
#ifndef PAGES_ELF_SCOPE_H
#define PAGES_ELF_SCOPE_H

#include <link.h>
#include <stdint.h>

/* The first object of the global scope: the executable. */
const struct link_map *pages_scope_first(void);

/* The object that this code is part of, the shim; NULL if the loader does not list it. */
const struct link_map *pages_scope_self(void);

/* The address of a function that object defines, or NULL. */
void *pages_scope_symbol(const struct link_map *object, const char *name);

/* The first object from start on that defines name, or NULL. */
const struct link_map *pages_scope_definer(const struct link_map *start, const char *name);

/* Addresses [start, start + len). */
struct pages_range {
	uintptr_t start, len;
};

/* Where the code of an object lies, a shared library; empty if that cannot be told. */
struct pages_range pages_scope_code(const struct link_map *object);

/* The path of an object; "the executable" for the executable, whose name is empty. */
const char *pages_scope_name(const struct link_map *object);

#endif /* PAGES_ELF_SCOPE_H */
