/* misuse: read-only location|read-only variable is not assignable|not assignable */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

long
first(const struct pages_rw *h)
{
#ifdef MISUSE
	return PAGES_AT(long, h, 0) = 1;
#else
	return PAGES_AT(long, h, 0);
#endif
}
