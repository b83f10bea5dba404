/* misuse: incompatible pointer type|incompatible type|cannot convert|no matching function|no known conversion */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

#ifndef __cplusplus
#pragma GCC diagnostic error "-Wincompatible-pointer-types"
#endif

PAGED_VEC(doubles, double);
PAGED_VEC(longs, long);

int
add(struct doubles *d, struct longs *l)
{
#ifdef MISUSE
	(void)d;
	return doubles_push(l, 1);
#else
	(void)l;
	return doubles_push(d, 1);
#endif
}
