/* misuse: not compatible with any|deleted function|is ambiguous|no matching function */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

void *
start(struct pages_rw *w)
{
#ifdef MISUSE
	(void)w;
	return pages_write(NULL);
#else
	return pages_write(w);
#endif
}
