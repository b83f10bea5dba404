/* misuse: struct pages_put_an_ampersand_before_it_ */
/* c */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
fill(struct pages_rw *w)
{
	unsigned got = 0;
#ifdef MISUSE
	return pages_secret_open(w, 4096, got);
#else
	return pages_secret_open(w, 4096, &got);
#endif
}
