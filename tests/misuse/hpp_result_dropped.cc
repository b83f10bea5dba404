/* misuse: nodiscard */
/* c++ strict */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::rw &w);
void
use(pages::rw &w)
{
#ifdef MISUSE
	std::move(w).to_ro();
#else
	pages::ro r = std::move(w).to_ro();
#endif
}
