/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
freeze(struct pages_ro *r)
{
	struct pages_rw w = {0};
	int err = pages_open(&w, 1);

	if (err == 0)
		err = pages_to_ro(&w, r);
	if (err == 0) {
#ifdef MISUSE
		*(char *)pages_write(&w) = 1;
#endif
		return 0;
	}
	pages_close(&w);
	return err;
}
