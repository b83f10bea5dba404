/* SPDX-License-Identifier: MIT */
/*
 * say.c - writes messages of a program to standard error
 */
#include "say.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *name = "pages";

void
pages_say_as(const char *program)
{
	name = program;
}

void
pages_say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fprintf(stderr, "%s: ", name);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
}

void
pages_fail(const char *what, const char *why)
{
	pages_say("%s: %s", what, why);
	exit(PAGES_TROUBLE);
}
