/* SPDX-License-Identifier: MIT */
/*
 * jit.c - a compiler for arithmetic on two longs, checked against plain C
 *
 *	sum     = product { ("+" | "-") product }
 *	product = atom { ("*" | "/" | "%") atom }
 *	atom    = number | "x" | "y" | "-" atom | "(" sum ")"
 *
 * Overflow wraps around; division is the machine's.  It compiles while functions
 * that it compiled before may be running, and goes on after pages_lockdown().
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_sum.h"

/*
 * The machine as a compiler sees it: an accumulator, and a stack for the left
 * operand while the right one is worked out.  POP leaves the left operand in the
 * accumulator and the right one beside it.  8 bytes of value follow NUMBER.
 */
enum step { X, Y, NUMBER, PUSH, POP, ADD, SUB, MUL, DIV, MOD, NEG, RET };
#define CODE(bytes) { bytes, sizeof(bytes) - 1 }
static const struct {
	const char *bytes;
	size_t len;
} code[] = {
#if defined(__x86_64__)
	[X] = CODE("\x48\x89\xf8"),			/* mov %rdi, %rax */
	[Y] = CODE("\x48\x89\xf0"),			/* mov %rsi, %rax */
	[NUMBER] = CODE("\x48\xb8"),			/* movabs $..., %rax */
	[PUSH] = CODE("\x50"),				/* push %rax */
	[POP] = CODE("\x48\x89\xc1\x58"),		/* mov %rax, %rcx; pop %rax */
	[ADD] = CODE("\x48\x01\xc8"),			/* add %rcx, %rax */
	[SUB] = CODE("\x48\x29\xc8"),			/* sub %rcx, %rax */
	[MUL] = CODE("\x48\x0f\xaf\xc1"),		/* imul %rcx, %rax */
	[DIV] = CODE("\x48\x99\x48\xf7\xf9"),		/* cqo; idiv %rcx */
	[MOD] = CODE("\x48\x99\x48\xf7\xf9\x48\x89\xd0"),	/* and mov %rdx, %rax */
	[NEG] = CODE("\x48\xf7\xd8"),			/* neg %rax */
	[RET] = CODE("\xc3"),				/* ret */
#elif defined(__aarch64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	[X] = CODE("\xe2\x03\x00\xaa"),			/* mov x2, x0 */
	[Y] = CODE("\xe2\x03\x01\xaa"),			/* mov x2, x1 */
	[NUMBER] = CODE("\x42\x00\x00\x58\x03\x00\x00\x14"),	/* ldr x2, .+8; b .+12 */
	[PUSH] = CODE("\xe2\x0f\x1f\xf8"),		/* str x2, [sp, #-16]! */
	[POP] = CODE("\xe3\x03\x02\xaa\xe2\x07\x41\xf8"),	/* mov x3, x2; ldr x2, [sp], #16 */
	[ADD] = CODE("\x42\x00\x03\x8b"),		/* add x2, x2, x3 */
	[SUB] = CODE("\x42\x00\x03\xcb"),		/* sub x2, x2, x3 */
	[MUL] = CODE("\x42\x7c\x03\x9b"),		/* mul x2, x2, x3 */
	[DIV] = CODE("\x42\x0c\xc3\x9a"),		/* sdiv x2, x2, x3 */
	[MOD] = CODE("\x44\x0c\xc3\x9a\x82\x88\x03\x9b"),	/* sdiv x4; msub x2, x4, x3, x2 */
	[NEG] = CODE("\xe2\x03\x02\xcb"),		/* neg x2, x2 */
	[RET] = CODE("\xe0\x03\x02\xaa\xc0\x03\x5f\xd6"),	/* mov x0, x2; ret */
#else
	[RET] = { NULL, 0 },				/* no code for this machine */
#endif
};

struct compiler {
	const char *text;
	char *at, *end;		/* room for code */
	int err;
};

static void
emit(struct compiler *c, const void *bytes, size_t len)
{
	if ((size_t)(c->end - c->at) < len) {
		c->err = -ENOSPC;
		return;
	}
	memcpy(c->at, bytes, len);
	c->at += len;
}

static void
step(struct compiler *c, enum step s)
{
	emit(c, code[s].bytes, code[s].len);
}

/* The next character, consumed, if it is one of these; else 0. */
static char
accept(struct compiler *c, const char *these)
{
	c->text += strspn(c->text, " ");
	return *c->text != '\0' && strchr(these, *c->text) != NULL ? *c->text++ : '\0';
}

static void sum(struct compiler *c);

static void
atom(struct compiler *c)
{
	char name = accept(c, "xy-(");
	char *end = NULL;
	long value;

	if (name == '\0' && isdigit((unsigned char)*c->text)) {
		value = strtol(c->text, &end, 10);
		c->text = end;
		step(c, NUMBER);
		emit(c, &value, sizeof(value));
	} else if (name == 'x' || name == 'y') {
		step(c, name == 'x' ? X : Y);
	} else if (name == '-') {
		atom(c);
		step(c, NEG);
	} else if (name == '(') {
		sum(c);
		if (accept(c, ")") == '\0')
			c->err = -EINVAL;
	} else {
		c->err = -EINVAL;
	}
}

static void
binary(struct compiler *c, void (*operand)(struct compiler *), const char *operators)
{
	static const enum step of[] = {
		['+'] = ADD, ['-'] = SUB, ['*'] = MUL, ['/'] = DIV, ['%'] = MOD
	};
	char name;

	operand(c);
	while ((name = accept(c, operators)) != '\0') {
		step(c, PUSH);
		operand(c);
		step(c, POP);
		step(c, of[(unsigned char)name]);
	}
}

static void
product(struct compiler *c)
{
	binary(c, atom, "*/%");
}

static void
sum(struct compiler *c)
{
	binary(c, product, "+-");
}

/* Compile text behind the first *used bytes of code; *used grows by the length. */
static int
compile(struct pages_jit *jit, size_t *used, const char *text)
{
	struct compiler c = { .text = text };
	void *view;
	char *start;
	int err = pages_jit_edit(jit, &view);

	if (err != 0)
		return err;
	start = (char *)view + *used;
	c.at = start;
	c.end = (char *)view + pages_jit_len(jit);
	sum(&c);
	step(&c, RET);
	if (c.err == 0 && *c.text != '\0')
		c.err = -EINVAL;
	/* In any case: a jit that flips cannot run code before. */
	err = pages_jit_publish(jit, *used, (size_t)(c.at - start));
	if (c.err != 0 || err != 0)
		return c.err != 0 ? c.err : err;
	*used += (size_t)(c.at - start);
	return 0;
}

/* Does C agree on some thousand random expressions? */
static bool
agrees(struct pages_jit *jit, size_t *used, struct random_sum *r)
{
	enum { COUNT = 5000 };

	for (int i = 0; i < COUNT; i++) {
		size_t start = *used;
		long got = 0;
		int err;

		make_random_sum(r);
		err = compile(jit, used, r->text);
		if (err == 0)
			got = PAGES_JIT_FN(jit, start, long(long, long))(r->x, r->y);
		if (err != 0 || got != r->value) {
			fprintf(stderr, "%s with x %ld, y %ld: %ld, not %ld (%s)\n", r->text,
				r->x, r->y, got, r->value, strerror(-err));
			return false;
		}
	}
	printf("%d random expressions agree with C\n", COUNT);
	return true;
}

int
main(void)
{
	static struct random_sum r = { .seed = 43 };
	struct pages_jit jit = {0};
	size_t used = 0;
	int err;

	if (code[RET].len == 0)
		return 77;
	err = pages_jit_open(&jit, 8 << 20);
	if (err != 0) {
		fprintf(stderr, "no code can be run: %s\n", strerror(-err));
		return err == -EACCES ? 77 : 1;
	}

	if (compile(&jit, &used, "(x + 3") != -EINVAL ||
	    compile(&jit, &used, "(x + 3) * (y - x) / 2 % 7") != 0)
		return 1;
	printf("(x + 3) * (y - x) / 2 %% 7 is %ld for x 4, y 9, in %zu bytes of code\n",
	       PAGES_JIT_FN(&jit, 0, long(long, long))(4, 9), used);
	if (!agrees(&jit, &used, &r))
		return 1;

	if (pages_jit_flips(&jit)) {
		printf("one view that flips: not after pages_lockdown()\n");
	} else if (pages_lockdown() != 0) {
		printf("no pages_lockdown() on this kernel\n");
	} else {
		printf("after pages_lockdown(): ");
		if (!agrees(&jit, &used, &r))
			return 1;
	}
	pages_jit_close(&jit);
	return 0;
}
