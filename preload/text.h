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

/* Terminate it; returns its length. */
static inline size_t
pages_text_end(struct pages_text *t)
{
	if (t->size != 0)
		t->buf[t->len] = '\0';
	return t->len;
}

static inline bool
pages_text_ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

#endif /* PAGES_PRELOAD_TEXT_H */
