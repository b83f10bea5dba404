/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - intercepts syscall(), by which programs make the same calls without a function
 *
 * What it notices is what the exported function of that call notices, in the same way.  All other
 * calls cost a switch.  Programs that enter the kernel by instructions of their own are not seen.
 */
#include "enter.h"

#if PAGES_ENTERS
#include <pages/attr.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "calls.h"
#include "watch.h"

/* Calls that are newer than some C libraries; their numbers are the same everywhere. */
enum {
	PROCESS_MADVISE = 440, LANDLOCK_RESTRICT_SELF = 446, SET_MEMPOLICY_HOME_NODE = 450,
	MSEAL = 462,
};
enum { SET_MODE_STRICT = 0, SET_MODE_FILTER = 1 };	/* of seccomp(2) */

/* Before the call.  True if there is something to notice when the result is not negative. */
static bool
notice(long nr, const long a[6])
{
	const void *p = (const void *)a[0];
	size_t len = (size_t)a[1];

	switch (nr) {
	case SYS_munmap: case SYS_pkey_mprotect: case SYS_mlock: case SYS_mlock2: case SYS_mbind:
	case SYS_remap_file_pages: case SET_MEMPOLICY_HOME_NODE: case MSEAL:
		pages_watch_range(p, len);
		return false;
	case SYS_mmap:
		pages_watch_mmap(p, len, (int)a[3]);
		return false;
	case SYS_mremap:
		pages_watch_mremap(p, len, (size_t)a[2], (int)a[3], (const void *)a[4]);
		return false;
	case SYS_shmat:
		pages_watch_shmat((int)a[0], (const void *)a[1], (int)a[2]);
		return false;
	case SYS_mprotect:
		pages_watch_mprotect(p, len, (int)a[2]);
		return false;
	case SYS_madvise:
		pages_watch_madvise(p, len, (int)a[2]);
		return false;
	case SYS_mlockall:
		pages_watch_mlockall();
		return true;
	case SYS_prctl:
		pages_watch_prctl((int)a[0], (const unsigned long *)&a[1]);
		return false;
	case SYS_seccomp:
		if (a[0] == SET_MODE_STRICT || a[0] == SET_MODE_FILTER)
			pages_watch_sandbox();
		return false;
	case LANDLOCK_RESTRICT_SELF:
		pages_watch_sandbox();
		return false;
	case SYS_chroot: case SYS_pivot_root:
		pages_watch_chroot();
		return false;
	case SYS_sendto:
		pages_watch_send((const void *)a[1], (size_t)a[2], (int)a[3]);
		return false;
	case SYS_vmsplice:
		return !pages_watch_vmsplice_early((const struct iovec *)a[1], (size_t)a[2]);
	case SYS_ioctl: case SYS_setrlimit: case SYS_prlimit64: case PROCESS_MADVISE:
	case SYS_sendmsg: case SYS_sendmmsg: case SYS_set_mempolicy:
		return true;
	default:
		return false;
	}
}

static void
notice_success(long nr, const long a[6], long result)
{
	switch (nr) {
	case SYS_vmsplice:
		pages_watch_vmsplice((const struct iovec *)a[1], (size_t)a[2]);
		break;
	case SYS_sendmsg:
		pages_watch_sendmsg((const struct msghdr *)a[1], (int)a[2]);
		break;
	case SYS_sendmmsg:
		pages_watch_sendmmsg((const struct mmsghdr *)a[1], (size_t)result, (int)a[3]);
		break;
	case SYS_ioctl:
		pages_watch_ioctl((unsigned)a[1], (const void *)a[2]);
		break;
	case SYS_setrlimit:
		pages_watch_limit((int)a[0]);
		break;
	case SYS_mlockall:
		pages_watch_locked();
		break;
	case SYS_set_mempolicy:
		pages_watch_mempolicy();
		break;
	case SYS_prlimit64:
		if (a[2] != 0)
			pages_watch_limit((int)a[1]);
		break;
	case PROCESS_MADVISE:
		pages_watch_process_madvise((const struct iovec *)a[1], (size_t)a[2], (int)a[3]);
		break;
	default:
		break;
	}
}

PAGES_API long
syscall(long nr, ...)
{
	bool more;
	long a[6], result;

	PAGES_SIX_ARGUMENTS(a, nr);
	more = notice(nr, a);
	result = PAGES_CALL(syscall)(nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	if (more && result >= 0)
		notice_success(nr, a, result);
	return result;
}
#else
typedef int pages_syscalls_are_not_seen;	/* no empty translation unit */
#endif
