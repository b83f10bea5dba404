/* SPDX-License-Identifier: MIT */
/*
 * counted_calls.c - the program's own mmap, madvise, memcpy and so on, which count and call on
 */
#include "counted_calls.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/measure.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

struct counted_calls counted;

/* The C library's function that this file's hides.  Looked up each time, because calls are few. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Resident bytes.  mincore() would count the zero page, too. */
static uint64_t
in_use(void)
{
	struct resident r;

	read_resident(&r);
	return r.now;
}

/* Make a call that may take memory away, and add how much that was to counted.lost. */
#define LOSING(call)                                                               \
	({                                                                         \
		uint64_t before = in_use(), after;                                 \
		__typeof__(call) result = call;                                    \
                                                                                   \
		after = in_use();                                                  \
		add(&counted.lost, before > after ? before - after : 0);           \
		result;                                                            \
	})

/* Exported, so that the dynamic linker binds the shim's calls to them. */
#pragma GCC visibility push(default)

void *
mmap(void *p, size_t len, int prot, int flags, int fd, off_t offset)
{
	add(&counted.calls, 1);
	if ((flags & MAP_FIXED) != 0 && (flags & MAP_FIXED_NOREPLACE) == 0)
		return LOSING(NEXT(mmap)(p, len, prot, flags, fd, offset));
	return NEXT(mmap)(p, len, prot, flags, fd, offset);
}

int
munmap(void *p, size_t len)
{
	add(&counted.calls, 1);
	return LOSING(NEXT(munmap)(p, len));
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
	return LOSING(NEXT(mremap)(p, len, new_len, flags, to));
}

int
madvise(void *p, size_t len, int advice)
{
	bool marks = advice == MADV_FREE || advice == MADV_POPULATE_WRITE;

	add(marks ? &counted.marked : &counted.calls, 1);
	if (advice == MADV_DONTNEED)
		return LOSING(NEXT(madvise)(p, len, advice));
	return NEXT(madvise)(p, len, advice);
}

int
mprotect(void *p, size_t len, int prot)
{
	/* Marking sets read-write first; the only other such calls are the arena's commit steps. */
	add(prot == (PROT_READ | PROT_WRITE) ? &counted.marked : &counted.calls, 1);
	return NEXT(mprotect)(p, len, prot);
}

/* Always passes six arguments on: the kernel ignores those that the caller did not pass. */
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
	if (number != SYS_mremap)
		return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	add(&counted.moved, (uint64_t)a[1]);
	return LOSING(NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]));
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
