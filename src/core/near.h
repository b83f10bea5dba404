/* SPDX-License-Identifier: MIT */
/*
 * near.h - maps memory within reach of an address, for code that calls functions there
 */
#ifndef PAGES_NEAR_H
#define PAGES_NEAR_H

#include <stddef.h>
#include <stdint.h>

struct pages_near {
	size_t len;		/* bytes to map; whole pages */
	size_t align, lead;	/* as for pages_os_map() */
	uintptr_t target;
	size_t within;		/* bytes from target to the first byte, and to the end, at most */
};

/*
 * pages_os_map() within reach.  -EADDRNOTAVAIL if there is no such range, or none was found;
 * other errors as there.  Nothing that is mapped is replaced.
 *
 * Threads: any.  Cost: if there is room below what was mapped last, a system call or two; else
 * /proc/self/maps is read, about 1 us for each mapping below the range and in it.
 */
int pages_map_near(const struct pages_near *want, unsigned prot, void **ret);

#endif /* PAGES_NEAR_H */
