/* SPDX-License-Identifier: MIT */
/*
 * near.c - code near what it calls, and writers: as the documentation shows them
 */
#define PAGES_ENABLE_EXEC
#include <pages/paged_vec.h>
#include <pages/pages.h>

#include <stdlib.h>
#include <string.h>

PAGED_VEC(lines, size_t);

#ifdef __cplusplus
#define EMPTY {}
extern "C" {
#else
#define EMPTY {0}
#endif
int chance(void);
extern const char table[];
int near_functions(struct pages_jit *jit, size_t len, const void *anything);
int options(struct pages_rw *w, size_t n);
int edit_or_not(struct pages_jit *jit, const void *code, size_t len);
int reopen(struct pages_jit *jit);
int index_lines(const char *text, struct lines *v);
int offsets(struct pages_rw *w, int at, unsigned char len, long long more);
#ifdef __cplusplus
}
#endif

int
near_functions(struct pages_jit *jit, size_t len, const void *anything)
{
	void (*exits)(int) = exit;
	int err = pages_jit_open_near(jit, len, abort, 1u << 30);

	if (err == -EADDRNOTAVAIL)
		err = pages_jit_open_near(jit, len, exits, 1000000);
	if (err == -EADDRNOTAVAIL)
		err = pages_jit_open_near(jit, 4096, &abort, 1L << 30);
	if (err == -EADDRNOTAVAIL)
		err = pages_jit_open_near(jit, 4096, table, len);
	if (err == -EADDRNOTAVAIL)
		err = pages_jit_open_near(jit, 4096, anything, len);
	if (err == -EADDRNOTAVAIL)
		err = pages_jit_open(jit, len);
	return err;
}

int
options(struct pages_rw *w, size_t n)
{
	struct pages_options o = EMPTY;

	o.len = n;
	o.target = (uintptr_t)abort;
	o.within = 1u << 30;
	o.huge = n > 1u << 21 ? PAGES_HUGE_TRANSPARENT : PAGES_HUGE_DEFAULT;
	return pages_open_with(w, &o);
}

int
edit_or_not(struct pages_jit *jit, const void *code, size_t len)
{
	void *view;
	int err = pages_jit_edit(jit, &view);

	if (err != 0)
		return err;
	if (chance() == 0)
		return pages_jit_cancel(jit);
	memcpy(view, code, len);
	return pages_jit_publish(jit, 0, len);
}

int
reopen(struct pages_jit *jit)
{
	int err;

	pages_jit_close(jit);
	err = pages_jit_open(jit, 4096);
	for (int i = 0; err == 0 && i < 3; i++) {
		if (chance() != 0) {
			pages_jit_close(jit);
			err = pages_jit_open(jit, 8192);
		}
		if (err == 0)
			err = pages_jit_write(jit, 0, "code", 4);
	}
	return err;
}

int
index_lines(const char *text, struct lines *v)
{
	struct lines_writer w = lines_write_begin(v);

	for (const char *p = text; *p != '\0'; p++) {
		int err = *p == '\n' ? lines_write(&w, (size_t)(p - text)) : 0;

		if (err != 0)
			return err;
	}
	lines_write_end(&w);
	return 0;
}

int
offsets(struct pages_rw *w, int at, unsigned char len, long long more)
{
	int err = pages_decommit(w, (size_t)at, len);

	if (err == 0)
		err = pages_decommit(w, 0, 0);
	if (err == 0)
		err = pages_prefault(w, (size_t)more, sizeof(long));
	if (err == 0)
		err = pages_prefault(w, 0u, pages_len(w));
	return err;
}

/* Of indexes and lengths in narrow types no compiler says that they are always in range. */
int narrow(struct pages_rw *w, struct lines *v, unsigned char i, signed char j, unsigned short k);
int
narrow(struct pages_rw *w, struct lines *v, unsigned char i, signed char j, unsigned short k)
{
	PAGES_AT(char, w, i) = PAGES_AT(char, w, k);
	PAGES_AT(char, w, j) = (char)PAGED_VEC_AT(lines, v, i);
	return pages_resize(w, k);
}
