/* misuse: w.p_.base_. is used uninitialized */
/* c gcc */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
store(void)
{
#ifdef MISUSE
	struct pages_rw w;
#else
	struct pages_rw w = {0};
#endif
	int err = pages_open(&w, 4096);

	if (err != 0)
		return err;
	*(char *)pages_write(&w) = 1;
	pages_close(&w);
	return 0;
}
