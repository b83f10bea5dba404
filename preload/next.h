/* SPDX-License-Identifier: MIT */
/*
 * next.h - the next allocator: the one that the program would use without the shim
 *
 * All functions that return or take blocks come from one provider, the first object after
 * the shim that defines malloc.  If it lacks one, a substitute is made from those that it
 * has.  If each function came from the first object that defines it, a block of one allocator
 * could be passed to the free of another.
 *
 * Functions that only report or tune come from the first object that has them, as they would
 * without the shim.
 */
#ifndef PAGES_NEXT_H
#define PAGES_NEXT_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>

#include "elf_scope.h"
#include "heap/route.h"

struct pages_next_more {
	void *(*memalign)(size_t alignment, size_t size);
	void *(*aligned_alloc)(size_t alignment, size_t size);
	int (*posix_memalign)(void **ret, size_t alignment, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
	void (*libc_free)(void *ptr);
	void *(*libc_realloc)(void *ptr, size_t size);

	struct pages_range code[2];	/* of the provider, and of the C library */

	/* These may be NULL. */
	int (*trim)(size_t pad);
	int (*mallopt)(int param, int value);
	struct mallinfo (*mallinfo)(void);
	struct mallinfo2 (*mallinfo2)(void);
	int (*info)(int options, FILE *f);
	void (*stats)(void);
};

/* Find all functions and fill both structs.  Returns the provider's path.  Never allocates. */
const char *pages_next_find(struct pages_next *next, struct pages_next_more *more);

#endif /* PAGES_NEXT_H */
