/* SPDX-License-Identifier: MIT */
/*
 * faults.h - the n-th request for memory fails
 *
 * For programs that are linked statically with -Wl,--wrap for each of the functions
 * below.  A test arms the trap, makes a call, and disarms it.
 */
#ifndef PAGES_TESTS_FAULTS_H
#define PAGES_TESTS_FAULTS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

static unsigned faults_in;	/* requests to go; 0: none fails */
static unsigned faults_met;

static inline bool
fault_now(void)
{
	if (faults_in == 0 || --faults_in != 0)
		return false;
	faults_met++;
	return true;
}

/* What is requested, and how it says no. */
#define FAULT(type, no, name, parameters, ...)                                     \
	type __real_##name parameters;                                             \
	type __wrap_##name parameters;                                             \
	type                                                                       \
	__wrap_##name parameters                                                   \
	{                                                                          \
		return fault_now() ? (no) : __real_##name(__VA_ARGS__);            \
	}

FAULT(void *, (errno = ENOMEM, NULL), aligned_alloc, (size_t align, size_t len), align, len)
FAULT(int, -ENOMEM, pages_os_map, (size_t len, size_t align, size_t lead, unsigned prot,
      void **ret), len, align, lead, prot, ret)
FAULT(int, -ENOMEM, pages_os_extend, (void *p, size_t len, size_t new_len), p, len, new_len)
FAULT(int, -ENOMEM, pages_os_resize_to, (void *p, size_t len, size_t new_len, void *dst),
      p, len, new_len, dst)
FAULT(int, -ENOMEM, pages_os_protect, (void *p, size_t len, unsigned prot), p, len, prot)
FAULT(int, -ENOMEM, pages_os_populate, (void *p, size_t len), p, len)
FAULT(int, -ENOMEM, pages_os_file_open, (int kind, const char *label, size_t len, int *ret),
      kind, label, len, ret)
FAULT(int, -EIO, pages_os_read, (int fd, void *buf, size_t len, size_t *ret),
      fd, buf, len, ret)

#endif /* PAGES_TESTS_FAULTS_H */
