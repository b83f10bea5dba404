/* SPDX-License-Identifier: MIT */
/*
 * near.c - code that jumps to a function of the program by one instruction
 *
 * Jumps and calls name their target by its distance, which has 32 bits on x86-64 and 28 on
 * aarch64, so the code has to be near.
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

#include <stdio.h>
#include <string.h>

static long
twice(long n)
{
	return 2 * n;
}

/* The code of a function for address at, which is all done by target. */
static size_t
assemble(unsigned char code[8], uintptr_t at, uintptr_t target)
{
#if defined(__x86_64__)
	uint32_t distance = (uint32_t)(target - (at + 5));

	code[0] = 0xe9;				/* jmp target */
	memcpy(code + 1, &distance, 4);
	return 5;
#elif defined(__aarch64__)
	uint32_t word = 0x14000000 | ((uint32_t)(target - at) >> 2 & 0x3ffffff);

	memcpy(code, &word, 4);			/* b target */
	return 4;
#else
	(void)code, (void)at, (void)target;
	return 0;
#endif
}

int
main(void)
{
	struct pages_jit jit = {0};
	unsigned char code[8];
	size_t len = assemble(code, 0, 0);
	int err;

	if (len == 0)
		return 77;			/* no code for this machine */
#ifdef PAGES_CALL_REACH
	err = pages_jit_open_near(&jit, 1 << 16, twice, PAGES_CALL_REACH);
#else
	err = -EADDRNOTAVAIL;
#endif
	if (err != 0) {
		fprintf(stderr, "no code near %p: %s\n", (void *)(uintptr_t)twice, strerror(-err));
		return err == -EACCES ? 77 : 1;	/* a security policy may forbid it */
	}
	len = assemble(code, (uintptr_t)PAGES_JIT_FN(&jit, 0, long(long)), (uintptr_t)twice);
	err = pages_jit_write(&jit, 0, code, len);
	if (err == 0)
		err = PAGES_JIT_FN(&jit, 0, long(long))(21) == 42 ? 0 : 1;
	printf("%s\n", err == 0 ? "2 * 21 = 42" : "wrong");
	pages_jit_close(&jit);
	return err == 0 ? 0 : 1;
}
