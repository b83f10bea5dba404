/* misuse: this handle is empty */
/* c and c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

int
compile(const void *code, size_t len)
{
	struct pages_jit jit = { NULL, NULL, 0, 0, 0 };
	int err = 0;

#ifndef MISUSE
	err = pages_jit_open(&jit, len);
#endif
	if (err == 0)
		err = pages_jit_write(&jit, 0, code, len);
	pages_jit_close(&jit);
	return err;
}
