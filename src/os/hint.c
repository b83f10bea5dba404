/* SPDX-License-Identifier: MIT */
/*
 * hint.c - the table that maps public hints to advice, and one error code for "unsupported"
 */
#include "hint.h"

#include <errno.h>

#include "caps.h"

#define AT(hint) (PAGES_HINT_##hint - PAGES_HINT_NORMAL)
static const struct pages_hint_meaning meanings[] = {
	[AT(NORMAL)] = { PAGES_OS_NORMAL, true, false },
	[AT(SEQUENTIAL)] = { PAGES_OS_SEQUENTIAL, true, false },
	[AT(RANDOM)] = { PAGES_OS_RANDOM, true, false },
	[AT(WILL_NEED)] = { PAGES_OS_WILL_NEED, false, false },
	[AT(COLD)] = { PAGES_OS_COLD, false, false },
	[AT(PAGE_OUT)] = { PAGES_OS_PAGE_OUT, false, false },
	[AT(FREE)] = { PAGES_OS_FREE, false, true },
	[AT(HUGE)] = { PAGES_OS_HUGE, true, false },
	[AT(NO_HUGE)] = { PAGES_OS_NO_HUGE, true, false },
	[AT(COLLAPSE)] = { PAGES_OS_COLLAPSE, false, false },
	[AT(DONT_FORK)] = { PAGES_OS_DONT_FORK, true, false },
	[AT(DO_FORK)] = { PAGES_OS_DO_FORK, true, false },
	[AT(WIPE_ON_FORK)] = { PAGES_OS_WIPE_ON_FORK, true, true },
	[AT(KEEP_ON_FORK)] = { PAGES_OS_KEEP_ON_FORK, true, false },
	[AT(DONT_DUMP)] = { PAGES_OS_DONT_DUMP, true, false },
	[AT(DO_DUMP)] = { PAGES_OS_DO_DUMP, true, false },
	[AT(MERGEABLE)] = { PAGES_OS_MERGEABLE, true, false },
	[AT(UNMERGEABLE)] = { PAGES_OS_UNMERGEABLE, true, false },
};

const struct pages_hint_meaning *
pages_hint_meaning(enum pages_hint hint)
{
	size_t at = (size_t)hint - PAGES_HINT_NORMAL;

	return at < sizeof(meanings) / sizeof(meanings[0]) ? &meanings[at] : NULL;
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
