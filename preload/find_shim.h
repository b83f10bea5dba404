/* SPDX-License-Identifier: MIT */
/*
 * find_shim.h - which shim pages-run preloads
 */
#ifndef PAGES_FIND_SHIM_H
#define PAGES_FIND_SHIM_H

#include <limits.h>
#include <stdbool.h>

/*
 * Find the shim: the one that is told (NULL or empty: none is), that of the build tree which
 * this program is run from, or the installed one.
 *
 * ret is an absolute path.  Where a link leads is left open: the path goes into unit files
 * (--dry-run), and must still be right when the link leads to a later version.
 *
 * Returns NULL, or why there is none; then ret is the path that was tried.
 */
const char *pages_find_shim(const char *told, char ret[PATH_MAX]);

/* Why LD_PRELOAD cannot list the file at path, which may be there; NULL if it can. */
const char *pages_preload_problem(const char *path);

/*
 * The entry of LD_PRELOAD for a library with this absolute path: one that only glibc follows, if
 * that can be had, since the variable is inherited by programs of other C libraries, which cannot
 * load it.  Else the path itself.
 */
void pages_preload_entry(const char *path, char ret[PATH_MAX]);

/* Is item, an entry of LD_PRELOAD, the same file?  False for a name that the loader searches. */
bool pages_is_entry_of(const char *item, const char *path);

#endif /* PAGES_FIND_SHIM_H */
