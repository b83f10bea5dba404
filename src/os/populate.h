/* SPDX-License-Identifier: MIT */
/*
 * populate.h - faults pages in for writing before they are needed
 *
 * Ranges are whole pages of read-write memory.  Contents stay, even if other threads write
 * to the range at the same time.  The functions return 0, or -errno if memory is short or
 * the like.  Without PAGES_CAP_POPULATE they touch the pages instead and cannot report this.
 */
#ifndef PAGES_POPULATE_H
#define PAGES_POPULATE_H

#include <stddef.h>

/* Cost: one system call, and the faults of all missing pages. */
int pages_populate(char *p, size_t len);

/* Store to each page, for memory that MADV_POPULATE_WRITE does not take (secrets). */
void pages_touch(char *p, size_t len);

/*
 * pages_populate() by several threads: one for each 128 MiB, for each CPU that the caller
 * may run on at most, and never more than 16.  The threads block all signals and have ended
 * when this returns.  If threads cannot be created, the caller does the work with fewer, or
 * alone.  Not for signal handlers.
 */
int pages_populate_with_threads(char *p, size_t len);

#endif /* PAGES_POPULATE_H */
