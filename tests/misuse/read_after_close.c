/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

const void *
start(struct pages_frozen *f)
{
#ifdef MISUSE
	pages_close(f);
	return pages_read(f);
#else
	return pages_read(f);
#endif
}
