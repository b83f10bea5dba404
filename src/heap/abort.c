/* SPDX-License-Identifier: MIT */
/*
 * abort.c - says in a line why the heap cannot go on, and ends the process
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abort.h"
#include "os/os.h"

void
pages_heap_abort(const char *format, ...)
{
	char line[256] = "pages: ";
	size_t len = strlen(line);
	va_list args;

	/* Numbers, strings and pointers: no C library allocates for these. */
	va_start(args, format);
	(void)vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	strcat(line, "\n");
	pages_os_complain(line, strlen(line));
	abort();
}
