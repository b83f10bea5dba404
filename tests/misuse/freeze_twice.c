/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
settle(struct pages_rw *w, struct pages_frozen *f, struct pages_frozen *g)
{
	if (pages_freeze(w, f) != 0)
		return 0;
#ifdef MISUSE
	return pages_freeze(w, g);
#else
	return pages_verify(f) + (pages_len(g) != 0);
#endif
}
