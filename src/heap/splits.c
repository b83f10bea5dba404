/* SPDX-License-Identifier: MIT */
#include "splits.h"

#include "os/base.h"

/* How many boundaries at the ends of [a, a + n) and inside are VMA splits? */
static size_t
count_within(const struct pages_splits *s, size_t a, size_t n)
{
	size_t i = a > 0 ? a - 1 : 0;
	size_t end = pages_min(a + n, s->units - 1);
	size_t splits = 0;

	for (; i < end; i++)
		splits += s->shift[i] != s->shift[i + 1];
	return splits;
}

void
pages_splits_move(struct pages_splits *s, size_t src, size_t dst, size_t n)
{
	size_t before = count_within(s, dst, n);

	for (size_t k = 0; k < n; k++)
		s->shift[dst + k] = s->shift[src + k] + (int32_t)((ptrdiff_t)src - (ptrdiff_t)dst);
	s->count += count_within(s, dst, n) - before;
}

static void
set(struct pages_splits *s, size_t a, size_t n, int32_t shift)
{
	size_t before = count_within(s, a, n);

	for (size_t k = 0; k < n; k++)
		s->shift[a + k] = shift;
	s->count += count_within(s, a, n) - before;
}

void
pages_splits_heal(struct pages_splits *s, size_t a, size_t n)
{
	set(s, a, n, 0);
}

void
pages_splits_mix(struct pages_splits *s, size_t a, size_t n)
{
	set(s, a, n, PAGES_SPLITS_MIXED);
}

size_t
pages_splits_alike(const struct pages_splits *s, size_t src, size_t n)
{
	size_t k = 0;

	while (k < n && s->shift[src + k] == s->shift[src] &&
	       s->shift[src + k] != PAGES_SPLITS_MIXED)
		k++;
	return k;
}
