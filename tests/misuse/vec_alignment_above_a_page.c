/* misuse: elements are aligned to a page at most */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

struct wide {
#ifdef MISUSE
	char bytes[8192] __attribute__((aligned(8192)));
#else
	char bytes[8192] __attribute__((aligned(4096)));
#endif
};

PAGED_VEC(wides, struct wide);
