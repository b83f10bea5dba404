/* misuse: incomplete type|storage size of .x. isn.t known */
/* c++ */
/* SPDX-License-Identifier: MIT */
#ifndef MISUSE
#define PAGES_ENABLE_EXEC
#endif
#include <pages/pages.h>

size_t
nothing(void)
{
	struct pages_rx x = {0};

	return pages_len(&x);
}
