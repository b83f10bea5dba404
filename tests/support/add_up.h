/* SPDX-License-Identifier: MIT */
/*
 * add_up.h - the identities between counters that struct pages_stats promises
 */
#ifndef PAGES_TESTS_ADD_UP_H
#define PAGES_TESTS_ADD_UP_H

#include <stddef.h>

#include <pages/malloc.h>

/* The identity that does not hold, or NULL if all do. */
static inline const char *
what_does_not_add_up(const struct pages_stats *s)
{
	uint64_t in_use = s->resident_bytes - s->kept_bytes;

	if (s->requests + s->inherited_objects != s->frees + s->live_objects)
		return "requests and frees";
	if (s->resident_bytes != s->fresh_bytes + s->inherited_bytes - s->returned_bytes)
		return "what the kernel gave and took back";
	if (s->kept_bytes !=
	    s->freed_bytes - s->reused_bytes - s->moved_free_bytes - s->returned_bytes)
		return "what became free and was used again";
	if (s->reused_bytes + s->moved_free_bytes + s->fresh_bytes + s->inherited_bytes -
	    s->freed_bytes != in_use)
		return "what was put under blocks";
	if (s->live_bytes > in_use || in_use > s->live_bytes + ((s->live_objects) << 22))
		return "live and resident";
	if (s->live_bytes > s->peak_live_bytes || s->resident_bytes > s->peak_resident_bytes ||
	    s->moved_free_bytes > s->moved_bytes || s->kept_bytes > s->resident_bytes)
		return "parts and their wholes";
	return NULL;
}

#endif /* PAGES_TESTS_ADD_UP_H */
