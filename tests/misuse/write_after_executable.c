/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
publish(struct pages_rw *w, struct pages_rx *x)
{
	if (pages_to_rx(w, x) != 0)
		return 0;
#ifdef MISUSE
	return PAGES_AT(long, w, 0) = 1;
#else
	return PAGES_AT(long, x, 0);
#endif
}
