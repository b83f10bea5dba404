/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
settle(struct pages_rw *live, struct pages_ro *r)
{
#ifdef MISUSE
	struct pages_rw w = {0};

	(void)live;
	return pages_to_ro(&w, r);
#else
	return pages_to_ro(live, r);
#endif
}
