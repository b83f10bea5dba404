/* SPDX-License-Identifier: MIT */
/*
 * muzzy.h - marks free memory so that the kernel may take it (MADV_FREE), and undoes that
 *
 * Muzzy memory stays resident until the kernel is short of memory; then the kernel takes it
 * page by page, and the pages read as zero.  A store by the CPU makes a page dirty, which the
 * kernel no longer takes.  But the kernel itself can fill a pinned page (an io_uring fixed
 * buffer) without making it dirty.  If muzzy memory were handed out as it is, such contents
 * could vanish.  So every page is made dirty before the memory gets its next owner.
 *
 * One store for each huge page does not do, because the kernel may have split it.  And pages
 * that the kernel has taken must not be faulted in again, which would cost what reuse is to
 * save.  So some words of each huge page hold a canary, any value but zero.  If one reads as
 * zero, the kernel has taken a part of the huge page.  Then the rest of it is dropped, too,
 * and the next owner faults in what it touches.
 *
 * Threads: the caller owns the range.  errno is kept.
 */
#ifndef PAGES_MUZZY_H
#define PAGES_MUZZY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Make a range of whole pages muzzy; its contents are lost.  Huge pages that look as if they
 * were never written are dropped instead, because planting a canary would make them resident.
 * If the permissions of the range cannot be reset to read-write, all of it is dropped.
 * False, and nothing is muzzy, if the kernel refuses: a part of the range is not private
 * memory, or is locked.
 * Cost: two system calls, one more for each run of up to 32 MiB, and 16 cache misses a huge
 * page.
 */
bool pages_muzzy_mark(char *p, size_t len);

/*
 * Make the range ordinary memory again, with undefined contents.
 * Cost: 16 cache misses a huge page, and a system call for each run of huge pages that the
 * kernel has left alone, or not; without MADV_POPULATE_WRITE a store for each page.
 */
void pages_muzzy_unmark(char *p, size_t len);

#endif /* PAGES_MUZZY_H */
