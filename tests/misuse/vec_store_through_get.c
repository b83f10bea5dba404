/* misuse: read-only location|read-only variable is not assignable|cannot assign to|not assignable */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

PAGED_VEC(doubles, double);

void
set(struct doubles *v)
{
#ifdef MISUSE
	*doubles_get(v, 0) = 1;
#else
	*doubles_at(v, 0) = 1;
#endif
}
