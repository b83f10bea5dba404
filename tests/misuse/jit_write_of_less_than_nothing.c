/* misuse: no pages have this index, offset or length */
/* c */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

int
assemble(struct pages_jit *jit, const void *code)
{
#ifdef MISUSE
	return pages_jit_write(jit, 0, code, -1);
#else
	return pages_jit_write(jit, 0, code, 1);
#endif
}
