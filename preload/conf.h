/* SPDX-License-Identifier: MIT */
/*
 * conf.h - the settings of the shim: PAGES_CONF=key:value,key:value
 *
 *	threshold:SIZE	requests of at least SIZE bytes are large; from 64K
 *	retain:TIME	freed memory is kept for about so long; in ms, if there is no unit
 *	thp:on|off	use transparent huge pages
 *	moves:auto|on|off	move free memory by page tables, and mark it
 *	colours:on|off	blocks begin at several offsets in their first page
 *	dump:all|live	live: give what is freed back at once
 *	background:on|off	a thread purges old memory, even if the program makes no calls
 *	disable:BOOL	pass every call through, as if the shim were not there
 *	report:FILE	append a report to FILE at exit; "stderr" is allowed, and
 *			a name that ends in .json gets one line of JSON; %p is the pid
 *	record:PID.FD.NONCE	count in the record that process PID has open as FD; by pages-run
 *	show:BOOL	print the settings to standard error at start
 *	help:BOOL	print the list of keys to standard error at start
 *
 * If a key occurs twice the later one counts.  Blanks around keys and values do not, nor does
 * the case of letters, but in names of files.  A setting with an unknown key or a bad value is
 * left out, and the reason is said.
 */
#ifndef PAGES_CONF_H
#define PAGES_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "heap/heap.h"

struct pages_conf {
	size_t threshold;
	struct pages_heap_options heap;
	bool background, disable, show, help;
	char report[256];	/* path of the report, with %p and %%; "" for none */
	struct pages_conf_record {
		int pid, fd;	/* pid 0: none */
		uint64_t nonce;
	} record;
};

#define PAGES_CONF_DEFAULTS \
	((struct pages_conf){ .threshold = PAGES_THRESHOLD, .heap = PAGES_HEAP_DEFAULTS_WITH(true) })

/* What is told of a setting that is left out: its len bytes, and why. */
typedef void pages_conf_wrong(const char *setting, size_t len, const char *why);

/* Change conf according to text, the value of PAGES_CONF or NULL.  Never allocates. */
void pages_conf_parse(struct pages_conf *conf, const char *text, pages_conf_wrong *wrong);

/* Say it on standard error, in a line. */
void pages_conf_complain(const char *setting, size_t len, const char *why);

/* Print the settings and the help to standard error, if conf asks for them. */
void pages_conf_print(const struct pages_conf *conf);

#endif /* PAGES_CONF_H */
