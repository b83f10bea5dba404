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
	pages::rw other(w);
#else
	pages::rw other(std::move(w));
#endif
}
