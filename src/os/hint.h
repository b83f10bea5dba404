/* SPDX-License-Identifier: MIT */
/*
 * hint.h - public hints as the operating system's advice
 */
#ifndef PAGES_SRC_HINT_H
#define PAGES_SRC_HINT_H

#include <stdbool.h>
#include <stddef.h>

#include <pages/hint.h>

#include "os.h"

struct pages_hint_meaning {
	enum pages_os_advice advice;
	bool mapping;		/* an attribute of mappings, that stays; else of pages, now */
	bool changes_contents;
};

/* NULL for what is no hint. */
const struct pages_hint_meaning *pages_hint_meaning(enum pages_hint hint);

/*
 * Give advice.  0 if the kernel has applied it, -EOPNOTSUPP if it is not to be had for
 * this kind of memory, another -errno if it failed.
 */
int pages_hint_give(void *p, size_t len, enum pages_os_advice advice);

#endif /* PAGES_SRC_HINT_H */
