/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

void *
start(struct pages_rw *live)
{
#ifdef MISUSE
	struct pages_rw w = {0};

	(void)live;
	return pages_write(&w);
#else
	return pages_write(live);
#endif
}
