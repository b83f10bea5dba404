/* misuse: incompatible type for argument|incompatible type|cannot convert|no viable conversion */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
run(struct pages_jit *x, struct pages_range r)
{
#ifdef MISUSE
	return PAGES_JIT_FN(x, 0, long(long))(r);
#else
	return PAGES_JIT_FN(x, 0, long(struct pages_range))(r);
#endif
}
