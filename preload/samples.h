/* SPDX-License-Identifier: MIT */
/*
 * samples.h - a file of samples over time, which gnuplot reads: by pages-stat and pages-run
 *
 *	# pages-stat record, version 1
 *	# of: python3 (pid 4711)
 *	# machine: vm, Linux 6.18.44 x86_64, 2 processors, 24 GiB
 *	# start: 2026-11-28 03:10:00 UTC
 *	# seconds live kept resident process requests processes
 *	0.000 12582912 41943040 56623104 71303168 24 1
 *
 * Memory is in bytes.  Columns may be added at the end.
 */
#ifndef PAGES_SAMPLES_H
#define PAGES_SAMPLES_H

#include <stdint.h>
#include <stdio.h>

struct pages_sample {
	uint64_t live, kept, resident;	/* of all processes that are there now */
	uint64_t process;		/* resident bytes of these, with all that they have besides */
	uint64_t requests;		/* so far */
	uint64_t processes;		/* that are there now */
};

struct pages_samples {
	FILE *file;
	uint64_t start_ms;		/* of clock.h */
};

/* Create the file, and write the head.  0 or -errno. */
int pages_samples_open(struct pages_samples *s, const char *path, const char *of);

/* Write a line, at once: who looks at the file sees it, and no end loses it.  0 or -errno. */
int pages_samples_add(struct pages_samples *s, const struct pages_sample *one);

int pages_samples_close(struct pages_samples *s);

/* Wait until the next sample is due: see pages_clock_until_next(). */
void pages_samples_wait(uint64_t *due_ms, uint64_t interval_ms);

#endif /* PAGES_SAMPLES_H */
