/* SPDX-License-Identifier: MIT */
/*
 * linux.h - helpers that the files linux*.c share; no other file includes this
 */
#ifndef PAGES_OS_LINUX_H
#define PAGES_OS_LINUX_H

#include <errno.h>
#include <stddef.h>

#include "linux_calls.h"

/*
 * Turn the result of a system call, -1 and errno, into the 0 or -errno of os.h.  saved is
 * the value of errno before the call, which is restored.
 */
static inline int
pages_os_answer(long result, int saved)
{
	int err = result == -1 ? -errno : 0;

	errno = saved;
	return err;
}

/*
 * Move the mapping of len bytes at p over what is mapped at dst.  0; or -ENOTRECOVERABLE:
 * then p is unmapped, and dst may be unchanged, a hole, or another thread's mapping.
 */
int pages_os_put(void *p, size_t len, void *dst);

#endif /* PAGES_OS_LINUX_H */
