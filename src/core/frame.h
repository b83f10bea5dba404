/* SPDX-License-Identifier: MIT */
/*
 * frame.h - inaccessible address space into which pages are moved, and what is left of it if that
 *	fails
 */
#ifndef PAGES_FRAME_H
#define PAGES_FRAME_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Map a frame: inaccessible address space for len bytes at a multiple of align, and a page on
 * either side.  *ret_middle is where the len bytes begin.
 */
int pages_frame_open(size_t len, size_t align, char **ret_middle);

/* Make address space a frame, or make it ordinary again. */
void pages_frame_mark(char *start, size_t span, bool on);

/*
 * Unmap a frame after a move into its middle has failed and may have left a hole there, in which
 * another thread's mapping may lie by now.  What is not certain to be the frame's stays mapped.
 */
void pages_frame_abandon(char *middle, size_t len);

#endif /* PAGES_FRAME_H */
