/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
change(struct pages_rw *w, struct pages_ro *r)
{
	int err = pages_to_ro(w, r);

	if (err != 0)
		return err;
#ifdef MISUSE
	return pages_resize(w, 8192);
#else
	return pages_lock(r);
#endif
}
