/* SPDX-License-Identifier: MIT */
/*
 * sparse.h - callocs that stay mostly zero
 */
#ifndef PAGES_HEAP_SPARSE_H
#define PAGES_HEAP_SPARSE_H

#include "impl.h"

/* Callocs of this size or more are tested for zero pages when they are freed. */
#define PAGES_SPARSE_FROM PAGES_MIB(8)

/* Is a calloc of size bytes expected to stay sparse? */
bool pages_heap_expects_sparse(struct pages_heap *h, size_t size);

/* Take the sparse block that waits for such a calloc, or 0; its contents are left. */
uint32_t pages_heap_take_waiting(struct pages_heap *h, size_t pages) PAGES_LOCKED;

/*
 * Without the lock, for the owner of sparse block id: clear it, unless it is fresh.  Returns how
 * many bytes were cleared.
 */
size_t pages_heap_clear_sparse(struct pages_heap *h, uint32_t id, bool fresh);

/*
 * Without the lock, for the owner of block id in the small zone: clear it.  Pages that were never
 * written to stay absent.  Returns how many bytes were cleared.
 */
size_t pages_heap_clear_small(struct pages_heap *h, uint32_t id);

/*
 * Without the lock: take note of how much of block id, a FREED large calloc, was written to.
 * Returns id, or 0 if it was a sparse block, which then waits for the next calloc or is gone.
 */
uint32_t pages_heap_free_calloc(struct pages_heap *h, uint32_t id);

/*
 * Without the lock, for its owner: turn block id into an ordinary one if it is sparse, so that
 * it can be resized.  False if that is not possible.
 */
bool pages_heap_make_dense(struct pages_heap *h, uint32_t id);

/*
 * Without the lock: free the sparse block that waits, if there is one.  Returns how many bytes
 * went back to the kernel.
 */
size_t pages_heap_drop_sparse(struct pages_heap *h);

#endif /* PAGES_HEAP_SPARSE_H */
