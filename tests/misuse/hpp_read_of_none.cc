/* misuse: cannot be read */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::none &n);
void
use(pages::none &n)
{
#ifdef MISUSE
	(void)n.at<int>(0);
#else
	(void)n.size();
#endif
}
