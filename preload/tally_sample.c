/* SPDX-License-Identifier: MIT */
/*
 * tally_sample.c - what the processes of a command have at a moment, by their record
 *
 * Without looking into the processes, which Yama would forbid: only what everybody may know is
 * read from /proc.  The record is taken for hostile, as in tally.c.
 */
#include <string.h>

#include "heap/record.h"
#include "remote.h"
#include "tally.h"

/* Resident bytes of process pid; false if it has ended. */
static bool
resident_of(pid_t pid, uint64_t *ret)
{
	struct pages_remote_status status;
	struct pages_remote r;
	bool there;

	if (pages_remote_open(&r, pid) != 0)
		return false;
	there = pages_remote_status(&r, &status) == 0 && status.state != 'Z';
	pages_remote_close(&r);
	*ret = status.rss;
	return there;
}

/* Has the process become another program by exec()?  Then a later slot has its pid. */
static bool
is_replaced(const struct pages_record *r, uint64_t count, uint64_t i, uint64_t pid)
{
	for (i++; i < count; i++)
		if (atomic_load(&r->slots[i].pid) == pid)
			return true;
	return false;
}

/*
 * Bytes of freed blocks in front caches, which the next requests get.  The report leaves them out
 * of what is kept, because not all of their units are theirs alone.
 */
static uint64_t
waiting_in(const struct pages_record_slot *s)
{
	uint64_t pages = 0;

	for (int i = 0; i < PAGES_FRONT_CACHES; i++)
		pages += atomic_load(&s->caches[i].counts.waiting);
	return pages * atomic_load(&s->page_size);
}

void
pages_tally_sample(const struct pages_tally *t, struct pages_sample *ret)
{
	uint64_t count = atomic_load(&t->record->taken);

	memset(ret, 0, sizeof(*ret));
	if (count > PAGES_RECORD_SLOTS)
		count = PAGES_RECORD_SLOTS;
	for (uint64_t i = 0; i < count; i++) {
		const struct pages_record_slot *s = &t->record->slots[i];
		uint64_t pid = atomic_load(&s->pid), rss;
		struct pages_stats st;

		if (pid == 0 || pid > INT32_MAX)
			continue;
		pages_record_read(s, &st);
		ret->requests += st.requests;
		if (atomic_load(&s->ended) != 0 || is_replaced(t->record, count, i, pid) ||
		    !resident_of((pid_t)pid, &rss))
			continue;
		ret->live += st.live_bytes;
		ret->kept += st.kept_bytes + waiting_in(s);
		ret->resident += st.resident_bytes;
		ret->process += rss;
		ret->processes++;
	}
}
