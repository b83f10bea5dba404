/* SPDX-License-Identifier: MIT */
/*
 * report.h - the report of what the allocator has done in a process, as text and as JSON
 *
 * The shim writes it when the process exits and may be in any state.  So nothing here
 * allocates, uses stdio or depends on the locale.  pages-run reads the JSON lines of all
 * processes of a command back and adds them up.
 *
 * The JSON keys are a public interface: keys may be added, but never changed or removed.
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
	uint64_t processes;	/* number of processes in this sum: 1 in the shim's own report */
	uint64_t affected;	/* number of those that had large requests served */
	uint64_t background_threads;	/* how many times a background thread was started */
	uint64_t background_refused;	/* how many times that failed */
	uint64_t confined;	/* number of those counted only until they entered a sandbox */
	struct pages_stats stats;
	char mode[96];		/* "active", or why not: "inactive: ...", "retired: ..." */
	char exe[256];		/* path of the executable */
	char provider[256];	/* path of the next allocator */
};

/*
 * Write r to buf, of len bytes, as one line of JSON or as text for people.  Both return the
 * length without the NUL.  Text that does not fit is cut off; a line of JSON that does not
 * fit is left out, and the length is 0.
 */
size_t pages_report_json(const struct pages_report *r, char *buf, size_t len);
size_t pages_report_text(const struct pages_report *r, char *buf, size_t len);

/* Parse a line that pages_report_json() wrote; false if it is something else. */
bool pages_report_parse(const char *line, struct pages_report *ret);

/*
 * Add the numbers of one process to sum.  For peaks, the threshold, the pid and the size of
 * the arena the maximum is taken, because processes need not have their peaks together.
 */
void pages_report_add(struct pages_report *sum, const struct pages_report *one);

#endif /* PAGES_REPORT_H */
