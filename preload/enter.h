/* SPDX-License-Identifier: MIT */
/*
 * enter.h - system calls by which nobody else is called
 *
 * The shim exports syscall(), so its own calls must not go by that name: they would be taken for
 * the program's.
 */
#ifndef PAGES_ENTER_H
#define PAGES_ENTER_H

/* 1 where the shim can enter the kernel by itself.  Elsewhere it does not export syscall(). */
#if defined(__LP64__) && (defined(__x86_64__) || defined(__aarch64__))
#define PAGES_ENTERS 1
#else
#define PAGES_ENTERS 0
#endif

/*
 * What syscall(2) does, with the same result and errno.  Safe at any time: before the shim has
 * started, in signal handlers and in children of vfork().
 */
long pages_enter(long nr, ...) __attribute__((visibility("hidden")));

#endif /* PAGES_ENTER_H */
