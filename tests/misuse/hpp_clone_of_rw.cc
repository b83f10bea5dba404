/* misuse: only pages::frozen can be cloned */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::rw &w);
void
use(pages::rw &w)
{
#ifdef MISUSE
	pages::rw c = w.clone();
#else
	pages::frozen c = std::move(w).freeze();
#endif
}
