/* SPDX-License-Identifier: MIT */
/*
 * text.h - text put together in a buffer of the caller's, without stdio, which allocates
 */
#ifndef PAGES_PRELOAD_TEXT_H
#define PAGES_PRELOAD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct pages_text {
	char *buf;
	size_t len, size;	/* one byte less than size fits, so that it can be terminated */
	bool cut;		/* something did not fit */
};

static inline void
pages_text_char(struct pages_text *t, char c)
{
	if (t->len + 1 < t->size)
		t->buf[t->len++] = c;
	else
		t->cut = true;
}

static inline void
pages_text_put(struct pages_text *t, const char *s)
{
	while (*s != '\0')
		pages_text_char(t, *s++);
}

static inline void
pages_text_number(struct pages_text *t, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	while (i < sizeof(digits))
		pages_text_char(t, digits[i++]);
}

/* The length of the UTF-8 sequence at s, 0 if it is invalid. */
static inline size_t
pages_text_utf8_len(const char *s)
{
	unsigned char c = (unsigned char)s[0], d = (unsigned char)s[1];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	/* Not the shortest form, a surrogate, or beyond U+10FFFF. */
	if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d >= 0xa0) || (c == 0xf0 && d < 0x90) ||
	    (c == 0xf4 && d >= 0x90))
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* In the largest unit that gives at least 1, with one decimal, rounded down. */
static inline void
pages_text_size(struct pages_text *t, uint64_t bytes)
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB", " TiB" };
	uint64_t tenths = bytes * 10;
	size_t u = 0;

	if (bytes > UINT64_MAX / 10)
		tenths = UINT64_MAX;
	for (; tenths >= 10240 && u < 4; u++)
		tenths /= 1024;
	pages_text_number(t, tenths / 10);
	if (u != 0 && tenths % 10 != 0) {
		pages_text_char(t, '.');
		pages_text_number(t, tenths % 10);
	}
	pages_text_put(t, units[u]);
}

/* A name may have bytes that would do something to a terminal, or are no text. */
static inline void
pages_text_name(struct pages_text *t, const char *name)
{
	for (size_t n; *name != '\0'; name += n != 0 ? n : 1) {
		unsigned char c = (unsigned char)*name, d = (unsigned char)name[1];

		n = pages_text_utf8_len(name);
		/* U+0080 to U+009F are control characters, too; so are these bytes alone. */
		if (n == 0 || c < ' ' || c == 0x7f || (c == 0xc2 && d < 0xa0))
			pages_text_char(t, '?');
		else
			for (size_t i = 0; i < n; i++)
				pages_text_char(t, name[i]);
	}
}

/* Terminate it; returns its length. */
static inline size_t
pages_text_end(struct pages_text *t)
{
	if (t->size != 0)
		t->buf[t->len] = '\0';
	return t->len;
}

/* A size or a name in a buffer of the caller's, which is returned. */
static inline const char *
pages_text_size_of(uint64_t bytes, char *buf, size_t len)
{
	struct pages_text t = { buf, 0, len, false };

	pages_text_size(&t, bytes);
	pages_text_end(&t);
	return buf;
}

static inline const char *
pages_text_name_of(const char *name, char *buf, size_t len)
{
	struct pages_text t = { buf, 0, len, false };

	pages_text_name(&t, name);
	pages_text_end(&t);
	return buf;
}

/*
 * Take the number at *at, after blanks, in base 10 or 16: *at is moved behind it.  False, and
 * nothing moved, if there is none, or one that does not fit.
 */
static inline bool
pages_text_take(const char **at, unsigned base, uint64_t *ret)
{
	const char *s = *at + strspn(*at, " \t"), *start = s;
	uint64_t n = 0;

	for (;; s++) {
		unsigned c = (unsigned char)*s, digit = c - '0';

		if (digit > 9)
			digit = (c | 0x20) - 'a' < 6 ? (c | 0x20) - 'a' + 10 : base;
		if (digit >= base)
			break;
		if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, digit, &n))
			return false;
	}
	if (s == start)
		return false;
	*at = s;
	*ret = n;
	return true;
}

static inline bool
pages_text_ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

/* Does a report to this file have the form of JSON? */
static inline bool
pages_text_names_json(const char *file)
{
	return pages_text_ends_in(file, ".json") || pages_text_ends_in(file, ".JSON");
}

#endif /* PAGES_PRELOAD_TEXT_H */
