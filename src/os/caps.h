/* SPDX-License-Identifier: MIT */
/*
 * caps.h - what this kernel can do, found out by trying
 *
 * Each capability is probed by its effect when it is first asked for, and the
 * answer stays.  Kernel versions are never compared: distributions backport,
 * sandboxes forbid, emulators say yes to what they do not do.  The environment
 * variable PAGES_DISABLE, a comma-separated list of the names below in lower case
 * ("all" for every one), makes a new kernel behave like an old one, so that each
 * fallback can be tested; it is ignored in privileged processes.
 */
#ifndef PAGES_CAPS_H
#define PAGES_CAPS_H

#include <stdbool.h>

enum pages_cap {
	PAGES_CAP_MOVE,		/* mremap(MREMAP_DONTUNMAP): pages move by page tables (5.7) */
	PAGES_CAP_DISCARD,	/* MADV_DONTNEED leaves zeroes; qemu-user's did not */
	PAGES_CAP_HUGE,		/* MADV_HUGEPAGE is known */
	PAGES_CAP_LAZY,		/* MADV_FREE: memory for the kernel to take when it is short (4.5) */
	PAGES_CAP_WIPE,		/* MADV_WIPEONFORK: memory that children do not get (4.14) */
	PAGES_CAP_POPULATE,	/* MADV_POPULATE_WRITE (5.14) */
	PAGES_CAP_GUARD,	/* MADV_GUARD_INSTALL: guards without a mapping (6.13) */
	PAGES_CAP_SEAL,		/* mseal (6.10) */
	PAGES_CAP_FILES,	/* memfd_create with seals */
	PAGES_CAP_CODE,		/* memory files whose pages may be executed */
	PAGES_CAP_SECRET,	/* memfd_secret (5.14, secretmem.enable) */
	PAGES_CAP_QUERY,	/* PROCMAP_QUERY: a mapping without parsing text (6.11) */
	PAGES_CAP_SCAN,		/* PAGEMAP_SCAN: what is resident (6.7) */
	PAGES_CAP_COUNT
};

/*
 * Threads: any; two first askers may probe twice and find the same.
 * Cost: the first question after a capability makes a few system calls, later ones
 *       a load.  errno is kept.
 */
bool pages_can(enum pages_cap cap);

#endif /* PAGES_CAPS_H */
