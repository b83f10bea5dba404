/* misuse: incompatible types|no match for .operator=|no viable overloaded|from incompatible type */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

void
copy(struct pages_rw *w, struct pages_ro *from, struct pages_rw *same)
{
#ifdef MISUSE
	(void)same;
	*w = *from;
#else
	(void)from;
	*w = *same;
#endif
}
