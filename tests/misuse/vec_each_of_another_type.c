/* misuse: not compatible with any|cannot convert|cannot initialize|no matching function */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

PAGED_VEC(doubles, double);
PAGED_VEC(others, double);

#ifdef MISUSE
double sum(const struct others *v);
double
sum(const struct others *v)
#else
double sum(const struct doubles *v);
double
sum(const struct doubles *v)
#endif
{
	double total = PAGED_VEC_AT(doubles, v, 0);

	PAGED_VEC_EACH(doubles, x, v)
		total += *x;
	return total;
}
