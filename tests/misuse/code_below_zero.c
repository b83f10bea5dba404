/* misuse: no pages have this index, offset or length */
/* c */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
call(const struct pages_rx *x)
{
#ifdef MISUSE
	return PAGES_FN(x, -8, long(void))();
#else
	return PAGES_FN(x, 8, long(void))();
#endif
}
