/* SPDX-License-Identifier: MIT */
/*
 * muzzy.h - free memory that the kernel may take back at any time, and having it again
 *
 * MADV_FREE makes memory muzzy: it stays until the kernel is short of some.  A store by
 * the CPU ends that for its page, but the kernel itself can fill a page through a pin
 * (an io_uring fixed buffer) without marking it dirty: handed out as it is, muzzy memory
 * would lose such contents.  So before somebody gets it, each of its pages is made dirty.
 *
 * One store a huge page is not enough: it may have been split since.  And what the kernel
 * has taken must not be faulted in by that.  So some words of each huge page hold
 * a canary, any value but zero.  Where one is gone memory has been taken, and the rest of
 * that huge page is dropped too: its next owner faults it in afresh, if at all.
 *
 * Threads: whoever calls owns the range.  errno is kept.
 */
#ifndef PAGES_MUZZY_H
#define PAGES_MUZZY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Leave the memory of a range of whole pages to the kernel; what it holds does not count
 * any more.  What looks as if it had never been written to is dropped at once, so that no
 * canary makes it resident.  False, and nothing is muzzy, where the kernel refuses: the
 * range is not all private memory, or locked.
 * Cost: three calls, and 16 cache misses a huge page.
 */
bool pages_muzzy_mark(char *p, size_t len);

/*
 * Make it ordinary memory again, with undefined contents.
 * Cost: a call and 16 cache misses a huge page; without MADV_POPULATE_WRITE a store a page.
 */
void pages_muzzy_unmark(char *p, size_t len);

#endif /* PAGES_MUZZY_H */
