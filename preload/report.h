/* SPDX-License-Identifier: MIT */
/*
 * report.h - the report of what the allocator has done in a process, as text and as JSON
 *
 * The shim writes it when the process exits and may be in any state.  So nothing here
 * allocates, uses stdio or depends on the locale.  pages-run adds up those of all processes of a
 * command.
 *
 * The JSON keys are a public interface: keys may be added, but never changed or removed.
 */
#ifndef PAGES_REPORT_H
#define PAGES_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <pages/malloc.h>

/* What the kernel says of a command and the children that it has waited for; by pages-run. */
struct pages_usage {
	bool known;
	uint64_t wall_us, user_us, system_us, page_faults, peak_bytes;
};

/*
 * What was saved, compared with glibc's malloc for the same calls.  A block of 32 MiB or more it
 * maps anew each time, even when its threshold has grown, and the kernel zeroes each page at its
 * first use.  So where the program wrote to such a block, resident memory has saved a fault and the
 * zeroing of each page: that is certain.  Of shorter blocks it keeps some, and it copies some that
 * grow; which ones depends on the order of all calls.  And which new memory is in huge pages the
 * kernel decides.  So these are upper limits.
 */
struct pages_saved {
	uint64_t mapped_bytes;		/* resident memory for blocks that malloc would map anew */
	uint64_t zeroed_bytes;		/* the same, without what calloc had to clear */
	uint64_t kept_bytes;		/* resident memory for shorter ones */
	uint64_t fresh_bytes;		/* new memory, which huge pages save most of the faults of */
	uint64_t moved_bytes;		/* of blocks that realloc moved */
	uint64_t page_size;
};

struct pages_report {
	uint64_t pid;
	uint64_t threshold;
	uint64_t processes;	/* number of processes in this sum: 1 in the shim's own report */
	uint64_t affected;	/* number of those that had large requests served */
	uint64_t background_threads;	/* how many times a background thread was started */
	uint64_t background_refused;	/* how many times that failed */
	uint64_t confined;	/* number of those counted only until they entered a sandbox */
	uint64_t ended;		/* number of those that called exit(), or returned from main */
	struct pages_stats stats;
	struct pages_usage usage;
	char mode[96];		/* "active", or why not: "inactive: ...", "retired: ..." */
	char exe[256];		/* path of the executable */
	char provider[256];	/* path of the next allocator */
};

static inline bool
pages_report_is_active(const struct pages_report *r)
{
	return strcmp(r->mode, "active") == 0;
}

/* Large requests that were passed on to the next allocator. */
static inline uint64_t
pages_report_declined(const struct pages_stats *st)
{
	return st->declined_no_arena + st->declined_no_space + st->declined_refused +
	       st->declined_busy;
}

/*
 * Write r to buf, of len bytes, as one line of JSON or as text for people.  Both return the
 * length without the NUL.  Text that does not fit is cut off; a line of JSON that does not
 * fit is left out, and the length is 0.  list, if not NULL, is written as a list in place of the
 * number of processes.
 */
size_t pages_report_json(const struct pages_report *r, const char *list, char *buf, size_t len);
size_t pages_report_text(const struct pages_report *r, char *buf, size_t len);

/*
 * Where a report to name goes: %p is the pid, %% a percent sign, and what does not begin with a
 * slash is in the directory, "" for the working directory.  False if it has other percent signs, or
 * does not fit.
 */
bool pages_report_path(const char *name, const char *directory, uint64_t pid, char *buf, size_t len);

/*
 * Write s in quotes, as JSON.  File names are bytes: one that is not UTF-8 becomes \udcXX, as
 * Python writes it.
 */
struct pages_text;
void pages_report_json_string(struct pages_text *o, const char *s);

struct pages_saved pages_report_saved(const struct pages_report *r);

/*
 * Add the numbers of one process to sum, which keeps its pid.  For peaks, the threshold and the
 * size of the arena the maximum is taken, because processes need not have their peaks together.
 */
void pages_report_add(struct pages_report *sum, const struct pages_report *one);

#endif /* PAGES_REPORT_H */
