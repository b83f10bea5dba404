/* misuse: pages_jit_open */
/* c++ strict */
/* SPDX-License-Identifier: MIT */
#ifndef MISUSE
#define PAGES_ENABLE_EXEC
#endif
#include <pages/pages.h>

int
start(struct pages_jit *jit)
{
	return pages_jit_open(jit, 1);
}
