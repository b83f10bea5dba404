/* misuse: pages_to_rwx */
/* c++ strict */
/* SPDX-License-Identifier: MIT */
#ifdef MISUSE
#define PAGES_ENABLE_EXEC
#else
#define PAGES_ENABLE_WX
#endif
#include <pages/pages.h>

int
open_up(struct pages_rw *w, struct pages_rwx *x)
{
	return pages_to_rwx(w, x);
}
