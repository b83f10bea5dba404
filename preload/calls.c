/* SPDX-License-Identifier: MIT */
/*
 * calls.c - finds the functions behind those that the shim intercepts
 */
#include "calls.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "elf_scope.h"
#include "enter.h"
#include "os/linux_calls.h"
#include "os/os.h"

/* Bare system calls. ------------------------------------------------------ */

static void *
raw_mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	return (void *)pages_enter(SYS_mmap, p, len, prot, flags, fd, offset);
}

static int
raw_munmap(void *p, size_t len)
{
	return (int)pages_enter(SYS_munmap, p, len);
}

static void *
raw_mremap(void *p, size_t len, size_t new_len, int flags, ...)
{
	va_list ap;
	void *dst;

	va_start(ap, flags);
	dst = va_arg(ap, void *);
	va_end(ap);
	return (void *)pages_enter(SYS_mremap, p, len, new_len, flags, dst);
}

static int
raw_mprotect(void *p, size_t len, int prot)
{
	return (int)pages_enter(SYS_mprotect, p, len, prot);
}

static int
raw_pkey_mprotect(void *p, size_t len, int prot, int key)
{
	return (int)pages_enter(SYS_pkey_mprotect, p, len, prot, key);
}

static int
raw_madvise(void *p, size_t len, int advice)
{
	return (int)pages_enter(SYS_madvise, p, len, advice);
}

/* Its advice has the numbers of madvise(), but DONTNEED must not lose anything. */
static int
raw_posix_madvise(void *p, size_t len, int advice)
{
	int saved = errno, err = 0;

	if (advice != POSIX_MADV_DONTNEED && pages_enter(SYS_madvise, p, len, advice) != 0)
		err = errno;
	errno = saved;
	return err;
}

static ssize_t
raw_process_madvise(int pidfd, const struct iovec *v, size_t n, int advice, unsigned flags)
{
	return pages_enter(SYS_process_madvise, pidfd, v, n, advice, flags);
}

static int
raw_mlock(const void *p, size_t len)
{
	return (int)pages_enter(SYS_mlock, p, len);
}

static int
raw_mlock2(const void *p, size_t len, unsigned flags)
{
	return (int)pages_enter(SYS_mlock2, p, len, flags);
}

static int
raw_mlockall(int flags)
{
	return (int)pages_enter(SYS_mlockall, flags);
}

static long
raw_mbind(void *p, unsigned long len, int mode, const unsigned long *nodes, unsigned long max,
	  unsigned flags)
{
	return pages_enter(SYS_mbind, p, len, mode, nodes, max, flags);
}

static void *
raw_shmat(int id, const void *p, int flags)
{
	return (void *)pages_enter(SYS_shmat, id, p, flags);
}

static int
raw_ioctl(int fd, PAGES_IOCTL_REQUEST request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return (int)pages_enter(SYS_ioctl, fd, request, arg);
}

static int
raw_setrlimit(PAGES_RLIMIT_RESOURCE resource, const struct rlimit *limit)
{
	return (int)pages_enter(SYS_prlimit64, 0, resource, limit, 0L);
}

static int
raw_prlimit(pid_t pid, PAGES_RLIMIT_RESOURCE resource, const struct rlimit *limit,
	    struct rlimit *old)
{
	return (int)pages_enter(SYS_prlimit64, pid, resource, limit, old);
}

static int
raw_prctl(int option, ...)
{
	unsigned long arg[4];
	va_list ap;

	va_start(ap, option);
	for (size_t i = 0; i < sizeof(arg) / sizeof(arg[0]); i++)
		arg[i] = va_arg(ap, unsigned long);
	va_end(ap);
	return (int)pages_enter(SYS_prctl, option, arg[0], arg[1], arg[2], arg[3]);
}

static int
raw_chroot(const char *path)
{
	return (int)pages_enter(SYS_chroot, path);
}

static ssize_t
raw_vmsplice(int fd, const struct iovec *v, size_t n, unsigned flags)
{
	return pages_enter(SYS_vmsplice, fd, v, n, flags);
}

/* The address is a pointer, or glibc's union of pointers to all kinds of addresses. */
static ssize_t
raw_sendto(int fd, const void *p, size_t len, int flags, PAGES_SOCKADDR_ARG to, socklen_t to_len)
{
	const void *address;

	_Static_assert(sizeof(to) == sizeof(address), "one pointer");
	memcpy(&address, &to, sizeof(address));
	return pages_enter(SYS_sendto, fd, p, len, flags, address, to_len);
}

static ssize_t
raw_send(int fd, const void *p, size_t len, int flags)
{
	return pages_enter(SYS_sendto, fd, p, len, flags, 0L, 0L);
}

static ssize_t
raw_sendmsg(int fd, const struct msghdr *m, int flags)
{
	return pages_enter(SYS_sendmsg, fd, m, flags);
}

static int
raw_sendmmsg(int fd, struct mmsghdr *m, unsigned n, PAGES_SENDMMSG_FLAGS flags)
{
	return (int)pages_enter(SYS_sendmmsg, fd, m, n, flags);
}

#define raw_syscall pages_enter

struct pages_calls pages_calls = {
#define RAW(name) .name = raw_##name,
	PAGES_CALLS(RAW)
#undef RAW
};

/* The heap's own calls. --------------------------------------------------- */

/*
 * The heap calls these functions by their names, like the program, because others hook them to
 * learn of changed mappings: by a definition in front of the shim's, by other addresses in the
 * slots of its global offset table, or by a jump at the start of the shim's functions or of the
 * C library's.  Without hooks the shim's own functions are called.  There the heap's calls must
 * not be taken for the program's.
 *
 * Volatile, because the headers promise that these functions do not come back to this file
 * (attribute leaf): compilers would drop what is stored for them.
 */
struct range {
	const void *p;
	size_t len;
};
static _Thread_local volatile struct range own __attribute__((tls_model("initial-exec")));

bool
pages_calls_are_own(const void *p, size_t len)
{
	return own.len == len && own.p == p && len != 0;
}

/* Returns what end() is to restore: a hook may allocate, and so get here, during a call. */
static struct range
begin(const void *p, size_t len)
{
	struct range before = { own.p, own.len };

	own.p = p;
	own.len = len;
	return before;
}

static void
end(struct range before)
{
	own.p = before.p;
	own.len = before.len;
}

static void *
own_mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	struct range before;
	void *q;

	before = begin(p, len);
	q = mmap(p, len, prot, flags, fd, offset);
	end(before);
	return q;
}

static int
own_munmap(void *p, size_t len)
{
	struct range before;
	int result;

	before = begin(p, len);
	result = munmap(p, len);
	end(before);
	return result;
}

/* The heap passes no fifth argument: os/linux.c says why. */
static void *
own_mremap(void *p, size_t len, size_t new_len, int flags, ...)
{
	struct range before;
	void *q;

	before = begin(p, len);
	q = mremap(p, len, new_len, flags);
	end(before);
	return q;
}

static int
own_mprotect(void *p, size_t len, int prot)
{
	struct range before;
	int result;

	before = begin(p, len);
	result = mprotect(p, len, prot);
	end(before);
	return result;
}

static int
own_madvise(void *p, size_t len, int advice)
{
	struct range before;
	int result;

	before = begin(p, len);
	result = madvise(p, len, advice);
	end(before);
	return result;
}

/* In calls for ranges these are the first two arguments; in others they are compared in vain. */
static long
own_syscall(long nr, ...)
{
	long arg[6], result;
	struct range before;

	PAGES_SIX_ARGUMENTS(arg, nr);
	before = begin((const void *)arg[0], (size_t)arg[1]);
	result = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	end(before);
	return result;
}

/* Finding. ---------------------------------------------------------------- */

static uintptr_t
definition(const struct link_map *from, const char *name)
{
	const struct link_map *o = pages_scope_definer(from, name);

	return o != NULL ? (uintptr_t)pages_scope_symbol(o, name) : 0;
}

/* Is there a definition in front of the shim's? */
static bool
is_in_front(const struct link_map *self, const char *name)
{
	const struct link_map *o = pages_scope_definer(pages_scope_first(), name);

	return o != NULL && o != self;
}

/* Another thread may be calling the bare one meanwhile. */
#define STORE(field, value) \
	__atomic_store_n(&(field), (__typeof__(field))(value), __ATOMIC_RELEASE)

#define PAGES_CODE(name) ((const void *)(uintptr_t)pages_calls.name)

void
pages_calls_find(void)
{
	const struct link_map *self = pages_scope_self();
	uintptr_t f;

	if (self == NULL)	/* in a namespace of its own: dlmopen() */
		return;
#define FIND(name)                                                     \
	f = definition(self->l_next, #name);                           \
	if (f != 0)                                                    \
		STORE(pages_calls.name, f);
	PAGES_CALLS(FIND)
#undef FIND
#define ROUTE(name) STORE(pages_os_calls.name, own_##name);
	ROUTE(mmap)
	ROUTE(munmap)
	ROUTE(mremap)
	ROUTE(mprotect)
	ROUTE(madvise)
	ROUTE(syscall)
#undef ROUTE
	pages_os_remember_calls((const void *[]){ PAGES_CODE(munmap), PAGES_CODE(mremap),
						  PAGES_CODE(madvise) },
				is_in_front(self, "munmap") || is_in_front(self, "mremap") ||
					is_in_front(self, "madvise"));
}
