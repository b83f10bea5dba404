/* misuse: put_an_ampersand_before_it|no matching function|cannot convert */
/* c and c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

int
open_near(struct pages_jit *jit, long address)
{
#ifdef MISUSE
	return pages_jit_open_near(jit, 1, address, 4096);
#else
	return pages_jit_open_near(jit, 1, &address, 4096);
#endif
}
