/* misuse: pages_ro ?\*.*not compatible with any|cannot convert .pages_ro\*|no known conversion from .(struct )?pages_ro */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
grow(struct pages_rw *w, struct pages_ro *r)
{
#ifdef MISUSE
	(void)w;
	return pages_resize(r, 8192);
#else
	(void)r;
	return pages_resize(w, 8192);
#endif
}
