/* misuse: pages_none ?\*.*not compatible with any|no matching function for call to .pages_readable_ */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

long
first(struct pages_ro *r, struct pages_none *n)
{
#ifdef MISUSE
	(void)r;
	return PAGES_AT(long, n, 0);
#else
	(void)n;
	return PAGES_AT(long, r, 0);
#endif
}
