/* misuse: elements of this vector own something */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/paged_vec.h>

#include <stdlib.h>

static inline void
drop_text(char **x)
{
	free(*x);
}

PAGED_VEC_OWNING(texts, char *, drop_text, PAGED_VEC_NO_CLONE);
PAGED_VEC(longs, long);

int
save(const struct texts *t, const struct longs *l)
{
#ifdef MISUSE
	(void)l;
	return texts_save(t, 1);
#else
	(void)t;
	return longs_save(l, 1);
#endif
}
