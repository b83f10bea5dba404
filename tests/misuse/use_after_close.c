/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
change(struct pages_rw *w)
{
#ifdef MISUSE
	pages_close(w);
#endif
	return pages_resize(w, 8192);
}
