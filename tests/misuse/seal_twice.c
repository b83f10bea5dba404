/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
settle(struct pages_ro *r, struct pages_sealed *s, struct pages_sealed *t)
{
	int err = pages_seal(r, s);

	if (err != 0)
		return err;
#ifdef MISUSE
	return pages_seal(r, t);
#else
	return pages_verify(s) + (pages_len(t) != 0);
#endif
}
