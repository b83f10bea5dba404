/* SPDX-License-Identifier: MIT */
/*
 * heap_checks.c - tests that pages_heap_check() finds inconsistencies in the heap's books
 *
 * Each test plants one by hand and expects the message for it.
 */
#define PAGES_NO_LOCK_ROLE
#include "heap/block.h"
#include "heap/impl.h"
#include "heap/lock.h"
#include "os/bits.h"

#include "heap_support.h"

static char *p[8];

static size_t
first_unit(const char *q)
{
	return (size_t)(q - h.arena.base) / PAGES_UNIT;
}

/* Live blocks, a cached one, and free memory: p[3] is free, p[6] is in the front cache. */
static void
open_busy(void)
{
	setup();
	for (int i = 0; i < 8; i++)
		p[i] = get(MIB(8));
	pages_heap_free(&h, p[3]);
	pages_heap_free(&h, p[6]);
}

static void
expect(const char *what)
{
	const char *wrong;

	cr_assert(pages_lock_acquire(&h.lock));
	wrong = pages_heap_check(&h);
	pages_lock_release(&h.lock);
	if (what == NULL)
		cr_assert_null(wrong, "%s", wrong);
	else
		cr_assert_str_eq(wrong, what);
}

#define CHECKS(name)               \
	static void name(void);    \
	Test(checks, name)         \
	{                          \
		open_busy();       \
		expect(NULL);      \
		name();            \
	}                          \
	static void name(void)

CHECKS(find_a_unit_under_a_block_that_is_not_held)
{
	pages_bits_clear(h.units.held_bits, first_unit(p[1]) + 1, first_unit(p[1]) + 2);
	expect("a unit under a block is not held");
}

CHECKS(find_a_unit_under_a_block_that_is_free_for_the_taking)
{
	size_t u = first_unit(p[1]) + 1;

	pages_bits_clear(h.units.held_bits, u, u + 1);
	pages_bits_set(h.units.kept_bits, u, u + 1);
	expect("a unit under a block is not held");
	pages_bits_set(h.units.held_bits, u, u + 1);
	expect("a unit under a block is kept");
}

CHECKS(find_a_held_unit_in_free_space)
{
	size_t u = first_unit(p[3]) + 1;

	pages_bits_set(h.units.held_bits, u, u + 1);
	expect("a unit in free space is held");
}

CHECKS(find_counters_that_are_off_by_one)
{
	h.units.held++;
	expect("the number of held units is wrong");
	h.units.held--;
	h.units.kept--;
	expect("the number of kept units is wrong");
	h.units.kept++;
	h.stats.live_objects++;
	expect("the number of live blocks, or of their bytes, is wrong");
	h.stats.live_objects--;
	h.stats.live_bytes -= 4096;
	expect("the number of live blocks, or of their bytes, is wrong");
	h.stats.live_bytes += 4096;
	h.lost++;
	expect("the number of lost pages is wrong");
	h.lost--;
	expect(NULL);
}

/* The id of the extent that begins or ends at q. */
static uint32_t
record_of(const char *q)
{
	return h.extents.edge[(size_t)(q - h.arena.base) >> h.arena.page_shift];
}

CHECKS(find_a_block_that_is_in_a_front_cache_and_live)
{
	pages_extent_set_state(&h.extents.node[record_of(p[6])], PAGES_EXTENT_LIVE);
	expect("a block in a front cache is not free");
}

CHECKS(find_a_block_that_is_in_a_front_cache_and_waits_to_be_freed)
{
	uint32_t id = record_of(p[6]);

	h.extents.node[id].left = 0;
	atomic_store(&h.deferred, id);
	expect("a block waits to be freed and is in a front cache");
}

CHECKS(find_a_block_that_is_freed_while_it_is_in_a_front_cache)
{
	uint32_t id = record_of(p[6]);

	cr_assert(pages_heap_enter(&h));
	pages_heap_release(&h, id);
	pages_lock_release(&h.lock);
	expect("a block in a front cache is not free");
}

CHECKS(find_a_live_block_among_those_that_wait)
{
	h.extents.node[record_of(p[1])].left = 0;
	atomic_store(&h.deferred, record_of(p[1]));
	expect("a block waits to be freed that is not, or twice");
}

CHECKS(find_a_record_that_is_spare_and_in_use)
{
	h.extents.node[record_of(p[1])].left = h.extents.spare;
	h.extents.spare = record_of(p[1]);
	expect("a record is spare and in use");
}

CHECKS(find_a_record_that_is_in_no_list)
{
	h.extents.nodes++;
	expect("a record is lost");
}

CHECKS(find_a_free_extent_that_is_in_use)
{
	pages_extent_set_state(&h.extents.node[record_of(p[3])], PAGES_EXTENT_LIVE);
	expect("extents do not tile the arena, or the tree of free ones is wrong");
}

CHECKS(find_muzzy_units_that_are_absent_or_to_be_marked)
{
	size_t u = first_unit(p[3]) + 1;

	pages_bits_set(h.units.muzzy_bits, u, u + 1);
	pages_bits_set(h.units.dirty_bits, u, u + 1);
	expect("a unit is muzzy and to be marked");
	pages_bits_clear(h.units.dirty_bits, u, u + 1);
	pages_bits_clear(h.units.muzzy_bits, u, u + 1);
	cr_assert_gt(pages_heap_trim(&h, 0), 0);
	expect(NULL);
	pages_bits_set(h.units.muzzy_bits, u, u + 1);
	expect("an absent unit is muzzy");
}

CHECKS(find_units_that_are_busy_and_something_else)
{
	size_t free_unit = first_unit(p[3]) + 1, used_unit = first_unit(p[1]) + 1;

	pages_bits_set(h.units.busy_bits, free_unit, free_unit + 1);
	expect("a unit is busy and kept");
	pages_bits_clear(h.units.busy_bits, free_unit, free_unit + 1);
	pages_bits_set(h.units.busy_bits, used_unit, used_unit + 1);
	expect("the number of units that are being placed is wrong");
	pages_bits_clear(h.units.busy_bits, used_unit, used_unit + 1);
	expect(NULL);
}

CHECKS(find_memory_that_is_not_mapped)
{
	size_t u = first_unit(p[1]) + 1;

	pages_bits_clear(h.units.mapped_bits, u, u + 1);
	expect("a unit has memory and is not mapped");
	pages_bits_set(h.units.mapped_bits, u, u + 1);
	h.units.mapped++;
	expect("the number of mapped units is wrong");
	h.units.mapped--;
	expect(NULL);
}

CHECKS(find_stale_units_that_are_in_use)
{
	size_t u = first_unit(p[1]) + 1;

	pages_bits_set(h.units.stale_bits, u, u + 1);
	expect("a unit is stale that is not kept and dirty");
}

/* Checking must not flush front caches, nor change the statistics. */
CHECKS(change_nothing)
{
	struct pages_stats before = stats(), after;
	uint32_t cached = record_of(p[6]);
	bool there = false;

	cr_assert(pages_heap_valid(&h));
	after = stats();
	cr_assert_eq(memcmp(&before, &after, sizeof(before)), 0);
	cr_assert_eq(before.live_objects, 6);
	cr_assert_eq(before.kept_bytes, MIB(16));
	for (int i = 0; i < PAGES_FRONT_CACHES; i++)
		there |= atomic_load(&h.caches[i].block) == cached;
	cr_assert(there);
}
