/* SPDX-License-Identifier: MIT */
/*
 * base.h - small arithmetic helpers for all folders; includes no other header of the library
 */
#ifndef PAGES_BASE_H
#define PAGES_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGES_LIKELY(x) __builtin_expect(!!(x), 1)
#define PAGES_UNLIKELY(x) __builtin_expect(!!(x), 0)

/*
 * For functions that run between two system calls: the linker puts them side by side.
 * With page-table isolation, every page of code costs a TLB miss again after each system
 * call, so the code should be spread over few pages.
 */
#define PAGES_HOT __attribute__((hot))

#define PAGES_KIB(n) ((size_t)(n) << 10)
#define PAGES_MIB(n) ((size_t)(n) << 20)
#define PAGES_GIB(n) ((size_t)(n) << 30)

static inline bool
pages_is_pow2(size_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

/* Round to multiples of n, a power of two. */
static inline size_t
pages_round_down(size_t x, size_t n)
{
	return x & ~(n - 1);
}

/* The caller makes sure that x + n - 1 does not overflow. */
static inline size_t
pages_round_up(size_t x, size_t n)
{
	return (x + n - 1) & ~(n - 1);
}

/* The logarithm, rounded down; n is at least 1. */
static inline unsigned
pages_log2(size_t n)
{
	return 63 - (unsigned)__builtin_clzll(n);
}

/* The smallest power of two >= n; n is at most half of the address space. */
static inline size_t
pages_pow2_at_least(size_t n)
{
	return n <= 1 ? 1 : (size_t)2 << pages_log2(n - 1);
}

static inline size_t
pages_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t
pages_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

#endif /* PAGES_BASE_H */
