/* misuse: too many arguments|ambiguous|no matching function */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
start(struct pages_rw *w, const struct pages_options *o)
{
#ifdef MISUSE
	return pages_open_with(w, o, o);
#else
	return pages_open_with(w, o);
#endif
}
