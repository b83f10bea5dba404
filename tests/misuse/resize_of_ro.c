/* misuse: pages_ro ?\*.*not compatible with any|no matching function for call to .pages_(writable_|exactly_) */
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
