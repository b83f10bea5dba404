/* SPDX-License-Identifier: MIT */
/*
 * serial.c - the numbers that are gone, and what is said of a handle that has one
 */
#include "serial.h"

#include <stdio.h>
#include <stdlib.h>

#include "os/os.h"

_Atomic uintptr_t pages_serials_gone_[PAGES_SERIALS];
_Atomic uintptr_t pages_serial_last_;

void
pages_die_of(const char *call, const char *what, const char *why)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "pages: %s: %s (%s)\n", call, what, why);

	pages_os_complain(line, pages_min((size_t)n, sizeof(line) - 1));
	abort();
}

void
pages_die_gone(const char *call)
{
	pages_die_of(call, "a copy of a handle whose pages are gone",
		     "closed, resized or frozen by another copy");
}
