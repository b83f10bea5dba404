/* misuse: incompatible pointer type|incompatible function pointer|cannot convert|no matching function|invalid conversion|no known conversion */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

#ifndef __cplusplus
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#endif

PAGED_VEC(doubles, double);

#ifdef MISUSE
static inline int
order(const long *a, const long *b, void *unused)
#else
static inline int
order(const double *a, const double *b, void *unused)
#endif
{
	(void)unused;
	return PAGED_VEC_ASCENDING(a, b);
}

int
sort(struct doubles *v)
{
	return doubles_sort_by(v, order, NULL);
}
