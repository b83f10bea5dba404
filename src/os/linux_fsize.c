/* SPDX-License-Identifier: MIT */
/*
 * linux_fsize.c - keeps a limit on the length of files from ending the process
 */
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "linux.h"

static bool
is_pending(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, SIGXFSZ) == 1;
}

void
pages_os_hold_fsize(struct pages_os_held *ret)
{
	int saved = errno;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGXFSZ);
	(void)pthread_sigmask(SIG_BLOCK, &set, &ret->mask);
	ret->pending = sigismember(&ret->mask, SIGXFSZ) == 1 && is_pending();
	errno = saved;
}

void
pages_os_release_fsize(const struct pages_os_held *held)
{
	const struct timespec now = { 0, 0 };
	int saved = errno;
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGXFSZ);
	if (saved == EFBIG && !held->pending)
		(void)sigtimedwait(&set, NULL, &now);
	(void)pthread_sigmask(SIG_SETMASK, &held->mask, NULL);
	errno = saved;
}
