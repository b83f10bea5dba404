/* misuse: pages: this handle is empty */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

long
first(void)
{
	struct pages_rw w = {0};
	int err = pages_open(&w, 1);

#ifdef MISUSE
	return err != 0 ? PAGES_AT(long, &w, 0) : 0;
#else
	return err == 0 ? PAGES_AT(long, &w, 0) : 0;
#endif
}
