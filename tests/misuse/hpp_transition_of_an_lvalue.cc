/* misuse: deleted */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::rw &w);
void
use(pages::rw &w)
{
#ifdef MISUSE
	pages::ro r = w.to_ro();
#else
	pages::ro r = std::move(w).to_ro();
#endif
}
