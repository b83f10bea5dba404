/* SPDX-License-Identifier: MIT */
/*
 * open.c - opens and closes a heap: sizes the arena by the machine's memory
 */
#include <errno.h>
#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "cache.h"
#include "mark.h"
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

/*
 * Address space for 16 times the memory, so that fragmentation does not matter.  At most 8 TiB:
 * with that the tables of units take 4 MiB, and pages can be counted in 32 bits.
 */
#define ARENA_MAX (PAGES_GIB(8) << 10)

static size_t
arena_goal(const struct pages_heap *h)
{
	const struct pages_os_facts *facts = &h->facts.os;
	size_t goal = pages_max(16 * facts->ram, PAGES_GIB(64));

	if (h->options.arena_max != 0)
		goal = h->options.arena_max;
	goal = pages_min(goal, facts->address_end / 8);
	return pages_round_down(pages_min(goal, ARENA_MAX), PAGES_UNIT);
}

/* Of an address space that is reserved at once, limits count all. */
#define RESERVED_SHARE 8

static size_t
reserve_goal(size_t goal, const struct pages_os_facts *facts)
{
	if (facts->address_limit != SIZE_MAX)
		goal = pages_min(goal, facts->address_limit / RESERVED_SHARE);
	return pages_round_down(goal, PAGES_UNIT);
}

/* With small pages marking would cost more than it saves; see mark.c. */
static bool
can_mark(const struct pages_heap *h)
{
	return h->options.moves != PAGES_MOVES_OFF && h->options.huge && h->facts.huge_pages &&
	       pages_can(PAGES_CAP_HUGE) && pages_can(PAGES_CAP_LAZY);
}

static int
open_arena(struct pages_heap *h)
{
	const struct pages_os_facts *facts = &h->facts.os;
	struct pages_claim claim = {
		.len = arena_goal(h),
		.page_size = facts->page_size,
		.address_end = facts->address_end,
		.random = facts->random,
		.huge = h->options.huge,
	};
	int err = pages_arena_open(&h->arena, &claim);

	if (err != -EEXIST)
		return err;
	claim.len = reserve_goal(claim.len, facts);
	for (err = -ENOMEM; err != 0 && claim.len >= ARENA_MIN;
	     claim.len = pages_round_down(claim.len / 2, PAGES_UNIT))
		err = pages_arena_reserve(&h->arena, &claim);
	return err;
}

static int
open_tables(struct pages_heap *h)
{
	int err = pages_extents_open(&h->extents, &h->arena);

	if (err != 0)
		return err;
	err = pages_units_open(&h->units, &h->arena, h->facts.max_splits);
	if (err != 0)
		pages_extents_close(&h->extents);
	else
		pages_arena_end_tables(&h->arena);
	return err;
}

/*
 * In a program that is built with a leak checker (-fsanitize=address or leak): what blocks point
 * to is not leaked.  The checker looks only at what is mapped.
 */
/* NOLINTBEGIN(bugprone-reserved-identifier) */
void __lsan_register_root_region(const void *start, size_t len) __attribute__((weak));
void __lsan_unregister_root_region(const void *start, size_t len) __attribute__((weak));
/* NOLINTEND(bugprone-reserved-identifier) */

static void
add_roots(struct pages_heap *h)
{
	if (__lsan_register_root_region == NULL)
		return;
	h->roots = h->arena.len;
	__lsan_register_root_region(h->arena.base, h->roots);
}

static void
remove_roots(struct pages_heap *h)
{
	if (h->roots != 0 && __lsan_unregister_root_region != NULL)
		__lsan_unregister_root_region(h->arena.base, h->roots);
	h->roots = 0;
}

void
pages_heap_open(struct pages_heap *h)
{
	const struct pages_os_facts *facts = &h->facts.os;
	size_t most;

	pages_heap_learn(h);
	h->state = PAGES_HEAP_NONE;
	/* Strict overcommit charges all writable pages, so kept and absent ones, too. */
	if (facts->strict_overcommit)
		return;
	/* A unit must be what one page table maps: a page of 8-byte entries. */
	if (facts->page_size / 8 * facts->page_size != PAGES_UNIT)
		return;
	if (open_arena(h) != 0)
		return;
	if (open_tables(h) != 0) {
		pages_arena_close(&h->arena);
		return;
	}
	h->memory = facts->ram_and_swap;
	most = pages_min(facts->ram, h->facts.high);
	h->units.resident_max = (most - most / KEPT_CLEAR_OF_LIMIT) / PAGES_UNIT;
	if (h->options.forgets)
		h->units.resident_max = 0;
	h->last_purge = pages_os_now_ms();
	h->units.watch = h->options.moves == PAGES_MOVES_AUTO;
	if (h->options.moves == PAGES_MOVES_OFF)
		atomic_store(&h->units.moves, false);
	atomic_store(&h->units.keeps_all, h->keeps_all);
	atomic_store(&h->marking, can_mark(h));
	pages_heap_count_in(h, atomic_load(&h->slot));
	h->state = PAGES_HEAP_OPEN;
	pages_heap_set_mark_from(h);
	add_roots(h);
	atomic_store(&h->base, h->arena.base);
}

void
pages_heap_close(struct pages_heap *h)
{
	if (h->state == PAGES_HEAP_OPEN) {
		remove_roots(h);
		pages_units_close(&h->units);
		pages_extents_close(&h->extents);
		pages_arena_close(&h->arena);
	}
	pages_process_close(&h->process);
	memset(h, 0, sizeof(*h));
}
