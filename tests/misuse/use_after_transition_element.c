/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

long
change(struct pages_rw *w, struct pages_ro *r)
{
	int err = pages_to_ro(w, r);

	if (err != 0)
		return err;
#ifdef MISUSE
	return PAGES_AT(long, w, 0);
#else
	return PAGES_AT(long, r, 0);
#endif
}
