/* SPDX-License-Identifier: MIT */
/*
 * lives.c - handles whose state the optimiser may guess at, and must guess right
 *
 * No function uses an empty handle, though of some only the programmer knows.
 */
#include <setjmp.h>
#include <stdlib.h>

#include <pages/pages.h>

#ifdef __cplusplus
extern "C" {
#endif
int chance(void);
#ifdef __cplusplus
}
#endif

#define EMPTY { { NULL, 0, 0, 0 } }

struct table {
	struct pages_rw w;
	struct pages_ro r;
	bool settled;
};

static struct pages_rw global = EMPTY;

static int
settle(struct table *t)
{
	int err = t->settled ? 0 : pages_to_ro(&t->w, &t->r);

	if (err == 0)
		t->settled = true;
	return err;
}

static int
unsettle(struct table *t)
{
	int err = t->settled ? pages_to_rw(&t->r, &t->w) : 0;

	if (err == 0)
		t->settled = false;
	return err;
}

static long
state_in_a_struct(struct table *t, size_t n)
{
	long sum = 0;

	for (size_t i = 0; i < n; i++) {
		if (unsettle(t) != 0)
			break;
		PAGES_AT(long, &t->w, i) = chance();
		if (settle(t) != 0)
			break;
		sum += PAGES_AT(long, &t->r, i);
	}
	return t->settled ? sum + PAGES_AT(long, &t->r, 0) : PAGES_AT(long, &t->w, 0);
}

static int
toggle(struct pages_rw *w, int n)
{
	struct pages_ro r = EMPTY;
	int err = 0;

	for (int i = 0; i < n && err == 0; i++) {
		PAGES_AT(int, w, i) = i;
		err = pages_to_ro(w, &r);
		if (err == 0 && PAGES_AT(int, &r, i) == i)
			err = pages_to_rw(&r, w);
	}
	pages_close(&r);
	return err;
}

static int
correlated_flags(bool settle_it)
{
	struct pages_rw w = EMPTY;
	struct pages_ro r = EMPTY;
	int err = pages_open(&w, 4096);
	bool closed = false;

	if (err != 0)
		return err;
	if (settle_it) {
		err = pages_to_ro(&w, &r);
		if (err != 0)
			goto out;
	} else if (chance() == 1) {
		pages_close(&w);
		closed = true;
	}
	err = chance();
	if (settle_it)
		err += PAGES_AT(int, &r, 0);
	else if (!closed)
		err += PAGES_AT(int, &w, 0);
	if (!settle_it && !closed && chance() == 2)
		PAGES_AT(int, &w, 1) = err;
out:
	pages_close(&w);
	pages_close(&r);
	return err;
}

/* Only the callers know when what is said. */
static int
flags_of_others(struct pages_rw *w)
{
	int err = 0;

	if (chance() == 1)
		pages_close(w);
	if (chance() == 2)
		err = pages_resize(w, 8192);
	switch (chance()) {
	case 3:
		pages_close(w);
		break;
	case 4:
		err = pages_advise(w, PAGES_HINT_COLD);
		break;
	}
	return err == 0 && chance() == 5 ? PAGES_AT(int, w, 0) : err;
}

static int
open_late(int n)
{
	struct pages_rw w = EMPTY;
	bool opened = false;
	int sum = 0;

	for (int i = 0; i < n; i++) {
		if (!opened && chance() > 1) {
			if (pages_open(&w, 4096) != 0)
				return -1;
			opened = true;
		}
		if (opened)
			sum += PAGES_AT(int, &w, i);
		if (opened && chance() > 2) {
			pages_close(&w);
			opened = false;
		}
	}
	pages_close(&w);
	return sum;
}

static int
only_when_needed(struct pages_rw *w)
{
	int err = pages_len(w) == 0 ? pages_open(w, 4096) : 0;

	if (err == 0)
		PAGES_AT(int, w, 0)++;
	return err;
}

static int
array(void)
{
	struct pages_rw all[4] = { EMPTY, EMPTY, EMPTY, EMPTY };
	int n, err = 0;

	for (n = 0; n < 4 && err == 0; n++)
		err = pages_open(&all[n], 4096);
	if (err != 0)
		n--;
	for (int i = 0; i < n; i++)
		PAGES_AT(int, &all[i], 0) = i;
	while (n > 0)
		pages_close(&all[--n]);
	return err;
}

static struct pages_rw
made(size_t len)
{
	struct pages_rw w = EMPTY;

	if (pages_open(&w, len) != 0)
		abort();
	PAGES_AT(char, &w, 0) = 1;
	return w;
}

static struct pages_rw
made_or_empty(size_t len)
{
	struct pages_rw w = EMPTY;
	int err = pages_open(&w, len);

	if (err == 0 && chance() == 9)
		pages_close(&w);
	return w;
}

static int
by_value(void)
{
	struct pages_rw a = made(1), b = made_or_empty(1), c = EMPTY;

	if (pages_len(&b) != 0)
		PAGES_AT(int, &b, 0) = PAGES_AT(int, &a, 0);
	pages_close(&b);
	b = a;
	c = chance() ? b : made(2);
	return PAGES_AT(int, &c, 0);
}

static int
ladder(const char *label)
{
	struct pages_rw a = EMPTY, b = EMPTY;
	struct pages_frozen f = EMPTY;
	int err;

	err = pages_open(&a, 4096);
	if (err != 0)
		goto no_a;
	err = pages_label(&a, label);
	if (err != 0)
		goto no_label;
	err = pages_freeze(&a, &f);
	if (err != 0)
		goto no_label;
	err = pages_clone(&f, &b);
	if (err != 0)
		goto no_b;
	err = PAGES_AT(int, &b, 0);
	pages_close(&b);
no_b:
	pages_close(&f);
	return err;
no_label:
	PAGES_AT(int, &a, 0) = 0;
	pages_close(&a);
no_a:
	return err;
}

static jmp_buf back;

static int
long_jump(void)
{
	struct pages_rw *w = &global;

	if (setjmp(back) != 0) {
		pages_close(w);
		return -1;
	}
	if (only_when_needed(w) != 0 || chance() == 3)
		longjmp(back, 1);
	PAGES_AT(int, w, 0) = 1;
	return pages_verify(w);
}

/* The failed transition left the old handle as it was. */
static int
failed_transition(struct pages_rw *w, struct pages_ro *r)
{
	if (pages_to_ro(w, r) == 0)
		return PAGES_AT(int, r, 0);
	PAGES_AT(int, w, 0) = 1;
	return pages_close(w), -1;
}

static int
retry(struct pages_rw *w, struct pages_ro *r)
{
	int err;

	while ((err = pages_to_ro(w, r)) == -ENOMEM && chance())
		PAGES_AT(int, w, 0)++;
	if (err != 0 && pages_to_ro(w, r) != 0)
		return PAGES_AT(int, w, 0);
	return PAGES_AT(int, r, 0);
}

static int
reopen(struct pages_rw *w)
{
	pages_close(w);
	if (pages_open(w, 4096) == 0 || pages_open(w, 1) == 0)
		return PAGES_AT(int, w, 0);
	return 0;
}

static int
one_of_two(struct pages_rw *a, struct pages_rw *b)
{
	struct pages_rw *gone = chance() ? a : b, *left = gone == a ? b : a;

	pages_close(gone);
	return PAGES_AT(int, left, 0) + pages_resize(left, 8192);
}

int lives(struct table *, struct pages_rw *, struct pages_rw *, struct pages_ro *);

int
lives(struct table *t, struct pages_rw *a, struct pages_rw *b, struct pages_ro *r)
{
	struct pages_rw *hidden = (struct pages_rw *)malloc(sizeof(*hidden));

	if (hidden == NULL)
		return -1;
	*hidden = made(1);
	PAGES_AT(int, hidden, 0) = correlated_flags(true) + correlated_flags(chance() > 0);
	pages_close(hidden);
	free(hidden);
	return (int)state_in_a_struct(t, 4) + toggle(a, 5) + flags_of_others(b) + open_late(9) +
	       array() + by_value() + ladder("x") + long_jump() + failed_transition(a, r) +
	       retry(b, r) + reopen(a) + one_of_two(a, b);
}
