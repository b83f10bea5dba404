/* SPDX-License-Identifier: MIT */
/*
 * caps.h - what this kernel can do, found out by trying
 *
 * Probed once, at the first call; read-only afterwards.  Kernel versions are
 * never compared: distributions backport, sandboxes forbid.  The environment
 * variable PAGES_DISABLE, a comma-separated list of the names below ("all" for
 * every one), makes a new kernel behave like an old one, so that each fallback
 * can be tested; it is ignored in privileged processes.
 */
#ifndef PAGES_CAPS_H
#define PAGES_CAPS_H

#include <stdbool.h>

struct pages_caps {
	bool move;	/* mremap(MREMAP_DONTUNMAP), Linux 5.7: pages move by page tables */
	bool discard;	/* MADV_DONTNEED leaves zeroes; qemu-user's did not */
	bool huge;	/* MADV_HUGEPAGE is known */
	bool populate;	/* MADV_POPULATE_WRITE, Linux 5.14; qemu-user says yes and does nothing */
};

/*
 * Threads: any; two first callers may probe twice and find the same.
 * Cost: the first call makes about a dozen system calls, later ones a load.
 */
struct pages_caps pages_caps(void);

#endif /* PAGES_CAPS_H */
