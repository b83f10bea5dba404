/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
freeze(struct pages_rw *w, struct pages_ro *r, struct pages_none *n)
{
	int err = pages_to_ro(w, r);

	if (err != 0)
		return err;
#ifdef MISUSE
	return pages_to_none(w, n);
#else
	return pages_to_none(r, n);
#endif
}
