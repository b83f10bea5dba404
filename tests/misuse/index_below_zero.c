/* misuse: pages: no pages have this index */
/* c */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

long
last(const struct pages_rw *w)
{
#ifdef MISUSE
	return PAGES_AT(long, w, -1);
#else
	return PAGES_AT(long, w, 0);
#endif
}
