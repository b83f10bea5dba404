/* misuse: discards .?const|discards qualifiers|invalid conversion from .const void|cannot initialize a variable of type .void \*. with */
/* c++ */
/* SPDX-License-Identifier: MIT */
#include <pages/pages.h>

/* C compilers only warn of this unless told otherwise. */
#if defined(__clang__) && !defined(__cplusplus)
#pragma GCC diagnostic error "-Wincompatible-pointer-types-discards-qualifiers"
#elif !defined(__cplusplus)
#pragma GCC diagnostic error "-Wdiscarded-qualifiers"
#endif

const void *
start(struct pages_ro *r)
{
#ifdef MISUSE
	void *p = pages_read(r);
#else
	const void *p = pages_read(r);
#endif

	return p;
}
