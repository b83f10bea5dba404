/* SPDX-License-Identifier: MIT */
/*
 * cgroup.h - the memory limits of the container, service or batch job the process runs in
 *
 * The lowest limits count, of the process's control group and of all groups above it that
 * are visible.  A process in a container does not see the groups that its host has above
 * the container.  Both versions of control groups are read, also side by side:
 *
 *	version 2	memory.max, memory.high, memory.swap.max
 *	version 1	memory.limit_in_bytes, memory.memsw.limit_in_bytes
 */
#ifndef PAGES_CGROUP_H
#define PAGES_CGROUP_H

#include <stddef.h>

/* Bytes; SIZE_MAX where there is no limit, or none that can be read. */
struct pages_cgroup_limits {
	size_t memory;		/* beyond it the kernel kills a process of the group */
	size_t high;		/* beyond it the kernel throttles allocations */
	size_t swap;		/* in addition to memory (version 2) */
	size_t memory_and_swap;	/* both together (version 1) */
};

/*
 * Read the limits that apply to this process now.
 *
 *   root  a prefix for every path that is read: "" except in tests
 *
 * Never fails: files that are missing, truncated or malformed count as no limit.
 * Cost: reads /proc/self/cgroup and /proc/self/mountinfo, and two or three small
 *       files for each level of groups: about 0.1 ms.  Does not allocate; 5 KiB of stack.
 */
void pages_cgroup_read(const char *root, struct pages_cgroup_limits *ret);

#endif /* PAGES_CGROUP_H */
