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
	return pages_place(w, PAGES_NUMA_BIND, 1);
#else
	return pages_place(r, PAGES_NUMA_BIND, 1);
#endif
}
