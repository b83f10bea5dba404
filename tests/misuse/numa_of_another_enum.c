/* misuse: pages_hint|PAGES_HINT_COLD */
/* c++ strict */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
place(struct pages_rw *w)
{
#ifdef MISUSE
	return pages_place(w, PAGES_HINT_COLD, 1);
#else
	return pages_place(w, PAGES_NUMA_BIND, 1);
#endif
}
