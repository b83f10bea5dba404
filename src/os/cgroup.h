/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h - the memory limits that a container, a service or a batch job runs under
 *
 * They are those of the process's control group and of all groups that this lies
 * in, as far as they can be seen from here: a container does not show what its host
 * has set above it.  Both versions are understood, also side by side:
 *
 *	version 2	memory.max, memory.high, memory.swap.max
 *	version 1	memory.limit_in_bytes, memory.memsw.limit_in_bytes
 */
#ifndef PAGES_CGROUP_H
#define PAGES_CGROUP_H

#include <stddef.h>

/* Bytes; SIZE_MAX where there is no limit, or none that can be read. */
struct pages_cgroup_limits {
	size_t memory;		/* beyond it the kernel kills */
	size_t high;		/* beyond it the kernel makes the process wait */
	size_t swap;		/* in addition to memory */
	size_t memory_and_swap;	/* together */
};

/*
 * What applies to this process now.
 *
 *   root  put in front of every path that is read: "" but in tests
 *
 * Never fails: what is missing, cut off or malformed limits nothing.
 * Cost: reads /proc/self/cgroup and /proc/self/mountinfo, and two or three small
 *       files for each level of groups: about 0.1 ms.  Does not allocate; 5 KiB of stack.
 */
void pages_cgroup_read(const char *root, struct pages_cgroup_limits *ret);

#endif /* PAGES_CGROUP_H */
