/* SPDX-License-Identifier: MIT */
/*
 * calls.h - the functions behind those that the shim intercepts to learn of changed mappings,
 *	limits and sandboxes
 *
 * Each is the next definition after the shim, usually the C library's.  Until these have been
 * looked up, and where there is none, it is the bare system call.  So they can be called at any
 * time: before the shim starts, in signal handlers, in children of vfork().
 */
#ifndef PAGES_CALLS_H
#define PAGES_CALLS_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* mbind() is libnuma's; not all C libraries declare the others. */
long mbind(void *p, unsigned long len, int mode, const unsigned long *nodes, unsigned long max,
	   unsigned flags);
int pkey_mprotect(void *p, size_t len, int prot, int key);
ssize_t process_madvise(int pidfd, const struct iovec *v, size_t n, int advice, unsigned flags);

#define PAGES_CALLS(X) X(mmap) X(munmap) X(mremap) X(mprotect) X(pkey_mprotect) X(madvise)       \
	X(posix_madvise) X(process_madvise) X(mlock) X(mlock2) X(mlockall) X(mbind) X(shmat)       \
	X(ioctl) X(setrlimit) X(prlimit) X(prctl) X(chroot)        \
	X(syscall) X(vmsplice) X(send) X(sendto) X(sendmsg) X(sendmmsg)

struct pages_calls {
#define PAGES_CALLS_FIELD(name) __typeof__(&(name)) name;
	PAGES_CALLS(PAGES_CALLS_FIELD)
#undef PAGES_CALLS_FIELD
};

extern struct pages_calls pages_calls __attribute__((visibility("hidden")));

/* The function to call.  Another thread may be looking it up. */
#define PAGES_CALL(name) __atomic_load_n(&pages_calls.name, __ATOMIC_ACQUIRE)

/*
 * Look all of them up, and have the heap make its own calls by the names of these functions, so
 * that a library that hooks them sees what the heap does.  Safe where pages_next_find() is.
 */
void pages_calls_find(void);

/* Is this a call for this range that the heap makes? */
bool pages_calls_are_own(const void *p, size_t len);

#endif /* PAGES_CALLS_H */
