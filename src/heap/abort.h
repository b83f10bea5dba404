/* SPDX-License-Identifier: MIT */
/*
 * abort.h - the end of the process, where the heap cannot go on
 */
#ifndef PAGES_HEAP_ABORT_H
#define PAGES_HEAP_ABORT_H

/* "pages: ", these two, together at most 100 bytes, and abort. */
_Noreturn void pages_heap_abort(const char *what, const char *more);

#endif /* PAGES_HEAP_ABORT_H */
