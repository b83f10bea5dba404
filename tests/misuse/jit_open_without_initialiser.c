/* misuse: uninitialized */
/* c gcc */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

int
compile(const void *code, size_t len)
{
#ifdef MISUSE
	struct pages_jit jit;
#else
	struct pages_jit jit = {0};
#endif
	int err = pages_jit_open(&jit, len);

	if (err == 0)
		err = pages_jit_write(&jit, 0, code, len);
	pages_jit_close(&jit);
	return err;
}
