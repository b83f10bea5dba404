/* misuse: discards .?const|discards qualifiers|invalid conversion from .const long|cannot initialize a variable of type .long \*. with */
/* c++ strict */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

long
first(struct pages_ro *r)
{
#ifdef MISUSE
	long *p = &PAGES_AT(long, r, 0);

	return *p;
#else
	const long *p = &PAGES_AT(long, r, 0);

	return *p;
#endif
}
