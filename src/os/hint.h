/* SPDX-License-Identifier: MIT */
/*
 * hint.h - translates the hints of <pages/hint.h> into madvise advice
 */
#ifndef PAGES_SRC_HINT_H
#define PAGES_SRC_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include <pages/hint.h>

#include "os.h"

struct pages_hint_meaning {
	enum pages_os_advice advice;
	bool mapping;		/* sets an attribute of the mapping, which lasts; else acts once */
	bool changes_contents;	/* the range may read as zero afterwards, here or in a child */
};

/* The meaning of a hint; NULL for a number that is none. */
const struct pages_hint_meaning *pages_hint_meaning(enum pages_hint hint);

/*
 * Give advice for whole pages.  0 if the kernel has applied it; -EOPNOTSUPP if the kernel
 * does not support it, or not for this kind of memory; another -errno if it failed.
 */
int pages_hint_give(void *p, size_t len, enum pages_os_advice advice);

#endif /* PAGES_SRC_HINT_H */
