/* SPDX-License-Identifier: MIT */
/*
 * shim.h - the state of the shim, the preloaded library in front of the program's allocator
 *
 * The shim starts at the first call of any of its functions, usually by the loader and long
 * before any constructor.  It finds the next allocator at once.  It is settled when the
 * environment can be read.  Until then all requests go to the next allocator; from then on
 * large requests go to the heap.
 *
 *	next allocator unknown -> known, waiting for environ -> settled
 *
 * Before it is settled the threshold is 0, so that every request takes the slow path, which
 * tries to settle it.  A threshold of SIZE_MAX passes all requests through.
 */
#ifndef PAGES_SHIM_H
#define PAGES_SHIM_H

#include <stdbool.h>

#include "conf.h"
#include "next.h"

struct pages_shim {
	struct pages_route route;
	struct pages_route inner;	/* for calls by the next allocator and the C library */
	struct pages_next_more more;
};

/* Hidden symbols are reached without the global offset table: 3 instructions less. */
#define PAGES_SHIM_HIDDEN __attribute__((visibility("hidden")))

extern struct pages_shim pages_shim PAGES_SHIM_HIDDEN;
extern struct pages_heap pages_shim_heap PAGES_SHIM_HIDDEN;

/*
 * Start the shim as far as possible at this time.  Afterwards the next allocator is known.
 * Safe from any thread, signal handler or loader call.  Cost: one load once settled.
 */
void pages_shim_start(void);

/*
 * From now on all requests go to the next allocator; blocks of the heap are still freed to
 * the heap.  reason is a literal for the report.
 */
void pages_shim_retire(const char *reason);

/* Do large requests go to the heap? */
bool pages_shim_is_active(void);

/* Write the report, if one is wanted: at exit, or before the process enters a sandbox. */
void pages_shim_report(bool ended);

#endif /* PAGES_SHIM_H */
