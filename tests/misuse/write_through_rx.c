/* misuse: pages_rx ?\*.*not compatible with any|cannot convert .pages_rx\*|no known conversion from .(struct )?pages_rx */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

void *
start(struct pages_rw *w, struct pages_rx *x)
{
#ifdef MISUSE
	(void)w;
	return pages_write(x);
#else
	(void)x;
	return pages_write(w);
#endif
}
