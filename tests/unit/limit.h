/* SPDX-License-Identifier: MIT */
/*
 * limit.h - brings this process to a limit of its address space or data, and back
 */
#ifndef PAGES_TESTS_LIMIT_H
#define PAGES_TESTS_LIMIT_H

#include <criterion/criterion.h>
#include <sys/resource.h>

#include "support/support.h"

/* Lower RLIMIT_AS or RLIMIT_DATA to what counts towards it now, and so much more. */
static inline struct rlimit
leave(int resource, size_t more)
{
	const char *name = resource == RLIMIT_AS ? "VmSize" : "VmData";
	struct rlimit was, low;

	cr_assert_eq(getrlimit((__rlimit_resource_t)resource, &was), 0);
	low = (struct rlimit){ proc_bytes("status", name) + more, was.rlim_max };
	cr_assert_eq(setrlimit((__rlimit_resource_t)resource, &low), 0);
	return was;
}

static inline void
restore(int resource, struct rlimit was)
{
	cr_assert_eq(setrlimit((__rlimit_resource_t)resource, &was), 0);
}

#endif /* PAGES_TESTS_LIMIT_H */
