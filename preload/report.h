/* SPDX-License-Identifier: MIT */
/*
 * report.h - what the allocator did to a process, as text and as JSON
 *
 * The shim writes it at exit, inside a process in any state: nothing here
 * allocates, uses stdio or depends on the locale.  pages-run reads the JSON lines
 * of all processes of a command back and adds them up.
 *
 * The JSON keys are part of the interface: they are added to, never changed.
 */
#ifndef PAGES_REPORT_H
#define PAGES_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pages/malloc.h>

struct pages_report {
	uint64_t pid;
	uint64_t threshold;
	uint64_t processes;	/* summed up here: 1 for the shim's own */
	uint64_t affected;	/* of these, how many had large requests served */
	uint64_t background_threads;	/* how many times one was started */
	uint64_t background_refused;	/* ... or wanted, and not allowed */
	struct pages_stats stats;
	char mode[96];		/* "active", or why not */
	char exe[256];
	char provider[256];	/* path of the allocator behind the shim */
};

/*
 * Write r to buf as one line of JSON, or as text for people.  Both return the
 * length, which is less than len.  Text that does not fit is cut off; a line of
 * JSON is whole or empty.
 */
size_t pages_report_json(const struct pages_report *r, char *buf, size_t len);
size_t pages_report_text(const struct pages_report *r, char *buf, size_t len);

/* Read a line that pages_report_json() wrote; false if it is not one. */
bool pages_report_parse(const char *line, struct pages_report *ret);

/*
 * Add the numbers of one process to sum.  Of peaks, of the threshold and of the
 * arena's size, the highest is kept: processes need not have peaked together.
 */
void pages_report_add(struct pages_report *sum, const struct pages_report *one);

#endif /* PAGES_REPORT_H */
