/* misuse: pages_rwx */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

size_t
nothing(void)
{
#ifdef MISUSE
	struct pages_rwx x = {0};
#else
	struct pages_rx x = {0};
#endif

	return pages_len(&x);
}
