/* SPDX-License-Identifier: MIT */
/*
 * populate.h - having pages present and writable before they are needed
 *
 * Ranges are whole pages of private read-write memory; contents stay, whoever writes
 * to them at the same time.  0, or -errno if memory is short or the like, which
 * kernels without PAGES_CAP_POPULATE do not say.
 */
#ifndef PAGES_POPULATE_H
#define PAGES_POPULATE_H

#include <stddef.h>

int pages_populate(char *p, size_t len);

/* Page by page, by touching: for what the kernel cannot populate. */
void pages_touch(char *p, size_t len);

/*
 * The same as pages_populate(), with as many threads as the range is worth and this
 * thread's CPUs can run.  They block all signals and are gone when it returns; where
 * none can be had, the calling thread does it alone.  Not for signal handlers.
 */
int pages_populate_with_threads(char *p, size_t len);

#endif /* PAGES_POPULATE_H */
