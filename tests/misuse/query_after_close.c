/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
ask(struct pages_ro *r, struct pages_mapping *m)
{
#ifdef MISUSE
	pages_close(r);
	return pages_query(r, m);
#else
	return pages_query(r, m);
#endif
}
