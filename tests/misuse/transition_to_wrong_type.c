/* misuse: pages_rw ?\*.*not compatible with any|cannot convert .pages_rw\*. to .pages_ro\*|no known conversion from .(struct )?pages_rw \*. to .(struct )?pages_ro */
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
