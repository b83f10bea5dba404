/* misuse: only pages::rw can be written */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::ro &r);
void
use(pages::ro &r)
{
#ifdef MISUSE
	r.resize(1 << 20);
#else
	(void)r.size();
#endif
}
