/* SPDX-License-Identifier: MIT */
/* order.c - compares vectors; they are sorted by functions of <pages/paged_vec_sort.h> */
#include "vec.h"

int
paged_vec_compare_(const struct paged_vec_ *a, const struct paged_vec_ *b,
		   const struct paged_vec_type_ *t, paged_vec_order_ *order)
{
	size_t a_len = paged_vec_len(a, t), b_len = paged_vec_len(b, t);
	size_t n = pages_min(a_len, b_len);

	for (size_t i = 0; i < n; i++) {
		int sign = order(paged_vec_slot(a, t, i), paged_vec_slot(b, t, i), NULL);

		if (sign != 0)
			return sign;
	}
	return (a_len > b_len) - (a_len < b_len);
}
