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
#include <string.h>

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

/* Fibonacci hashing (Knuth 6.4): the high bits of the result are as good as random. */
#define PAGES_GOLDEN_32 2654435769u
#define PAGES_GOLDEN_64 0x9e3779b97f4a7c15u

static inline uint32_t
pages_hash_32(uint32_t x)
{
	return x * PAGES_GOLDEN_32;
}

static inline uint64_t
pages_hash_64(uint64_t x)
{
	return x * PAGES_GOLDEN_64;
}

/* Compares the range with itself, shifted by one byte, which memcmp does at full speed. */
static inline bool
pages_is_zero(const char *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

#endif /* PAGES_BASE_H */
