/* misuse: not compatible with any|needs a function type */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
run(struct pages_jit *x)
{
#ifdef MISUSE
	return (*PAGES_JIT_FN(x, 0, long (*)(void)))();
#else
	return PAGES_JIT_FN(x, 0, long(void))();
#endif
}
