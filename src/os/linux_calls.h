/* SPDX-License-Identifier: MIT */
/*
 * linux_calls.h - the functions by which the files linux*.c change mappings and enter the kernel
 *
 * They are the C library's, not instructions, because programs hook or patch those to learn of
 * changes.  A library that exports some of them itself, and so would call itself, puts others
 * here, perhaps while other threads use os.h.
 */
#ifndef PAGES_OS_LINUX_CALLS_H
#define PAGES_OS_LINUX_CALLS_H

#include <sys/mman.h>
#include <unistd.h>

struct pages_os_calls {
	__typeof__(&mmap) mmap;
	__typeof__(&munmap) munmap;
	__typeof__(&mremap) mremap;
	__typeof__(&mprotect) mprotect;
	__typeof__(&madvise) madvise;
	__typeof__(&syscall) syscall;
};

extern struct pages_os_calls pages_os_calls __attribute__((visibility("hidden")));

/* The function to call.  Acquire: whoever put it here has prepared what it uses. */
#define PAGES_OS_CALL(name) __atomic_load_n(&pages_os_calls.name, __ATOMIC_ACQUIRE)

#endif /* PAGES_OS_LINUX_CALLS_H */
