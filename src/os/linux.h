/* SPDX-License-Identifier: MIT */
/*
 * linux.h - helpers that the files linux*.c share; no other file includes this
 */
#ifndef PAGES_OS_LINUX_H
#define PAGES_OS_LINUX_H

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
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

/*
 * Around a call that may make a file longer.  Beyond RLIMIT_FSIZE the kernel answers EFBIG, and
 * sends the thread SIGXFSZ, which ends the process: this holds the signal back, and drops it if
 * errno is EFBIG at the end.  One that was pending before stays.  errno is kept.
 */
struct pages_os_held {
	sigset_t mask;		/* as it was */
	bool pending;		/* was it, before? */
};
void pages_os_hold_fsize(struct pages_os_held *ret);
void pages_os_release_fsize(const struct pages_os_held *held);

#endif /* PAGES_OS_LINUX_H */
