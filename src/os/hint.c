/* SPDX-License-Identifier: MIT */
/*
 * hint.c - the table that maps public hints to advice, and one error code for "unsupported"
 */
#include "hint.h"

#include <errno.h>

#include "caps.h"

static const struct pages_hint_meaning meanings[] = {
	[PAGES_HINT_NORMAL] = { PAGES_OS_NORMAL, true, false },
	[PAGES_HINT_SEQUENTIAL] = { PAGES_OS_SEQUENTIAL, true, false },
	[PAGES_HINT_RANDOM] = { PAGES_OS_RANDOM, true, false },
	[PAGES_HINT_WILL_NEED] = { PAGES_OS_WILL_NEED, false, false },
	[PAGES_HINT_COLD] = { PAGES_OS_COLD, false, false },
	[PAGES_HINT_PAGE_OUT] = { PAGES_OS_PAGE_OUT, false, false },
	[PAGES_HINT_FREE] = { PAGES_OS_FREE, false, true },
	[PAGES_HINT_HUGE] = { PAGES_OS_HUGE, true, false },
	[PAGES_HINT_NO_HUGE] = { PAGES_OS_NO_HUGE, true, false },
	[PAGES_HINT_COLLAPSE] = { PAGES_OS_COLLAPSE, false, false },
	[PAGES_HINT_DONT_FORK] = { PAGES_OS_DONT_FORK, true, false },
	[PAGES_HINT_DO_FORK] = { PAGES_OS_DO_FORK, true, false },
	[PAGES_HINT_WIPE_ON_FORK] = { PAGES_OS_WIPE_ON_FORK, true, true },
	[PAGES_HINT_KEEP_ON_FORK] = { PAGES_OS_KEEP_ON_FORK, true, false },
	[PAGES_HINT_DONT_DUMP] = { PAGES_OS_DONT_DUMP, true, false },
	[PAGES_HINT_DO_DUMP] = { PAGES_OS_DO_DUMP, true, false },
	[PAGES_HINT_MERGEABLE] = { PAGES_OS_MERGEABLE, true, false },
	[PAGES_HINT_UNMERGEABLE] = { PAGES_OS_UNMERGEABLE, true, false },
};

const struct pages_hint_meaning *
pages_hint_meaning(enum pages_hint hint)
{
	return (size_t)hint < sizeof(meanings) / sizeof(meanings[0]) ? &meanings[hint] : NULL;
}

/*
 * The kernel answers -EINVAL or -ENOSYS to advice that it does not know.  Huge pages are
 * also a capability, so that PAGES_DISABLE=huge has its effect here, too.
 */
int
pages_hint_give(void *p, size_t len, enum pages_os_advice advice)
{
	int err;

	if ((advice == PAGES_OS_HUGE || advice == PAGES_OS_NO_HUGE) && !pages_can(PAGES_CAP_HUGE))
		return -EOPNOTSUPP;
	err = pages_os_advise(p, len, advice);
	return err == -EINVAL || err == -ENOSYS ? -EOPNOTSUPP : err;
}
