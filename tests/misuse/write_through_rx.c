/* misuse: pages_rx ?\*.*not compatible with any|no matching function for call to .pages_(writable_|exactly_) */
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
