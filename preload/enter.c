/* SPDX-License-Identifier: MIT */
/*
 * enter.c - enters the kernel
 */
#include "enter.h"

#include <errno.h>
#include <unistd.h>

/* Between the registers and the instruction there may be no other code: checks may call functions. */
#if PAGES_ENTERS && defined(__x86_64__)
static long
enter(long nr, const long arg[6])
{
	long rdi = arg[0], rsi = arg[1], rdx = arg[2], d = arg[3], e = arg[4], f = arg[5];
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "+a"(nr)
			 : "D"(rdi), "S"(rsi), "d"(rdx), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return nr;
}
#elif PAGES_ENTERS
static long
enter(long nr, const long arg[6])
{
	long a = arg[0], b = arg[1], c = arg[2], d = arg[3], e = arg[4], f = arg[5];
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}
#else
static long
enter(long nr, const long arg[6])
{
	long result = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);

	return result == -1 ? -errno : result;
}
#endif

long
pages_enter(long nr, ...)
{
	long arg[6], result;

	PAGES_SIX_ARGUMENTS(arg, nr);
	result = enter(nr, arg);
	if ((unsigned long)result <= -4096UL)
		return result;
	errno = (int)-result;	/* errors are -4095 to -1 */
	return -1;
}
