/* SPDX-License-Identifier: MIT */
#define PAGES_NO_LOCK_ROLE
#include <criterion/criterion.h>

#include "heap/extents.h"
#include "os/base.h"
#include "support/support.h"

#define PAGES 4096u

static struct pages_arena arena;
static struct pages_extents x;

static void
open_pages(struct pages_extents *ret, struct pages_arena *a, size_t pages)
{
	struct pages_claim c = { .len = pages * KIB(4), .page_size = KIB(4) };

	cr_assert_eq(pages_arena_reserve(a, &c), 0);
	cr_assert_eq(pages_extents_open(ret, a), 0);
}

static void
setup(void)
{
	open_pages(&x, &arena, PAGES);
}

static void
teardown(void)
{
	cr_assert(pages_extents_valid(&x));
	pages_extents_close(&x);
	pages_arena_close(&arena);
}

/* Take the best fit; 0 if there is none. */
static uint32_t
take(uint32_t count, uint32_t align, uint32_t offset)
{
	struct pages_want want = { count, align, offset, PAGES_ZONE_HUGE };
	uint32_t id, first;

	for (id = pages_extents_next(&x, PAGES_ZONE_HUGE, count, 0); id != 0;
	     id = pages_extents_next(&x, PAGES_ZONE_HUGE, x.node[id].count, x.node[id].first + 1))
		if (pages_extents_place(&x, id, &want, 0, &first))
			return pages_extents_take(&x, id, first, count);
	return 0;
}

#define EXTENTS(name) TEST_WITH_FIXTURE(extents, name)

EXTENTS(begin_as_one_free_range)
{
	uint32_t id = pages_extents_next(&x, PAGES_ZONE_HUGE, 1, 0);

	cr_assert_eq(x.node[id].first, 0);
	cr_assert_eq(x.node[id].count, PAGES);
	cr_assert_eq(pages_extents_next(&x, PAGES_ZONE_HUGE, PAGES + 1, 0), 0);
}

EXTENTS(are_packed_without_gaps)
{
	uint32_t a = take(5, 1, 0), b = take(7, 1, 0);

	cr_assert_eq(x.node[a].first, 0);
	cr_assert_eq(x.node[b].first, 5);
	cr_assert_eq(pages_extents_find(&x, 0, PAGES_EXTENT_LIVE), a);
	cr_assert_eq(pages_extents_find(&x, 5, PAGES_EXTENT_LIVE), b);
	cr_assert_eq(pages_extents_find(&x, 3, PAGES_EXTENT_LIVE), 0);
}

EXTENTS(that_fit_best_are_found_first)
{
	uint32_t a = take(10, 1, 0), b = take(1, 1, 0), c = take(6, 1, 0), d = take(1, 1, 0);

	pages_extents_give(&x, a);
	pages_extents_give(&x, c);
	cr_assert_eq(x.node[take(6, 1, 0)].first, 11);
	cr_assert_eq(x.node[take(6, 1, 0)].first, 0);
	cr_assert(b != 0 && d != 0);
}

EXTENTS(join_with_both_neighbours_when_freed)
{
	uint32_t a = take(4, 1, 0), b = take(4, 1, 0), c = take(4, 1, 0), d = take(4, 1, 0);
	struct pages_span s;

	pages_extents_give(&x, a);
	pages_extents_give(&x, c);
	s = pages_extents_give(&x, b);
	cr_assert_eq(s.first, 0);
	cr_assert_eq(s.count, 12);
	s = pages_extents_give(&x, d);
	cr_assert_eq(s.count, PAGES);
}

EXTENTS(begin_where_alignment_and_offset_say)
{
	uint32_t a = take(3, 1, 0), b = take(10, 512, 0), c = take(10, 512, 77);

	cr_assert(a != 0);
	cr_assert_eq(x.node[b].first, 512);
	cr_assert_eq(x.node[c].first % 512, 77);
}

EXTENTS(grow_only_into_free_space_behind_them)
{
	uint32_t a = take(4, 1, 0), b = take(4, 1, 0);

	cr_assert_not(pages_extents_extend(&x, a, 1));
	cr_assert(pages_extents_extend(&x, b, 100));
	cr_assert_eq(x.node[b].count, 104);
	cr_assert_not(pages_extents_extend(&x, b, PAGES));
	cr_assert(pages_extents_extend(&x, b, PAGES - 108));
}

EXTENTS(give_back_what_is_cut_off)
{
	uint32_t a = take(100, 1, 0);
	struct pages_span s = pages_extents_cut(&x, a, 30);

	cr_assert_eq(s.first, 30);
	cr_assert_eq(s.count, PAGES - 30);
	cr_assert_eq(x.node[a].count, 30);
	x.node[a].used = 30;
}

EXTENTS(stay_valid_under_random_use)
{
	enum { BLOCKS = 200 };
	uint32_t ids[BLOCKS] = { 0 };
	uint64_t seed = 1;

	for (int i = 0; i < 20000; i++) {
		uint32_t *id = &ids[random_next(&seed) % BLOCKS];
		uint32_t n = 1 + (uint32_t)(random_next(&seed) % 40);

		switch (*id == 0 ? 0 : 1 + random_next(&seed) % 3) {
		case 0:
			*id = take(n, 1u << random_next(&seed) % 5, 0);
			break;
		case 1:
			pages_extents_give(&x, *id);
			*id = 0;
			break;
		case 2:
			(void)pages_extents_extend(&x, *id, n);
			break;
		case 3:
			if (n < x.node[*id].count) {
				pages_extents_cut(&x, *id, n);
				x.node[*id].used = n;
			}
			break;
		}
		if (i % 50 == 0)
			cr_assert(pages_extents_valid(&x), "step %d", i);
	}
}

EXTENTS(of_a_hundred_thousand_are_found_in_few_steps)
{
	enum { MANY = 100000 };
	struct pages_arena space;
	struct pages_extents many;
	uint32_t *ids = malloc(MANY * sizeof(*ids));
	size_t depth = 0, deepest = 0;

	open_pages(&many, &space, pages_round_up(8 * MANY, 512));
	for (uint32_t i = 0; i < MANY; i++)
		ids[i] = pages_extents_take(&many, pages_extents_next(&many, PAGES_ZONE_HUGE, 4, 0), 4 * i, 4);
	for (uint32_t i = 0; i < MANY; i += 2)
		pages_extents_give(&many, ids[i]);
	/* Depth of the tree along the way to every free extent. */
	for (uint32_t i = 0; i < MANY; i += 2) {
		uint32_t t = many.root, id = many.edge[4 * i];

		for (depth = 0; t != id && t != 0; depth++) {
			const struct pages_extent *e = &many.node[t], *want = &many.node[id];
			bool right = e->count != want->count ? e->count < want->count
							     : e->first < want->first;

			t = right ? e->right : e->left;
		}
		cr_assert_eq(t, id);
		deepest = depth > deepest ? depth : deepest;
	}
	cr_assert_leq(deepest, 64, "depth %zu", deepest);
	cr_assert(pages_extents_valid(&many));
	pages_extents_close(&many);
	pages_arena_close(&space);
	free(ids);
}
