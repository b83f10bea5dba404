/* SPDX-License-Identifier: MIT */
/*
 * linux_advice.c - os.h on Linux: hints, guard pages, locks, NUMA placement, names
 */
#include <errno.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base.h"
#include "os.h"
#include "linux.h"

/* MADV_ constants by number, because they are newer than some C libraries; see linux.c. */
enum {
	FREE = 8, MERGEABLE = 12, UNMERGEABLE = 13, HUGEPAGE = 14, NOHUGEPAGE = 15,
	DONTDUMP = 16, DODUMP = 17, WIPEONFORK = 18, KEEPONFORK = 19, COLD = 20,
	PAGEOUT = 21, COLLAPSE = 25, GUARD_INSTALL = 102, GUARD_REMOVE = 103,
};

static const int advice_of[] = {
	[PAGES_OS_NORMAL] = MADV_NORMAL,
	[PAGES_OS_SEQUENTIAL] = MADV_SEQUENTIAL,
	[PAGES_OS_RANDOM] = MADV_RANDOM,
	[PAGES_OS_WILL_NEED] = MADV_WILLNEED,
	[PAGES_OS_COLD] = COLD,
	[PAGES_OS_PAGE_OUT] = PAGEOUT,
	[PAGES_OS_FREE] = FREE,
	[PAGES_OS_HUGE] = HUGEPAGE,
	[PAGES_OS_NO_HUGE] = NOHUGEPAGE,
	[PAGES_OS_COLLAPSE] = COLLAPSE,
	[PAGES_OS_DONT_FORK] = MADV_DONTFORK,
	[PAGES_OS_DO_FORK] = MADV_DOFORK,
	[PAGES_OS_WIPE_ON_FORK] = WIPEONFORK,
	[PAGES_OS_KEEP_ON_FORK] = KEEPONFORK,
	[PAGES_OS_DONT_DUMP] = DONTDUMP,
	[PAGES_OS_DO_DUMP] = DODUMP,
	[PAGES_OS_MERGEABLE] = MERGEABLE,
	[PAGES_OS_UNMERGEABLE] = UNMERGEABLE,
};

static int
advise(void *p, size_t len, int advice)
{
	int saved = errno;

	return len == 0 ? 0 : pages_os_answer(PAGES_OS_CALL(madvise)(p, len, advice), saved);
}

int
pages_os_advise(void *p, size_t len, enum pages_os_advice advice)
{
	return advise(p, len, advice_of[advice]);
}

int
pages_os_guard(void *p, size_t len, bool on)
{
	return advise(p, len, on ? GUARD_INSTALL : GUARD_REMOVE);
}

int
pages_os_lock(void *p, size_t len, bool on)
{
	int saved = errno;

	return pages_os_answer(on ? mlock(p, len) : munlock(p, len), saved);
}

int
pages_os_place(void *p, size_t len, enum pages_os_place how, uint64_t nodes)
{
	static const int mode_of[] = {
		[PAGES_OS_ANYWHERE] = MPOL_DEFAULT,
		[PAGES_OS_PREFER] = MPOL_PREFERRED,
		[PAGES_OS_BIND] = MPOL_BIND,
		[PAGES_OS_INTERLEAVE] = MPOL_INTERLEAVE,
	};
	unsigned long mask[64 / (8 * sizeof(long))];
	int saved = errno;
	long result;

	for (size_t i = 0; i < sizeof(mask) / sizeof(mask[0]); i++)
		mask[i] = (unsigned long)(nodes >> (i * 8 * sizeof(long) % 64));
	/* mbind(2) reads one bit less than maxnode says. */
	result = PAGES_OS_CALL(syscall)(SYS_mbind, p, len, mode_of[how], mask, 64 + 1, 0);
	return pages_os_answer(result, saved);
}

int
pages_os_label(void *p, size_t len, const char *label)
{
	enum { SET_VMA = 0x53564d41, ANON_NAME = 0 };
	int saved = errno;

	return pages_os_answer(prctl(SET_VMA, (long)ANON_NAME, p, len, label), saved);
}
