/* misuse: read-only|cannot assign|not assignable */
/* c++ */
/* SPDX-License-Identifier: MIT */
#define PAGES_ENABLE_EXEC
#include <pages/pages.hpp>

void use(pages::ro &r);
void
use(pages::ro &r)
{
#ifdef MISUSE
	r.at<int>(0) = 1;
#else
	(void)r.at<int>(0);
#endif
}
