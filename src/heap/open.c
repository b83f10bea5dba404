/* SPDX-License-Identifier: MIT */
/*
 * open.c - reserving the arena, within what the machine and its limits allow
 */
#include <stdlib.h>
#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "os/cgroup.h"
#include "impl.h"
#include "os/os.h"

#define ARENA_MIN PAGES_MIB(64)
#define ARENA_SHARE_OF_LIMIT 8	/* of RLIMIT_AS, which the reservation counts towards */

void
pages_heap_configure(struct pages_heap *h, const struct pages_heap_options *options)
{
	h->options = *options;
}

/*
 * An eighth of the memory stays for what the heap does not see: small blocks, stacks,
 * code, page tables, other processes of the container.  What it keeps could be had
 * for all that, but not before the kernel kills: so it is given back before.
 */
#define KEPT_CLEAR_OF_LIMIT 8

/* What there is, when the limits of control groups are taken off. */
static void
limit_facts(struct pages_os_facts *facts, const struct pages_cgroup_limits *limits)
{
	size_t swap = pages_min(facts->ram_and_swap - facts->ram, limits->swap);

	facts->ram = pages_min(facts->ram, limits->memory);
	facts->ram_and_swap = pages_min(facts->ram + swap, limits->memory_and_swap);
}

/* Address space for 16 times the memory, so that fragmentation never matters. */
static size_t
arena_goal(const struct pages_heap *h, const struct pages_os_facts *facts)
{
	size_t goal = pages_max(16 * facts->ram, PAGES_GIB(64));

	if (h->options.arena_max != 0)
		goal = h->options.arena_max;
	goal = pages_min(goal, (size_t)UINT32_MAX * facts->page_size);
	if (facts->address_limit != SIZE_MAX)
		goal = pages_min(goal, facts->address_limit / ARENA_SHARE_OF_LIMIT);
	return pages_round_down(goal, PAGES_UNIT);
}

/* How many mappings of ours may be left split by moves: half of what the kernel allows. */
static size_t
max_splits(void)
{
	char text[24];

	if (pages_os_read_file("/proc/sys/vm/max_map_count", text, sizeof(text)) != 0)
		return 65530 / 2;
	return strtoul(text, NULL, 10) / 2;
}

/* With small pages it would cost more than it is worth; see mark.c. */
static bool
can_mark(const struct pages_heap *h)
{
	char text[64];

	if (!h->options.huge || !pages_can(PAGES_CAP_HUGE) || !pages_can(PAGES_CAP_LAZY))
		return false;
	(void)pages_can(PAGES_CAP_POPULATE);	/* found out now, not in the middle of a request */
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

void
pages_heap_open(struct pages_heap *h)
{
	struct pages_cgroup_limits limits;
	struct pages_os_facts facts;
	size_t len, most;

	pages_os_facts(&facts);
	h->state = PAGES_HEAP_NONE;
	/* There every writable page is charged, also free ones: no room for a reserve. */
	if (facts.strict_overcommit)
		return;
	/* Units are what the last level of page tables maps, one page of 8-byte entries. */
	if (facts.page_size / 8 * facts.page_size != PAGES_UNIT)
		return;
	pages_cgroup_read("", &limits);
	limit_facts(&facts, &limits);
	for (len = arena_goal(h, &facts); len >= ARENA_MIN; len = pages_round_down(len / 2, PAGES_UNIT))
		if (open_arena(h, len, facts.page_size))
			break;
	if (len < ARENA_MIN)
		return;
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
