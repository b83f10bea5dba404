/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

const void *
settle(struct pages_ro *r, struct pages_sealed *s)
{
	if (pages_seal(r, s) != 0)
		return NULL;
#ifdef MISUSE
	return pages_read(r);
#else
	return pages_read(s);
#endif
}
