/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
hide(struct pages_ro *r, struct pages_none *n, struct pages_rw *w)
{
	if (pages_to_none(r, n) != 0)
		return 0;
#ifdef MISUSE
	return pages_to_rw(r, w);
#else
	return pages_to_rw(n, w);
#endif
}
