/* SPDX-License-Identifier: MIT */
/*
 * abort.h - the end of the process, where the heap cannot go on
 */
#ifndef PAGES_HEAP_ABORT_H
#define PAGES_HEAP_ABORT_H

/* "pages: ", the text, as by printf and at most 240 bytes of it, and abort. */
_Noreturn void pages_heap_abort(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* PAGES_HEAP_ABORT_H */
