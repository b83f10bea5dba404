/* misuse: struct pages_put_an_ampersand_before_it_ */
/* c */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
fill(struct pages_rw w)
{
#ifdef MISUSE
	return pages_open(w, 4096);
#else
	return pages_open(&w, 4096);
#endif
}
