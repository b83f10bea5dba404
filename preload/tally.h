/* SPDX-License-Identifier: MIT */
/*
 * tally.h - the record of a command's processes, from its making to the report; used by
 * pages-run only
 */
#ifndef PAGES_TALLY_H
#define PAGES_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "report.h"
#include "samples.h"

struct pages_record;

struct pages_tally {
	struct pages_record *record;
	char setting[64];		/* for PAGES_CONF */
	struct pages_report sum;	/* of all processes; mode and exe are the command's own */
	struct pages_report *all;	/* the processes, and images that exec() has replaced */
	size_t count;
	uint64_t unrecorded;		/* at least so many processes found no slot */
};

/* Create the record: 0 or -errno.  It is there as long as this process, or any that joined it. */
int pages_tally_open(struct pages_tally *t);

/*
 * Read the record, whose contents are taken for hostile: processes of any kind could write there.
 * pid is the command's, path its executable; problem tells why it may have no slot.
 */
void pages_tally_collect(struct pages_tally *t, pid_t pid, const char *path, const char *problem);

/* What the processes have at this moment that are there, and what all have asked for so far. */
void pages_tally_sample(const struct pages_tally *t, struct pages_sample *ret);

/* Print the sum, as text or as JSON.  False if there was not enough memory. */
bool pages_tally_print(const struct pages_tally *t, FILE *out, bool json);

#endif /* PAGES_TALLY_H */
