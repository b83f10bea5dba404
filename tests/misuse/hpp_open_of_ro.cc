/* misuse: only pages::rw can be written */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use();
void
use()
{
#ifdef MISUSE
	pages::ro r(4096);
#else
	pages::rw r(4096);
#endif
}
