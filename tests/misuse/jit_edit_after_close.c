/* misuse: this handle is empty */
/* c and c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

int
edit(struct pages_jit *jit, void **view)
{
#ifdef MISUSE
	pages_jit_close(jit);
#endif
	return pages_jit_edit(jit, view);
}
