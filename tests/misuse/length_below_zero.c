/* misuse: pages: no pages have this length */
/* c */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
shrink(struct pages_rw *w)
{
#ifdef MISUSE
	return pages_resize(w, -1);
#else
	return pages_resize(w, PTRDIFF_MAX);
#endif
}
