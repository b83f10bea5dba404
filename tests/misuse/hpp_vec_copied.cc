/* misuse: deleted */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::vec<int> &v);
void
use(pages::vec<int> &v)
{
#ifdef MISUSE
	pages::vec<int> other(v);
#else
	pages::vec<int> other(v.clone());
#endif
}
