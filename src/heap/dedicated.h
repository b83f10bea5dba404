/* SPDX-License-Identifier: MIT */
/*
 * dedicated.h - what the rest of the heap needs of dedicated blocks
 */
#ifndef PAGES_HEAP_DEDICATED_H
#define PAGES_HEAP_DEDICATED_H

#include "impl.h"

/* pages_heap_free() and pages_heap_usable() for a p that is no ordinary block. */
bool pages_heap_free_dedicated(struct pages_heap *h, void *p);
size_t pages_heap_usable_dedicated(const struct pages_heap *h, const void *p);

#endif /* PAGES_HEAP_DEDICATED_H */
