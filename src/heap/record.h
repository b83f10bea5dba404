/* SPDX-License-Identifier: MIT */
/*
 * record.h - counters that outlive the process: a record, a file in memory that processes share
 *
 * Who wants the counters of a command creates the record.  Each process that the command becomes
 * or makes maps it and takes a slot, by an atomic add.  So the counters are there however the
 * process ends, up to the operation that was in progress.  Without a record nothing is mapped.
 *
 *	struct pages_record | slot 0 | slot 1 | ... | slot PAGES_RECORD_SLOTS - 1
 *
 * A slot is written by one process, and a forked child leaves its parent's; one of _Fork() or
 * clone(), of which no handler tells, when it first needs the lock.  Each word is written in one
 * piece.  What threads count without the heap's lock they count in the slot.
 * What they count with it is copied there before the lock is released: 150 instructions, and
 * only where there is a record.  The heap never reads its policy from a slot, because other
 * processes can write there.
 *
 * The layout has no promise beyond PAGES_RECORD_VERSION: reader and writer are built together.
 */
#ifndef PAGES_HEAP_RECORD_H
#define PAGES_HEAP_RECORD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pages/malloc.h>

#include "os/base.h"

enum {
	PAGES_FRONT_CACHES = 16,
	PAGES_RECORD_VERSION = 1,
	PAGES_RECORD_SLOTS = 4096,
	PAGES_RECORD_WORDS = sizeof(struct pages_stats) / sizeof(uint64_t),
};
#define PAGES_RECORD_MAGIC 0x6463657273676170	/* "pagsrecd" on a little-endian machine */

/*
 * What a front cache counts: requests that it served, their bytes, and those of the ones from
 * PAGES_ALWAYS_MAPPED on; pages of the freed block that is in it.
 */
struct pages_cache_counts {
	_Atomic uint64_t hits, hit_bytes, large_bytes, waiting;
};

/* However its threshold has adapted, glibc's malloc maps such a request, and unmaps it when freed. */
#define PAGES_ALWAYS_MAPPED ((size_t)32 << 20)

/* What is counted without the lock elsewhere: declined_busy, cleared_bytes, copied_bytes. */
struct pages_other_counts {
	_Atomic uint64_t busy, cleared_bytes, copied_bytes;
};

struct pages_record_slot {
	_Atomic uint64_t pid;		/* 0: not in use; written last */
	_Atomic uint64_t ended;		/* 1: by exit() */
	_Atomic uint64_t page_size;	/* of waiting; 0 as long as the heap is not open */
	_Atomic uint64_t threshold, background_threads, background_refused;
	_Atomic uint64_t words[PAGES_RECORD_WORDS];	/* struct pages_stats without the next two */
	struct pages_other_counts other;
	struct {	/* a line for each, because threads write to them at the same time */
		_Alignas(64) struct pages_cache_counts counts;
	} caches[PAGES_FRONT_CACHES];
	char mode[96], exe[256], provider[256];	/* as in struct pages_report */
};

struct pages_record {
	uint64_t magic, version, nonce;
	_Alignas(64) _Atomic uint64_t taken;	/* slots, and those that were not to be had */
	_Alignas(4096) struct pages_record_slot slots[PAGES_RECORD_SLOTS];
};

/* Take an unused slot; NULL if there is none.  Its pid is stored by the caller, last. */
static inline struct pages_record_slot *
pages_record_take(struct pages_record *r)
{
	uint64_t i = atomic_fetch_add(&r->taken, 1);

	return i < PAGES_RECORD_SLOTS ? &r->slots[i] : NULL;
}

static inline void
pages_stats_add_hits(struct pages_stats *st, const struct pages_cache_counts *c)
{
	uint64_t hits = atomic_load_explicit(&c->hits, memory_order_relaxed);
	uint64_t bytes = atomic_load_explicit(&c->hit_bytes, memory_order_relaxed);

	st->requests += hits;
	st->requested_bytes += bytes;
	st->frees += hits;
	st->reused_bytes += bytes;
	st->freed_bytes += bytes;
	st->large_reused_bytes += atomic_load_explicit(&c->large_bytes, memory_order_relaxed);
}

/*
 * Read the counters of a slot while others may write to it.  A block in a front cache is freed;
 * its memory counts as live, and not as kept.
 */
static inline void
pages_record_read(const struct pages_record_slot *s, struct pages_stats *ret)
{
	uint64_t page_size = atomic_load_explicit(&s->page_size, memory_order_relaxed);

	for (size_t i = 0; i < PAGES_RECORD_WORDS; i++)
		((uint64_t *)ret)[i] = atomic_load_explicit(&s->words[i], memory_order_relaxed);
	ret->declined_busy += atomic_load_explicit(&s->other.busy, memory_order_relaxed);
	ret->cleared_bytes += atomic_load_explicit(&s->other.cleared_bytes, memory_order_relaxed);
	ret->copied_bytes += atomic_load_explicit(&s->other.copied_bytes, memory_order_relaxed);
	for (int i = 0; i < PAGES_FRONT_CACHES; i++) {
		const struct pages_cache_counts *c = &s->caches[i].counts;
		uint64_t waiting = atomic_load_explicit(&c->waiting, memory_order_relaxed);

		pages_stats_add_hits(ret, c);
		if (waiting == 0 || ret->live_objects == 0)
			continue;
		ret->live_objects--;
		ret->frees++;
		/* The process may run: what waits now need not have been counted a moment ago. */
		ret->live_bytes -= pages_min(ret->live_bytes, waiting * page_size);
	}
}

#endif /* PAGES_HEAP_RECORD_H */
