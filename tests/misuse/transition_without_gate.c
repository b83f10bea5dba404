/* misuse: pages_to_rx */
/* c++ strict */
/* SPDX-License-Identifier: MIT */
#ifndef MISUSE
#define PAGES_ENABLE_EXEC
#endif
#include <pages/pages.h>

int
publish(struct pages_rw *w, struct pages_rx *x)
{
	return pages_to_rx(w, x);
}
