/* SPDX-License-Identifier: MIT */
/*
 * shim.h - the state of the preloaded allocator
 *
 * It starts with the first call of any of its functions, usually by the loader,
 * long before any constructor; until there is an environment to read everything
 * goes to the next allocator, and from then on what is large goes to the heap.
 *
 *	the next allocator unknown -> known, waiting for environ -> settled
 *
 * While it is not settled the threshold is 0, which sends every request down the
 * slow path; passing everything through is a threshold of SIZE_MAX.
 */
#ifndef PAGES_SHIM_H
#define PAGES_SHIM_H

#include <stdbool.h>

#include "conf.h"
#include "next.h"

struct pages_shim {
	struct pages_route route;
	struct pages_next_more more;
};

/* Told to be in this object, the compiler reaches them without a table: 3 instructions less. */
#define PAGES_SHIM_HIDDEN __attribute__((visibility("hidden")))

extern struct pages_shim pages_shim PAGES_SHIM_HIDDEN;
extern struct pages_heap pages_shim_heap PAGES_SHIM_HIDDEN;

/*
 * Get as far as possible.  Cheap once settled, and safe from any thread, signal
 * handler or loader call.  Afterwards the next allocator is known.
 */
void pages_shim_start(void);

/* From now on everything goes to the next allocator; reason is a literal. */
void pages_shim_retire(const char *reason);

#endif /* PAGES_SHIM_H */
