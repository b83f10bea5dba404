/* SPDX-License-Identifier: MIT */
#include "counted_calls.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct counted_calls counted;

/* The C library's own, which this program's hide.  Looked up each time: calls are few. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* [p, p + len) is going to lose its pages.  What is no mapping has none. */
static void
lose(char *p, size_t len)
{
	static _Thread_local unsigned char present[1 << 16];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), step = sizeof(present) * page;

	for (; len != 0; p += step, len -= step) {
		if (step > len)
			step = len;
		if (mincore(p, step, present) != 0)
			return;
		for (size_t i = 0; i < step / page; i++)
			add(&counted.lost, (present[i] & 1) * page);
	}
}

/* Where the dynamic linker sees them. */
#pragma GCC visibility push(default)

void *
mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	add(&counted.calls, 1);
	if ((flags & MAP_FIXED) != 0 && (flags & MAP_FIXED_NOREPLACE) == 0)
		lose(p, len);
	return NEXT(mmap)(p, len, prot, flags, fd, offset);
}

int
munmap(void *p, size_t len)
{
	add(&counted.calls, 1);
	lose(p, len);
	return NEXT(munmap)(p, len);
}

void *
mremap(void *p, size_t len, size_t new_len, int flags, ...)
{
	va_list ap;
	void *to;

	va_start(ap, flags);
	to = va_arg(ap, void *);
	va_end(ap);
	add(&counted.calls, 1);
	add(&counted.moved, len);
	if ((flags & MREMAP_FIXED) != 0)
		lose(to, new_len);
	return NEXT(mremap)(p, len, new_len, flags, to);
}

int
madvise(void *p, size_t len, int advice)
{
	add(advice == MADV_FREE ? &counted.marked : &counted.calls, 1);
	if (advice == MADV_DONTNEED)
		lose(p, len);
	return NEXT(madvise)(p, len, advice);
}

int
mprotect(void *p, size_t len, int prot)
{
	add(&counted.calls, 1);
	return NEXT(mprotect)(p, len, prot);
}

/* At most six arguments; those that the caller did not pass are garbage that is not used. */
long
syscall(long number, ...)
{
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	add(&counted.calls, 1);
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

void *
memcpy(void *restrict to, const void *restrict from, size_t len)
{
	add(&counted.copied, len);
	return NEXT(memmove)(to, from, len);
}

void *
memmove(void *to, const void *from, size_t len)
{
	add(&counted.copied, len);
	return NEXT(memmove)(to, from, len);
}

#pragma GCC visibility pop
