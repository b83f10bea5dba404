/* SPDX-License-Identifier: MIT */
/*
 * malloc_impl.h - the one heap of <pages/malloc.h>, for the files that implement it
 */
#ifndef PAGES_MALLOC_IMPL_H
#define PAGES_MALLOC_IMPL_H

#include <pages/malloc.h>

#include "route.h"

extern struct pages_heap pages_malloc_heap __attribute__((visibility("hidden")));
extern const struct pages_route pages_malloc_route __attribute__((visibility("hidden")));

/*
 * Usable bytes of a block of the heap or of malloc(3); 0 for NULL.  Ends the process, naming
 * the caller, if ptr is in the arena and no block begins there.
 */
size_t pages_malloc_usable(const void *ptr, const char *caller);

#endif /* PAGES_MALLOC_IMPL_H */
