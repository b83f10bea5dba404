/* SPDX-License-Identifier: MIT */
/*
 * random_sum.h - random arithmetic on x and y, written down while plain C works it out
 *
 * The text follows the grammar of jit.c, so precedence is right by making, and
 * the value owes nothing to any parser.  Overflow wraps around; divisors are positive
 * numbers, so that no division is undefined.
 */
#ifndef PAGES_TESTS_RANDOM_SUM_H
#define PAGES_TESTS_RANDOM_SUM_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct random_sum {
	uint64_t seed;
	long x, y, value;
	char text[1 << 15];
	size_t len;	/* of text */
};

static inline unsigned
pick(struct random_sum *r, unsigned count)
{
	r->seed = r->seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(r->seed >> 33) % count;
}

__attribute__((format(printf, 2, 3))) static inline void
put(struct random_sum *r, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(r->text + r->len, sizeof(r->text) - r->len, format, args);
	va_end(args);
	r->len += (size_t)n;
	if (r->len >= sizeof(r->text))
		abort();
}

/* Two's complement, without C's undefined overflow. */
static inline long
apply(char name, long a, long b)
{
	unsigned long left = (unsigned long)a, right = (unsigned long)b;

	switch (name) {
	case '+':
		return (long)(left + right);
	case '-':
		return (long)(left - right);
	case '*':
		return (long)(left * right);
	case '/':
		return a / b;
	default:
		return a % b;
	}
}

static inline long make_sum(struct random_sum *r, unsigned depth);

static inline long
make_atom(struct random_sum *r, unsigned depth)
{
	long value;

	switch (pick(r, depth > 0 ? 6 : 3)) {
	case 0:
		put(r, "x");
		return r->x;
	case 1:
		put(r, "y");
		return r->y;
	case 2:
		value = (long)pick(r, 1000000);
		put(r, "%ld", value);
		return value;
	case 3:
		put(r, "-");
		return apply('-', 0, make_atom(r, depth - 1));
	default:
		put(r, "(");
		value = make_sum(r, depth - 1);
		put(r, ")");
		return value;
	}
}

static inline long
make_product(struct random_sum *r, unsigned depth)
{
	long value = make_atom(r, depth);

	for (unsigned n = pick(r, 3); n > 0; n--) {
		char name = "*/%"[pick(r, 3)];
		long right = 1 + (long)pick(r, 100);

		put(r, " %c ", name);
		if (name == '*')
			right = make_atom(r, depth);
		else
			put(r, "%ld", right);
		value = apply(name, value, right);
	}
	return value;
}

static inline long
make_sum(struct random_sum *r, unsigned depth)
{
	long value = make_product(r, depth);

	for (unsigned n = pick(r, 3); n > 0; n--) {
		char name = "+-"[pick(r, 2)];

		put(r, " %c ", name);
		value = apply(name, value, make_product(r, depth));
	}
	return value;
}

/* A new expression, new x and y, and its value for them. */
static inline void
make_random_sum(struct random_sum *r)
{
	unsigned bits = pick(r, 64);

	r->x = (long)r->seed >> bits;	/* as often small as large */
	r->y = (long)pick(r, 200) - 100;
	r->len = 0;
	r->value = make_sum(r, 4);
}

#endif /* PAGES_TESTS_RANDOM_SUM_H */
