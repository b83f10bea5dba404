/* misuse: pages_rw ?\*.*not compatible with any|cannot convert .pages_rw\*|no matching function for call to .pages_executable_ */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

long
call(struct pages_rw *w, struct pages_rx *x)
{
#ifdef MISUSE
	(void)x;
	return PAGES_FN(w, 0, long(long, long))(1, 2);
#else
	(void)w;
	return PAGES_FN(x, 0, long(long, long))(1, 2);
#endif
}
