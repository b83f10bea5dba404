/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

long
settle(struct pages_rw *w, struct pages_frozen *f)
{
	if (pages_freeze(w, f) != 0)
		return 0;
#ifdef MISUSE
	return PAGES_AT(long, w, 0) = 1;
#else
	return PAGES_AT(long, f, 0);
#endif
}
