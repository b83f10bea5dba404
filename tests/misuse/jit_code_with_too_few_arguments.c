/* misuse: too few arguments to function */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
run(struct pages_jit *x)
{
#ifdef MISUSE
	return PAGES_JIT_FN(x, 0, long(long, long))(1);
#else
	return PAGES_JIT_FN(x, 0, long(long, long))(1, 2);
#endif
}
