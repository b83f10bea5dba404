/* SPDX-License-Identifier: MIT */
/*
 * clock.h - time that goes on evenly, also when the date is set
 */
#ifndef PAGES_PRELOAD_CLOCK_H
#define PAGES_PRELOAD_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t
pages_clock_ns(void)
{
	struct timespec t = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline uint64_t
pages_clock_ms(void)
{
	return pages_clock_ns() / 1000000;
}

/*
 * Set *due_ms, when the last of a series was due, to when the next one is, and return how many
 * milliseconds that is from now.  If it is too late for the next one it is due now: what was
 * missed is not made up for.
 */
static inline uint64_t
pages_clock_until_next(uint64_t *due_ms, uint64_t interval_ms)
{
	uint64_t now = pages_clock_ms();

	*due_ms += interval_ms;
	if (*due_ms < now)
		*due_ms = now;
	return *due_ms - now;
}

#endif /* PAGES_PRELOAD_CLOCK_H */
