/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
ask(struct pages_none *n, struct pages_range *range)
{
#ifdef MISUSE
	pages_close(n);
	return pages_resident(n, range);
#else
	return pages_resident(n, range);
#endif
}
