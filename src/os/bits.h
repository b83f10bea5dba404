/* SPDX-License-Identifier: MIT */
/*
 * bits.h - bitmaps: set, count and find ranges of bits in arrays of 64-bit words
 *
 * A range is [a, b): a is its first bit, b the one after its last.
 */
#ifndef PAGES_BITS_H
#define PAGES_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline size_t
pages_bits_words(size_t bits)
{
	return (bits + 63) / 64;
}

/* The bits of [a, b) that lie in word w, as a mask; w is one of the words of the range. */
static inline uint64_t
pages_bits_mask(size_t w, size_t a, size_t b)
{
	uint64_t from = w == a / 64 ? ~(uint64_t)0 << (a % 64) : ~(uint64_t)0;
	uint64_t to = w == b / 64 ? ~(~(uint64_t)0 << (b % 64)) : ~(uint64_t)0;

	return from & to;
}

static inline bool
pages_bits_test(const uint64_t *bits, size_t i)
{
	return bits[i / 64] >> (i % 64) & 1;
}

static inline void
pages_bits_set(uint64_t *bits, size_t a, size_t b)
{
	for (size_t w = a / 64; w * 64 < b; w++)
		bits[w] |= pages_bits_mask(w, a, b);
}

static inline void
pages_bits_clear(uint64_t *bits, size_t a, size_t b)
{
	for (size_t w = a / 64; w * 64 < b; w++)
		bits[w] &= ~pages_bits_mask(w, a, b);
}

/* The same for words that other threads read meanwhile, atomically; only one thread writes. */
static inline void
pages_bits_set_shared(uint64_t *bits, size_t a, size_t b)
{
	for (size_t w = a / 64; w * 64 < b; w++)
		__atomic_store_n(&bits[w], bits[w] | pages_bits_mask(w, a, b), __ATOMIC_RELAXED);
}

static inline void
pages_bits_clear_shared(uint64_t *bits, size_t a, size_t b)
{
	for (size_t w = a / 64; w * 64 < b; w++)
		__atomic_store_n(&bits[w], bits[w] & ~pages_bits_mask(w, a, b), __ATOMIC_RELAXED);
}

/*
 * Not __builtin_popcountll: for a baseline x86-64, whose CPUs have no popcnt, that is a
 * call of a library function.
 */
static inline size_t
pages_bits_popcount(uint64_t x)
{
	x -= x >> 1 & 0x5555555555555555u;
	x = (x & 0x3333333333333333u) + (x >> 2 & 0x3333333333333333u);
	x = (x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu;
	return (size_t)(x * 0x0101010101010101u >> 56);
}

static inline size_t
pages_bits_count(const uint64_t *bits, size_t a, size_t b)
{
	size_t n = 0;

	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t word = bits[w] & pages_bits_mask(w, a, b);

		if (word != 0)
			n += pages_bits_popcount(word);
	}
	return n;
}

/* The first bit of [a, b) that equals value; b if there is none. */
static inline size_t
pages_bits_find(const uint64_t *bits, size_t a, size_t b, bool value)
{
	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t word = (value ? bits[w] : ~bits[w]) & pages_bits_mask(w, a, b);

		if (word != 0)
			return w * 64 + (size_t)__builtin_ctzll(word);
	}
	return b;
}

/* The position after the last set bit of [0, b); 0 if none is set. */
static inline size_t
pages_bits_end(const uint64_t *bits, size_t b)
{
	for (size_t w = pages_bits_words(b); w > 0; w--) {
		uint64_t word = bits[w - 1] & pages_bits_mask(w - 1, 0, b);

		if (word != 0)
			return w * 64 - (size_t)__builtin_clzll(word);
	}
	return 0;
}

#endif /* PAGES_BITS_H */
