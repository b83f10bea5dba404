/* SPDX-License-Identifier: MIT */
/*
 * watch.h - what the shim does about a call of the program, however it is made
 *
 * The functions that the shim exports call these, and so does syscall() for the same system call.
 * None changes errno.  Unless it says otherwise each is called before the kernel is.
 */
#ifndef PAGES_WATCH_H
#define PAGES_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#pragma GCC visibility push(hidden)

/* Mappings.  These lock and allocate nothing: mappings.c says why. */

/* The kernel is told something about this range that outlives a block. */
void pages_watch_range(const void *p, size_t len);

void pages_watch_mmap(const void *p, size_t len, int flags);
void pages_watch_mremap(const void *p, size_t len, size_t new_len, int flags, const void *dst);
void pages_watch_shmat(int id, const void *p, int flags);
void pages_watch_mprotect(const void *p, size_t len, int prot);
void pages_watch_madvise(const void *p, size_t len, int advice);

/* After these have succeeded: what the program passed could not be read before. */
void pages_watch_process_madvise(const struct iovec *v, size_t n, int advice);
void pages_watch_ioctl(unsigned request, const void *arg);

/* Pages that the kernel goes on to read.  The last three after success; the first two before. */
void pages_watch_send(const void *p, size_t len, int flags);
bool pages_watch_vmsplice_early(const struct iovec *v, size_t n);	/* false: do it later */
void pages_watch_vmsplice(const struct iovec *v, size_t n);
void pages_watch_sendmsg(const struct msghdr *m, int flags);
void pages_watch_sendmmsg(const struct mmsghdr *m, size_t sent, int flags);

/* Limits.  After a call that may have lowered one. */
void pages_watch_limit(int resource);

/* After the calling thread's policy has changed; libnuma does that by syscall(). */
void pages_watch_mempolicy(void);

void pages_watch_mlockall(void);
void pages_watch_locked(void);		/* after it has succeeded */

/* Sandboxes. */
void pages_watch_prctl(int option, const unsigned long arg[4]);
void pages_watch_sandbox(void);	/* a filter of system calls, or no more files */
void pages_watch_chroot(void);

#pragma GCC visibility pop

#endif /* PAGES_WATCH_H */
