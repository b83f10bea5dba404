/* SPDX-License-Identifier: MIT */
/*
 * linux.h - what the files linux*.c share; for nobody else
 */
#ifndef PAGES_OS_LINUX_H
#define PAGES_OS_LINUX_H

#include <errno.h>
#include <stddef.h>

/*
 * The convention of os.h for a call that answers -1 and errno: 0 or a negative
 * errno.  saved is errno from before the call, and is errno again afterwards.
 */
static inline int
pages_os_answer(long result, int saved)
{
	int err = result == -1 ? -errno : 0;

	errno = saved;
	return err;
}

/*
 * Put the mapping of len bytes at p in place of what is mapped at dst.  0; or
 * -ENOTRECOVERABLE: then p is released, and nothing is known about dst.
 */
int pages_os_put(void *p, size_t len, void *dst);

#endif /* PAGES_OS_LINUX_H */
