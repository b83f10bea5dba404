/* SPDX-License-Identifier: MIT */
/*
 * code.c - write a function at run time, make it executable, call it
 *
 * The pages are writable while the code is written and executable afterwards,
 * never both: pages_write(&x) further down would not compile.
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

#include <stdio.h>
#include <string.h>

/* long add(long a, long b) { return a + b; } */
#if defined(__x86_64__)
static const unsigned char code[] = {
	0x48, 0x8d, 0x04, 0x37,		/* lea (%rdi,%rsi), %rax */
	0xc3,				/* ret */
};
#elif defined(__aarch64__)
static const unsigned char code[] = {
	0x00, 0x00, 0x01, 0x8b,		/* add x0, x0, x1 */
	0xc0, 0x03, 0x5f, 0xd6,		/* ret */
};
#else
static const unsigned char code[1];	/* no code for this machine */
#endif

int
main(void)
{
	struct pages_rw w = {0};
	struct pages_rx x = {0};
	long (*add)(long, long);
	int err;
	long sum;

	if (sizeof(code) == 1)
		return 77;

	err = pages_open(&w, 0x4000);
	if (err != 0) {
		fprintf(stderr, "no pages: %s\n", strerror(-err));
		return 1;
	}
	memcpy(pages_write(&w), code, sizeof(code));

	err = pages_to_rx(&w, &x);
	if (err != 0) {			/* then w is as it was */
		fprintf(stderr, "not executable: %s\n", strerror(-err));
		pages_close(&w);
		return err == -EACCES ? 77 : 1;	/* a security policy may forbid it */
	}
	add = PAGES_FN(&x, 0, long(long, long));
	sum = add(43, 34);
	printf("43 + 34 = %ld\n", sum);

	pages_close(&x);
	return sum == 77 ? 0 : 1;
}
