/* SPDX-License-Identifier: MIT */
/*
 * conf.h - PAGES_CONF=key:value,key:value
 *
 *	threshold:SIZE	requests of at least SIZE are large; from 64K
 *	retain:MS	freed memory is kept for about so many milliseconds
 *	thp:on|off	huge pages
 *	background:on|off	a thread gives back what is old, also while nothing is called
 *	disable:BOOL	pass everything through, as if the shim were not there
 *	report:FILE	append what happened to FILE at exit; "stderr" is allowed, and
 *			a name that ends in .json gets one line of JSON
 *	show:BOOL	print the settings to standard error at start
 *	help:BOOL	print this list to standard error at start
 *
 * A later key overrides an earlier one.  An unknown key or a bad value is ignored
 * and named in one line on standard error.
 */
#ifndef PAGES_CONF_H
#define PAGES_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "heap/heap.h"

struct pages_conf {
	size_t threshold;
	struct pages_heap_options heap;
	bool background, disable, show, help;
	char report[256];	/* empty: none */
};

#define PAGES_CONF_DEFAULTS \
	((struct pages_conf){ .threshold = PAGES_THRESHOLD, .heap = PAGES_HEAP_DEFAULTS })

/* Apply text, which may be NULL, to conf.  Never allocates. */
void pages_conf_parse(struct pages_conf *conf, const char *text);

/* Print to standard error what show and help ask for. */
void pages_conf_print(const struct pages_conf *conf);

#endif /* PAGES_CONF_H */
