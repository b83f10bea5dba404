/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
fork_it(struct pages_frozen *f, struct pages_rw *w)
{
#ifdef MISUSE
	pages_close(f);
	return pages_clone(f, w);
#else
	return pages_clone(f, w);
#endif
}
