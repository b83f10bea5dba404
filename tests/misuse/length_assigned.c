/* misuse: lvalue required|not assignable */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

size_t
grow(struct pages_rw *w)
{
#ifdef MISUSE
	pages_len(w) = 8192;
	return 0;
#else
	return pages_len(w);
#endif
}
