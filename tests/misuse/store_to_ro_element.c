/* misuse: read-only location|read-only variable is not assignable|cannot assign to|not assignable */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

void
store(struct pages_rw *w, struct pages_ro *r)
{
#ifdef MISUSE
	(void)w;
	PAGES_AT(long, r, 0) = 1;
#else
	PAGES_AT(long, w, 0) = PAGES_AT(long, r, 0);
#endif
}
