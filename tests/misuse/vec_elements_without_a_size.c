/* misuse: elements have a size */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

struct nothing {
#ifdef MISUSE
	char bytes[0];
#else
	char bytes[1];
#endif
};

PAGED_VEC(nothings, struct nothing);
