/* misuse: not compatible with any|deleted function|is ambiguous|no matching function */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
start(struct pages_rw *w)
{
#ifdef MISUSE
	(void)w;
	return pages_open(NULL, 1);
#else
	return pages_open(w, 1);
#endif
}
