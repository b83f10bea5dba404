/* misuse: no matching|cannot convert|no matching constructor */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::rw &w);
void
use(pages::rw &w)
{
#ifdef MISUSE
	pages::function<int()> f(std::move(w), 0);
#else
	pages::function<int()> f(std::move(w).to_rx(), 0);
#endif
}
