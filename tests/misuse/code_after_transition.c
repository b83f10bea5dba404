/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
edit(struct pages_rx *x, struct pages_rw *w)
{
	if (pages_to_rw(x, w) != 0)
		return 0;
#ifdef MISUSE
	return PAGES_FN(x, 0, long(void))();
#else
	return PAGES_AT(long, w, 0) = 1;
#endif
}
