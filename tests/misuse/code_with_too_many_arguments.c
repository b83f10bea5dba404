/* misuse: too many arguments to function */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
run(struct pages_rx *x)
{
#ifdef MISUSE
	return PAGES_FN(x, 0, long(long, long))(1, 2, 3);
#else
	return PAGES_FN(x, 0, long(long, long))(1, 2);
#endif
}
