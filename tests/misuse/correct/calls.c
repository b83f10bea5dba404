/* SPDX-License-Identifier: MIT */
/*
 * calls.c - every public call that needs no gate, once, used as it should be
 */
#include <pages/pages.h>

static int
life(struct pages_rw *w, struct pages_ro *r, struct pages_none *n)
{
	const struct pages_options o = { 8192, 0, 0, PAGES_HUGE_NEVER, true, false, "name", 0, 0 };
	int err = pages_open_with(w, &o);

	if (err == 0)
		err = pages_to_none(w, n);
	if (err == 0)
		err = pages_to_ro(n, r);
	if (err == 0)
		err = pages_to_rw(r, w);
	if (err == 0 && pages_page_size(w) <= pages_len(w))
		err = pages_verify(w);
	pages_close(w);
	pages_close(w);
	pages_close(r);
	pages_close(n);
	return err;
}

static long
access(struct pages_rw *w, const struct pages_rw *same, unsigned i)
{
	long *first = (long *)pages_write(w);
	const long *also = (const long *)pages_read(same);

	*first = 1;
	PAGES_AT(long, w, i) = PAGES_AT(long, same, 1) + *also;
	PAGES_AT(long, w, 2)++;
	PAGES_AT(const char *, w, 8) = "text";
	PAGES_AT(struct pages_range, w, 9).len = 1;
	return *&PAGES_AT(long, w, 2);
}

static int
memory(struct pages_rw *w, enum pages_hint hint, bool really, char *label)
{
	int err = pages_resize(w, 2 * pages_len(w));

	if (err == 0)
		err = pages_decommit(w, 0, 4096);
	if (err == 0)
		err = pages_prefault(w, 0u, pages_len(w));
	if (err == 0)
		err = pages_advise(w, really ? hint : PAGES_HINT_NORMAL);
	if (err == 0)
		err = pages_lock(w);
	if (err == 0)
		err = pages_unlock(w);
	if (err == 0)
		err = pages_place(w, PAGES_NUMA_INTERLEAVE, UINT64_C(1) << 1 | 1);
	if (err == 0)
		err = pages_label(w, label);
	if (err == 0)
		err = pages_label(w, "name");
	if (err == 0)
		err = pages_label(w, really ? label : "other");
	return err == 0 ? pages_label(w, NULL) : err;
}

static size_t
ask(const struct pages_rw *w)
{
	struct pages_mapping m;
	struct pages_range range = { 0, 0 };
	size_t n = 0;

	if (pages_query(w, &m) != 0 || !m.can_write || pages_query_address(&m, &m) != 0)
		return 0;
	while (pages_resident(w, &range) == 0 && range.len != 0)
		n += range.len;
	return n;
}

static int
clones(struct pages_rw *w, int fd, const void *address)
{
	struct pages_options o = { 0, 0, 1 << 20, PAGES_HUGE_DEFAULT, false, false, NULL, 0, 0 };
	struct pages_frozen f = { { NULL, 0, 0, 0 } };
	struct pages_rw a = { { NULL, 0, 0, 0 } }, b = { { NULL, 0, 0, 0 } }, c = { { NULL, 0, 0, 0 } };
	int err = pages_freeze(w, &f);

	if (err == 0)
		err = pages_clone(&f, &a);
	if (err == 0)
		err = pages_clone_with(&f, &b, &o);
	if (err == 0)
		err = pages_open_file(&c, &o, fd, 4096);
	if (err == 0 && pages_read(&f) == address)
		err = pages_clone(&f, w);
	pages_close(&a);
	pages_close(&b);
	pages_close(&c);
	pages_close(&f);
	return err;
}

static int
rest(struct pages_rw *key, struct pages_ro *r, struct pages_sealed *s)
{
	unsigned got = 0;
	int err = pages_secret_open(key, 32, &got);

	if (err != 0 || (got & PAGES_SECRET_LOCKED) == 0 || pages_explain_faults() != 0)
		return -1;
	err = pages_seal(r, s);
	return err == 0 ? PAGES_AT(int, s, 0) : PAGES_AT(int, r, 0);
}

#ifndef __cplusplus
/* The commas of a literal are no commas of the call. */
static int
literals(struct pages_rw *w, const struct pages_frozen *f, struct pages_rw *clone)
{
	int err = pages_open_with(w, &(struct pages_options){ .len = 1, .label = "a" });

	return err == 0 ? pages_clone_with(f, clone, &(struct pages_options){ .len = 1,
			.reserve = 8192 }) : err;
}
#endif

int calls(struct pages_rw *, struct pages_ro *, struct pages_none *, struct pages_frozen *);

int
calls(struct pages_rw *w, struct pages_ro *r, struct pages_none *n, struct pages_frozen *f)
{
	struct pages_sealed s = { { NULL, 0, 0, 0 } };
	struct pages_rw other = { { NULL, 0, 0, 0 } };
	char label[] = "label";
	int err = life(w, r, n);

	if (err == 0)
		err = pages_open(w, 1 << 20);
	if (err != 0)
		return err;
	if (access(w, w, 7) > 0 && memory(w, PAGES_HINT_COLD, true, label) == 0 && ask(w) > 0)
		err = clones(w, 0, f);
#ifndef __cplusplus
	if (err == 0)
		err = literals(&other, f, w);
#endif
	return err == 0 ? rest(&other, r, &s) : err;
}
