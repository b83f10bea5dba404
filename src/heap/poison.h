/* SPDX-License-Identifier: MIT */
/*
 * poison.h - tells AddressSanitizer, in a program that is built with it and links the library,
 *	which memory of the arena belongs to blocks: others may not be touched
 *
 * Not where the library itself is built with it, because the heap reads free memory.
 * Cost: elsewhere a load and a branch.
 */
#ifndef PAGES_HEAP_POISON_H
#define PAGES_HEAP_POISON_H

#include <stddef.h>

#include "os/base.h"

/* NOLINTBEGIN(bugprone-reserved-identifier) */
void __asan_poison_memory_region(const volatile void *p, size_t len) __attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *p, size_t len) __attribute__((weak));
/* NOLINTEND(bugprone-reserved-identifier) */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PAGES_IS_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(PAGES_IS_SANITIZED)
#define PAGES_IS_SANITIZED 1
#endif
#ifndef PAGES_IS_SANITIZED
#define PAGES_IS_SANITIZED 0
#endif

/* [p, p + len) is about to belong to a block: to be called before anything is written there. */
static inline void
pages_unpoison(const void *p, size_t len)
{
	if (!PAGES_IS_SANITIZED && PAGES_UNLIKELY(__asan_unpoison_memory_region != NULL))
		__asan_unpoison_memory_region(p, len);
}

/* [p, p + len) belongs to no block: to be called before another thread may get it. */
static inline void
pages_poison(const void *p, size_t len)
{
	if (!PAGES_IS_SANITIZED && PAGES_UNLIKELY(__asan_poison_memory_region != NULL))
		__asan_poison_memory_region(p, len);
}

#endif /* PAGES_HEAP_POISON_H */
