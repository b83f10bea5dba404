/* misuse: cannot be changed */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::frozen &f);
void
use(pages::frozen &f)
{
#ifdef MISUSE
	pages::ro r = std::move(f).to_ro();
#else
	pages::rw r = f.clone();
#endif
}
