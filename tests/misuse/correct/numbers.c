/* SPDX-License-Identifier: MIT */
/* Lengths and indices of all kinds, constant or not; the optimiser may find a 0 or a -1 on a path. */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>
#include <pages/paged_vec.h>

PAGED_VEC(longs, long);

struct counts {
	unsigned n : 20;
	unsigned short half;
};
enum { FIVE = 5 };
static const int seventeen = 17;

int numbers(struct pages_rw *w, struct pages_jit *jit, struct longs *v, size_t n, int i,
	    struct counts c);

int
numbers(struct pages_rw *w, struct pages_jit *jit, struct longs *v, size_t n, int i,
	struct counts c)
{
	const size_t len = 4096;
	size_t zero = 0, none = (size_t)-1;
	unsigned got;
	int err = pages_open(w, 1) || pages_open(w, FIVE) || pages_open(w, 'a') ||
		  pages_open(w, sizeof(*w)) || pages_open(w, 1u << 31) || pages_open(w, len) ||
		  pages_open(w, seventeen) || pages_open(w, n) || pages_open(w, n++) ||
		  pages_open(w, i) || pages_open(w, c.n) || pages_open(w, c.half) ||
		  pages_open(w, n != 0 ? 0 : 4096) || pages_open(w, PTRDIFF_MAX);

	if (n == 0)
		err++;
	err += pages_open(w, n) || pages_resize(w, zero) || pages_resize(w, none);
	err += pages_secret_open(w, 1, &got) || pages_jit_open(jit, 1L << 20);
	if (i == -1)
		err++;
	PAGES_AT(long, w, i) = PAGES_AT(long, w, 0) + PAGES_AT(char, w, n - 1);
	PAGES_AT(long, w, 'b') = PAGED_VEC_AT(longs, v, 0) + PAGED_VEC_AT(longs, v, n);
	return err;
}

/* Handles that are not initialised where they are declared. */
int handles(int yes);

int
handles(int yes)
{
	const struct pages_rw empty = { { NULL, 0, 0, 0 } };
	struct pages_rw w, x;
	int err = 0;

	x = w = empty;
	if (yes)
		err = pages_open(&w, 1);
	else
		err = pages_open(&x, 1);
	pages_close(&w);
	pages_close(&x);
	return err;
}
