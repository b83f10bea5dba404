/* misuse: incompatible type|passing 'struct point'|cannot convert|no known conversion|no matching function */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

struct point {
	double x, y;
};

PAGED_VEC(doubles, double);

int
add(struct doubles *v, struct point p)
{
#ifdef MISUSE
	return doubles_push(v, p);
#else
	return doubles_push(v, p.x);
#endif
}
