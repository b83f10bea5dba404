/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

long
first(struct pages_ro *live)
{
#ifdef MISUSE
	struct pages_ro r = {0};

	(void)live;
	return PAGES_AT(long, &r, 0);
#else
	return PAGES_AT(long, live, 0);
#endif
}
