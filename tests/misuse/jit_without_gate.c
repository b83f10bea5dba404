/* misuse: incomplete type|storage size of .jit. isn.t known */
/* c++ */
/* SPDX-License-Identifier: MIT */
#ifndef MISUSE
#define PAGES_ENABLE_EXEC
#endif
#include <pages/pages.h>

int
nothing(void)
{
	struct pages_jit jit = {0};

	(void)jit;
	return 0;
}
