/* misuse: pages: no pages have this length */
/* c */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
fill(struct pages_rw *w)
{
#ifdef MISUSE
	return pages_open(w, 0);
#else
	return pages_open(w, 1);
#endif
}
