/* SPDX-License-Identifier: MIT */
/*
 * next.h - the allocator behind the shim
 *
 * All functions that hand out or take pointers come from one provider, the first
 * object behind the shim that defines malloc; what it lacks is made from what it
 * has.  Taking each function from wherever it is found next would sooner or later
 * give one allocator's pointer to another one's free.
 *
 * The functions that only report or tune come from the first object that has
 * them, as they would without the shim.
 */
#ifndef PAGES_NEXT_H
#define PAGES_NEXT_H

#include <malloc.h>
#include <stddef.h>
#include <stdio.h>

#include "heap/route.h"

struct pages_next_more {
	void *(*memalign)(size_t alignment, size_t size);
	void *(*aligned_alloc)(size_t alignment, size_t size);
	int (*posix_memalign)(void **ret, size_t alignment, size_t size);
	void *(*valloc)(size_t size);
	void *(*pvalloc)(size_t size);
	void (*libc_free)(void *ptr);
	void *(*libc_realloc)(void *ptr, size_t size);

	/* These may be NULL. */
	int (*trim)(size_t pad);
	int (*mallopt)(int param, int value);
	struct mallinfo (*mallinfo)(void);
	struct mallinfo2 (*mallinfo2)(void);
	int (*info)(int options, FILE *f);
	void (*stats)(void);
};

/* Fills both; returns the provider's path.  Never allocates. */
const char *pages_next_find(struct pages_next *next, struct pages_next_more *more);

#endif /* PAGES_NEXT_H */
