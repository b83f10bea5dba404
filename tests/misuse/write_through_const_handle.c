/* misuse: const struct pages_rw ?\*.*not compatible with any|invalid conversion from .const pages_rw\*|would lose const qualifier */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

const void *
start(const struct pages_rw *w)
{
#ifdef MISUSE
	return pages_write(w);
#else
	return pages_read(w);
#endif
}
