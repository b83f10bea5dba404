/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
fork_it(struct pages_frozen *f, struct pages_rw *w, const struct pages_options *o)
{
#ifdef MISUSE
	pages_close(f);
	return pages_clone_with(f, w, o);
#else
	return pages_clone_with(f, w, o);
#endif
}
