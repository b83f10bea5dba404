/* misuse: pages_none ?\*.*not compatible with any|no matching function for call to .pages_readable_ */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

const void *
start(struct pages_ro *r, struct pages_none *n)
{
#ifdef MISUSE
	(void)r;
	return pages_read(n);
#else
	(void)n;
	return pages_read(r);
#endif
}
