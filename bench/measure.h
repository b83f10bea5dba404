/* SPDX-License-Identifier: MIT */
/*
 * measure.h - the clock of a run, and what the kernel counted for this process
 *
 * Nothing here allocates: the allocator under test sees the pattern only.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "pattern.h"

struct counters {
	uint64_t faults;	/* minor page faults of this process */
	uint64_t huge_faults;	/* served with more than a page; of the WHOLE MACHINE */
	uint64_t huge_bytes;	/* ... and what the kernel zeroed for those */
};

struct resident {
	uint64_t now, peak;	/* bytes */
	uint64_t lazy;		/* of now: the kernel takes it when it needs it (MADV_FREE) */
	uint64_t huge;		/* of now: in huge pages */
};

/*
 * Go into the next round of r; false when all are done or the time is up.  The
 * clock runs from the first round after the warm ones until then.
 */
bool next_round(struct run *r);
bool is_late(const struct run *r);

/* Stop the clock for checks and sleeps.  pause_clock() also counts mappings. */
void pause_clock(struct run *r);
void resume_clock(struct run *r);

void read_counters(struct counters *ret);
void read_resident(struct resident *ret);

/*
 * What the kernel zeroed between two readings, at most: every fault that was not
 * huge is taken for a zeroed page.
 */
uint64_t zeroed_bytes(const struct counters *before, const struct counters *after);

#endif /* BENCH_MEASURE_H */
