/* misuse: struct pages_a_string_is_not_a_number_ */
/* c */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
fill(struct pages_rw *w)
{
#ifdef MISUSE
	return pages_open(w, "4096");
#else
	return pages_open(w, 4096);
#endif
}
