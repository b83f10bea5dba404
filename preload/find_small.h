/* SPDX-License-Identifier: MIT */
/*
 * find_small.h - the allocator that pages-run preloads behind the shim, for the small requests
 */
#ifndef PAGES_FIND_SMALL_H
#define PAGES_FIND_SMALL_H

#include <limits.h>

/*
 * Find the library: that of jemalloc, mimalloc, tcmalloc or tbbmalloc, a file (a name with a
 * slash), or another name that the loader is to search.
 *
 * Returns NULL and its absolute path; links are left as they are.  Else returns why it cannot be
 * preloaded, and ret is the path or the name that was tried last.
 */
const char *pages_find_small(const char *told, char ret[PATH_MAX]);

/*
 * The path of a library in this process, from LD_PRELOAD, that brings a malloc and is neither of
 * the two files; NULL if there is none.
 */
const char *pages_find_other_allocator(const char *shim, const char *small, char ret[PATH_MAX]);

#endif /* PAGES_FIND_SMALL_H */
