/* misuse: no pages have this index, offset or length */
/* c */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
apply(struct pages_rw *w)
{
#ifdef MISUSE
	return pages_prefault(w, -4096, 4096);
#else
	return pages_prefault(w, 4096, 4096);
#endif
}
