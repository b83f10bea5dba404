/* SPDX-License-Identifier: MIT */
/*
 * enter.h - system calls that pass through no other function
 *
 * The shim exports syscall(), so its own calls must not go by that name: they would be taken for
 * the program's.
 */
#ifndef PAGES_ENTER_H
#define PAGES_ENTER_H

#include <stdarg.h>

/* 1 where the shim can enter the kernel by itself.  Elsewhere it does not export syscall(). */
#if defined(__LP64__) && (defined(__x86_64__) || defined(__aarch64__))
#define PAGES_ENTERS 1
#else
#define PAGES_ENTERS 0
#endif

/*
 * Read the six arguments that a system call has at most, however many there are behind last: the
 * C library's syscall() does so, too, and the kernel ignores the others.
 */
#define PAGES_SIX_ARGUMENTS(arg, last)                  \
	do {                                            \
		va_list ap_;                            \
                                                        \
		va_start(ap_, last);                    \
		for (int i_ = 0; i_ < 6; i_++)          \
			(arg)[i_] = va_arg(ap_, long);  \
		va_end(ap_);                            \
	} while (0)

/*
 * What syscall(2) does, with the same result and errno.  Safe at any time: before the shim has
 * started, in signal handlers and in children of vfork().
 */
long pages_enter(long nr, ...) __attribute__((visibility("hidden")));

#endif /* PAGES_ENTER_H */
