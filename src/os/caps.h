/* SPDX-License-Identifier: MIT */
/*
 * caps.h - which optional features this kernel has, found out by trying them
 *
 * A feature is probed when it is first asked for, and the answer is kept for the life of
 * the process, unless the probe failed for a reason that passes: a limit, or lack of memory or
 * descriptors.  Kernel versions are never compared: distributions backport features,
 * sandboxes forbid them, and emulators report success without doing anything.
 *
 * The environment variable PAGES_DISABLE is a comma-separated list of the names below in
 * lower case, or "all".  It makes a new kernel look like an old one, so that each fallback
 * can be tested.  It is ignored in privileged processes.
 */
#ifndef PAGES_CAPS_H
#define PAGES_CAPS_H

#include <stdbool.h>

enum pages_cap {
	PAGES_CAP_MOVE,		/* mremap(MREMAP_DONTUNMAP): move pages by page tables (5.7) */
	PAGES_CAP_DISCARD,	/* MADV_DONTNEED zeroes the range; in qemu-user it may not */
	PAGES_CAP_HUGE,		/* MADV_HUGEPAGE is known */
	PAGES_CAP_SMALL,	/* MADV_NOHUGEPAGE is known */
	PAGES_CAP_DUMP,		/* MADV_DONTDUMP: not in core dumps (3.4) */
	PAGES_CAP_LAZY,		/* MADV_FREE: the kernel takes pages when memory is short (4.5) */
	PAGES_CAP_WIPE,		/* MADV_WIPEONFORK: a child finds zeroes (4.14) */
	PAGES_CAP_POPULATE,	/* MADV_POPULATE_WRITE: fault pages in for writing (5.14) */
	PAGES_CAP_GUARD,	/* MADV_GUARD_INSTALL: guard pages without a VMA split (6.13) */
	PAGES_CAP_SEAL,		/* mseal (6.10) */
	PAGES_CAP_FILES,	/* memfd_create with seals */
	PAGES_CAP_CODE,		/* memory files whose pages may be executed */
	PAGES_CAP_SECRET,	/* memfd_secret (5.14, secretmem.enable) */
	PAGES_CAP_QUERY,	/* PROCMAP_QUERY: look up a mapping without parsing text (6.11) */
	PAGES_CAP_SCAN,		/* PAGEMAP_SCAN: list resident pages (6.7) */
	PAGES_CAP_LOOK,		/* mincore and process_vm_readv of its own memory (3.2) */
	PAGES_CAP_HINT,		/* mmap follows a hint far away; true until it is tried (arena.c) */
	PAGES_CAP_COUNT
};

/*
 * Does this kernel have the feature, and is it not in PAGES_DISABLE?  errno is kept.
 *
 * Threads: any.  Two threads may run the same probe at the same time and get one answer.
 * Cost: the first call for a feature makes a few system calls, later ones are a load.
 */
bool pages_can(enum pages_cap cap);

/*
 * The same with a reason: 0 if it has; -EOPNOTSUPP; or the error of the probe, such as -EFBIG, if
 * that may pass.  Then the next call probes again.
 */
int pages_lacks(enum pages_cap cap);

/*
 * Sandboxes allow what the C library's malloc does: mmap, munmap, mremap, mprotect, madvise and
 * futex.  Other calls may end the process, and so may advice that malloc does not give.
 */
enum pages_confinement {
	PAGES_CONFINED_ADVICE,	/* neither such advice nor such calls */
	PAGES_CONFINED_CALLS,	/* such advice, but no such calls */
};

/*
 * From now on pages_can() says no to features that the heap can do without and that need more
 * than that.  Cannot be undone.  Async-signal-safe.
 */
void pages_confine(enum pages_confinement to);

#endif /* PAGES_CAPS_H */
