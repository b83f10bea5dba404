/* SPDX-License-Identifier: MIT */
/*
 * code.c - every public call behind the gates, used as it should be
 */
#define PAGES_ENABLE_WX
#include <pages/pages.h>

struct pair {
	double a, b;
};

static long
run(const struct pages_rx *x, const struct pages_rwx *both, size_t off)
{
	long (*add)(long, long) = PAGES_FN(x, 0, long(long, long));
	void (*nothing)(void) = PAGES_FN(both, off, void(void));
	struct pair (*make)(double) = PAGES_FN(x, 64, struct pair(double));
	int (*print)(const char *, ...) = PAGES_FN(x, 128, int(const char *, ...));

	nothing();
	if (make(1).b > 0 && print("%d\n", 1) > 0)
		PAGES_FN(both, 7, void(void (*)(void)))(nothing);
	return add(43, 34) + PAGES_FN(x, 0, long(long, long))(1, 2);
}

static int
flip(struct pages_rw *w, struct pages_rx *x, struct pages_rwx *both)
{
	int err = pages_to_rx(w, x);

	if (err == 0)
		err = pages_to_rw(x, w);
	if (err == 0)
		err = pages_to_rwx(w, both);
	if (err != 0)
		return err;
	*(char *)pages_write(both) = PAGES_AT(char, both, 1);
	PAGES_AT(char, both, 2) = 3;
	err = pages_resize(both, 8192);
	return err == 0 ? pages_to_rx(both, x) : err;
}

static long
views(struct pages_jit *jit, const void *code)
{
	void *start;
	long sum = 0;

	if (pages_jit_open(jit, 1 << 20) != 0)
		return -1;
	if (pages_jit_edit(jit, &start) == 0) {
		*(char *)start = 1;
		if (pages_jit_publish(jit, 0, 1) == 0 &&
		    pages_jit_write(jit, 64, code, pages_jit_len(jit) - 64) == 0)
			sum = PAGES_JIT_FN(jit, 64, long(long, long))(43, 34);
	}
	if (pages_jit_write(jit, 0, "\xc3", 1) == 0 && !pages_jit_flips(jit))
		PAGES_JIT_FN(jit, 0, void(void))();
	pages_jit_close(jit);
	pages_jit_close(jit);
	return pages_jit_open(jit, 1) == 0 ? sum : -1;
}

long code(struct pages_rw *, struct pages_rx *, struct pages_rwx *, struct pages_jit *);

long
code(struct pages_rw *w, struct pages_rx *x, struct pages_rwx *both, struct pages_jit *jit)
{
	if (flip(w, x, both) != 0 || pages_lockdown() != 0)
		return -1;
	return run(x, both, 8) + views(jit, pages_read(x));
}
