/* misuse: CMP returns a number */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

PAGED_VEC(doubles, double);

#ifdef MISUSE
static inline bool
order(const double *a, const double *b)
{
	return *a < *b;
}
#else
static inline int
order(const double *a, const double *b)
{
	return (*a > *b) - (*a < *b);
}
#endif
PAGED_VEC_ORDER(doubles, order);
