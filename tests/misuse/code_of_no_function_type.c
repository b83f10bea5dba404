/* misuse: not compatible with any|needs a function type */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
run(struct pages_rx *x)
{
#ifdef MISUSE
	return *PAGES_FN(x, 0, long);
#else
	return PAGES_FN(x, 0, long(void))();
#endif
}
