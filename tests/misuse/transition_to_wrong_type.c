/* misuse: pages_rw ?\*.*not compatible with any|no matching function for call to .pages_(writable_|exactly_) */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
freeze(struct pages_rw *from, struct pages_ro *ro, struct pages_rw *rw)
{
#ifdef MISUSE
	(void)ro;
	return pages_to_ro(from, rw);
#else
	(void)rw;
	return pages_to_ro(from, ro);
#endif
}
