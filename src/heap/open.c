/* SPDX-License-Identifier: MIT */
/*
 * open.c - opens and closes a heap: sizes the arena by the machine's memory and limits
 */
#include <stdlib.h>
#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "os/cgroup.h"
#include "impl.h"
#include "os/os.h"

#define ARENA_MIN PAGES_MIB(64)

void
pages_heap_configure(struct pages_heap *h, const struct pages_heap_options *options)
{
	h->options = *options;
}

/*
 * An eighth of the memory is left to users that the heap does not see: small blocks, stacks,
 * code, page tables, other processes of the container.  Kept memory could serve them, but
 * nothing asks the heap for it before the kernel kills.  So the heap keeps nothing beyond the
 * other seven eighths.
 */
#define KEPT_CLEAR_OF_LIMIT 8

/* Lower memory and swap of the machine to the limits of the control groups. */
static void
limit_facts(struct pages_os_facts *facts, const struct pages_cgroup_limits *limits)
{
	size_t swap = pages_min(facts->ram_and_swap - facts->ram, limits->swap);

	facts->ram = pages_min(facts->ram, limits->memory);
	facts->ram_and_swap = pages_min(facts->ram + swap, limits->memory_and_swap);
}

/* Address space for 16 times the memory, so that fragmentation does not matter. */
static size_t
arena_goal(const struct pages_heap *h, const struct pages_os_facts *facts)
{
	size_t goal = pages_max(16 * facts->ram, PAGES_GIB(64));

	if (h->options.arena_max != 0)
		goal = h->options.arena_max;
	goal = pages_min(goal, (size_t)UINT32_MAX * facts->page_size);
	if (facts->address_limit != SIZE_MAX)
		goal = pages_min(goal, facts->address_limit / PAGES_SHARE_OF_LIMIT);
	/* Which counts the side tables, 0.3 % of the arena, and all that is committed. */
	if (facts->data_limit < SIZE_MAX / 2)
		goal = pages_min(goal, 2 * facts->data_limit);
	return pages_round_down(goal, PAGES_UNIT);
}

/* The heap may cause VMA splits up to half of the mappings that the kernel allows. */
static size_t
max_splits(void)
{
	char text[24];

	if (pages_os_read_file("/proc/sys/vm/max_map_count", text, sizeof(text)) != 0)
		return 65530 / 2;
	return strtoul(text, NULL, 10) / 2;
}

/* With small pages marking would cost more than it saves; see mark.c. */
static bool
can_mark(const struct pages_heap *h)
{
	char text[64];

	if (!h->options.huge || !pages_can(PAGES_CAP_HUGE) || !pages_can(PAGES_CAP_LAZY))
		return false;
	return pages_os_read_file("/sys/kernel/mm/transparent_hugepage/enabled", text,
				  sizeof(text)) != 0 || strstr(text, "[never]") == NULL;
}

static bool
open_arena(struct pages_heap *h, size_t len, size_t page_size)
{
	if (pages_arena_open(&h->arena, len, page_size, h->options.huge) != 0)
		return false;
	if (pages_extents_open(&h->extents, len / page_size) == 0) {
		if (pages_units_open(&h->units, &h->arena, max_splits()) == 0)
			return true;
		pages_extents_close(&h->extents);
	}
	pages_arena_close(&h->arena);
	return false;
}

/*
 * Find out now what will be asked later: at a limit that was lowered meanwhile a probe would
 * fail, and say no for ever.
 */
static void
probe(void)
{
	static const enum pages_cap caps[] = {
		PAGES_CAP_DISCARD, PAGES_CAP_POPULATE, PAGES_CAP_WIPE, PAGES_CAP_SCAN,
	};

	for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		(void)pages_can(caps[i]);
}

void
pages_heap_open(struct pages_heap *h)
{
	struct pages_cgroup_limits limits;
	struct pages_os_facts facts;
	size_t len, most;

	pages_os_facts(&facts);
	h->state = PAGES_HEAP_NONE;
	/* Strict overcommit charges all writable pages, so kept and absent ones, too. */
	if (facts.strict_overcommit)
		return;
	/* A unit must be what one page table maps: a page of 8-byte entries. */
	if (facts.page_size / 8 * facts.page_size != PAGES_UNIT)
		return;
	pages_cgroup_read("", &limits);
	limit_facts(&facts, &limits);
	for (len = arena_goal(h, &facts); len >= ARENA_MIN;
	     len = pages_round_down(len / 2, PAGES_UNIT))
		if (open_arena(h, len, facts.page_size))
			break;
	if (len < ARENA_MIN)
		return;
	probe();
	h->memory = facts.ram_and_swap;
	most = pages_min(facts.ram, limits.high);
	h->units.resident_max = (most - most / KEPT_CLEAR_OF_LIMIT) / PAGES_UNIT;
	h->last_purge = pages_os_now_ms();
	atomic_store(&h->marking, can_mark(h));
	h->state = PAGES_HEAP_OPEN;
	atomic_store(&h->base, h->arena.base);
	atomic_store(&h->len, len);
}

void
pages_heap_close(struct pages_heap *h)
{
	if (h->state == PAGES_HEAP_OPEN) {
		pages_units_close(&h->units);
		pages_extents_close(&h->extents);
		h->arena.len = pages_max(h->arena.len, h->arena.committed);
		pages_arena_close(&h->arena);
	}
	memset(h, 0, sizeof(*h));
}
