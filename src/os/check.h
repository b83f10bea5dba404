/* SPDX-License-Identifier: MIT */
/*
 * check.h - what must hold, checked while the program runs in a build with --enable-checks
 *
 * One line and abort.  Elsewhere a check costs nothing, but it is compiled.
 */
#ifndef PAGES_OS_CHECK_H
#define PAGES_OS_CHECK_H

#include <stdlib.h>

#include "os.h"

#ifndef PAGES_CHECKS
#define PAGES_CHECKS 0
#endif

#define PAGES_CHECK_TEXT(x) #x
#define PAGES_CHECK_LINE(x) PAGES_CHECK_TEXT(x)

#define PAGES_CHECK(what)                                                                   \
	do {                                                                                \
		static const char line_[] =                                                 \
			"pages: " __FILE__ ":" PAGES_CHECK_LINE(__LINE__) ": " #what "\n";  \
                                                                                            \
		if (PAGES_CHECKS && !(what)) {                                              \
			pages_os_complain(line_, sizeof(line_) - 1);                        \
			abort();                                                            \
		}                                                                           \
	} while (0)

#endif /* PAGES_OS_CHECK_H */
