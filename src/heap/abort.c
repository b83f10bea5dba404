/* SPDX-License-Identifier: MIT */
/*
 * abort.c - says in a line why the heap cannot go on, and ends the process
 */
#include <stdlib.h>
#include <string.h>

#include "abort.h"
#include "os/os.h"

void
pages_heap_abort(const char *what, const char *more)
{
	char line[128] = "pages: ";

	strcat(line, what);
	strcat(line, more);
	strcat(line, "\n");
	pages_os_complain(line, strlen(line));
	abort();
}
