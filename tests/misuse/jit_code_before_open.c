/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
run(struct pages_jit *live)
{
#ifdef MISUSE
	struct pages_jit j = {0};

	(void)live;
	return PAGES_JIT_FN(&j, 0, long(void))();
#else
	return PAGES_JIT_FN(live, 0, long(void))();
#endif
}
