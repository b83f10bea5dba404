/* misuse: read-only|cannot assign|not assignable */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

PAGED_VEC(doubles, double);

#ifdef MISUSE
void clear(const struct doubles *v);
void
clear(const struct doubles *v)
#else
void clear(struct doubles *v);
void
clear(struct doubles *v)
#endif
{
	PAGED_VEC_EACH(doubles, x, v)
		*x = 0;
}
