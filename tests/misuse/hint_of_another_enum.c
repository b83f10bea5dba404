/* misuse: pages_numa|PAGES_NUMA_BIND */
/* c++ strict */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

int
advise(struct pages_rw *w)
{
#ifdef MISUSE
	return pages_advise(w, PAGES_NUMA_BIND);
#else
	return pages_advise(w, PAGES_HINT_RANDOM);
#endif
}
