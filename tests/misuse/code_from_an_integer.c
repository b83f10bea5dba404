/* misuse: integer|invalid conversion|no known conversion|cannot initialize|no matching function */
/* c++ strict */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

int
write(struct pages_jit *j, const void *code)
{
#ifdef MISUSE
	(void)code;
	return pages_jit_write(j, 0, 4, 4);
#else
	return pages_jit_write(j, 0, code, 4);
#endif
}
