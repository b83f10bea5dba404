/* misuse: PAGES_FN */
/* c++ */
/* SPDX-License-Identifier: MIT */
#ifndef MISUSE
#define PAGES_ENABLE_EXEC
#endif
#include <pages/pages.h>

long
run(struct pages_rx *x)
{
	long (*f)(void) = PAGES_FN(x, 0, long(void));

	return f();
}
