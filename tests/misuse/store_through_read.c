/* misuse: read-only location|read-only variable is not assignable|not assignable */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

char
first(struct pages_ro *r)
{
#ifdef MISUSE
	return *(const char *)pages_read(r) = 1;
#else
	return *(const char *)pages_read(r);
#endif
}
