/* SPDX-License-Identifier: MIT */
/*
 * change.c - plans changes of memory
 */
#include "change.h"

#include "os/base.h"
#include "os/bits.h"
#include "os/check.h"

/* Mapping costs two system calls, so it is done in steps that grow with the heap. */
#define MAP_STEP_MIN (PAGES_MIB(32) / PAGES_UNIT)
#define MAP_STEP_SHARE 8

/* A move may split the mapping at both ends. */
enum { MOVE_SPLITS = 2 };

static struct pages_step *
add_step(struct pages_change *c, enum pages_step_kind kind, size_t first, size_t count)
{
	struct pages_step *s = &c->step[c->steps++];

	*s = (struct pages_step){
		.kind = (uint8_t)kind,
		.first = (uint32_t)first,
		.count = (uint32_t)count,
	};
	return s;
}

static bool
is_small(const struct pages_units *u, size_t i)
{
	return pages_bits_test(u->arena->small_bits, i);
}

static bool
is_carried(const struct pages_change *c, size_t i)
{
	return i - c->carry.first < c->carry.count;
}

/*
 * Of the units mine in word w, make those busy that lack memory, or have muzzy memory.  Muzzy
 * ones may be held already: by a block from the front cache.
 */
static bool
take_word(struct pages_units *u, size_t w, uint64_t mine) PAGES_LOCKED
{
	uint64_t muzzy = u->muzzy_bits[w] & mine;
	uint64_t todo = (~u->held_bits[w] & mine) | muzzy;
	size_t held = pages_bits_popcount(muzzy & u->held_bits[w]);

	if (PAGES_LIKELY(todo == 0))
		return false;
	u->placing += pages_bits_popcount(todo);
	u->leaving += pages_bits_popcount(muzzy);
	u->kept -= pages_bits_popcount(muzzy & u->kept_bits[w]);
	u->held -= held;
	u->freed += held;
	u->kept_bits[w] &= ~muzzy;
	pages_units_forget_age(u, w, muzzy);	/* muzzy ones are not stale */
	u->held_bits[w] |= todo;
	u->busy_bits[w] |= todo;
	u->fresh_bits[w] &= ~todo;
	return true;
}

/*
 * Kept units of [a, b) are about to be replaced.  Until then their contents are still there, which
 * dirty bits say: if the change is abandoned they are kept again.
 */
static void
leave_contents(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED
{
	PAGES_CHECK(pages_units_count(u, a, b, true) == 0);
	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t mine = pages_bits_mask(w, a, b), kept = u->kept_bits[w] & mine;

		u->dirty -= pages_bits_popcount(kept & u->dirty_bits[w]);
		u->dirty_bits[w] = (u->dirty_bits[w] & ~mine) | kept;
		u->dirty += pages_bits_popcount(kept);
		u->muzzy_bits[w] &= ~mine;
	}
	u->returned += pages_units_remove_kept(u, a, b);
}

bool
pages_change_can_hand_over(const struct pages_units *u, const struct pages_change *c)
{
	size_t a = c->carry.first, b = a + c->carry.count;

	/* Where all is reserved, all is mapped. */
	return c->carry.count != 0 && u->arena->reserved == NULL &&
	       pages_bits_find(u->mapped_bits, a, b, true) == b &&
	       is_small(u, a) == is_small(u, c->carry_src) &&
	       u->splits.count + MOVE_SPLITS <= u->splits.max;
}

bool
pages_change_begin(struct pages_units *u, struct pages_change *c, size_t a, size_t b)
{
	size_t ca = c->carry.first, cb = ca + c->carry.count;
	bool todo = false;

	PAGES_CHECK(pages_units_busy_end(u, a, b) == a);
	c->a = a;
	c->b = b;
	c->zero.first = a;
	u->busy_end = pages_max(u->busy_end, b);
	/* Memory that is there already goes, where the block brings its own or is mapped anew. */
	if (c->filling == PAGES_FILL_NONE) {
		ca = a;
		cb = b;
	}
	if (ca < cb)
		leave_contents(u, ca, cb);
	/* First of all, so that nothing of this range is moved to another place in it. */
	(void)pages_units_reuse(u, a, b);
	for (size_t w = a / 64; w * 64 < b; w++)
		todo |= take_word(u, w, pages_bits_mask(w, a, b));
	pages_units_note_peaks(u);
	return todo;
}

/* The run of busy units of the change from i on that need the same step. */
static struct pages_unit_run
run_alike(const struct pages_units *u, const struct pages_change *c, size_t i)
{
	size_t end = pages_bits_find(u->busy_bits, i, c->b, false);

	end = pages_bits_find(u->mapped_bits, i, end, !pages_bits_test(u->mapped_bits, i));
	end = pages_bits_find(u->muzzy_bits, i, end, !pages_bits_test(u->muzzy_bits, i));
	if (is_carried(c, i))
		end = pages_min(end, c->carry.first + c->carry.count);
	else if (i < c->carry.first)
		end = pages_min(end, c->carry.first);
	return (struct pages_unit_run){ i, end - i };
}

/*
 * Map units of the change.  If nothing is mapped behind them, where all is free then, map more,
 * so that calls are few.  The others are busy, too, but not held.
 */
static bool
plan_map(struct pages_units *u, struct pages_change *c, struct pages_unit_run run) PAGES_LOCKED
{
	size_t end = run.first + run.count, most = end;
	int err;

	if (end >= u->mapped_end && !c->at_limit) {
		most = end + pages_max(MAP_STEP_MIN, u->mapped / MAP_STEP_SHARE);
		most = pages_min(most, u->count);
		most = pages_bits_find(u->busy_bits, end, most, true);
		most = pages_bits_find(u->arena->small_bits, end, most, !is_small(u, run.first));
	}
	err = pages_table_reach(u->arena, &u->shifts, most * sizeof(int32_t));
	if (err == 0)
		err = pages_table_reach(u->arena, &u->taints, most * pages_taints_of(u));
	if (err != 0) {
		c->err = err;
		return false;
	}
	u->splits.units = u->shifts.mapped / sizeof(int32_t);
	add_step(c, PAGES_STEP_MAP, run.first, run.count)->extra = (uint32_t)(most - end);
	pages_bits_set(u->busy_bits, end, most);
	u->busy_end = pages_max(u->busy_end, most);
	return true;
}

/* May a move be tried now?  The steps before this one may still need their splits. */
static bool
may_move(struct pages_units *u, const struct pages_change *c)
{
	return !c->still && pages_units_may_move(u) &&
	       u->splits.count + MOVE_SPLITS * (c->steps + 1) <= u->splits.max;
}

/* Not if its mapping is split, or if what the kernel was told about it would travel with it. */
static bool
is_movable(const struct pages_units *u, size_t unit)
{
	return !is_small(u, unit) && pages_splits_alike(&u->splits, unit, 1) != 0 &&
	       !pages_units_are_tainted(u, unit, unit + 1);
}

/* The unit behind the highest kept one that can be moved; 0 if there is none. */
static size_t
movable_end(struct pages_units *u)
{
	size_t end = pages_bits_end(u->kept_bits, u->kept_end);

	u->kept_end = end;
	while (end > 0 && !is_movable(u, end - 1))
		end = pages_bits_end(u->kept_bits, end - 1);
	return end;
}

/* The highest run of at most max kept units that a single move can take; count 0: none. */
static struct pages_unit_run
find_kept(struct pages_units *u, size_t max)
{
	size_t end = movable_end(u), first = end - 1;
	bool muzzy;

	if (end == 0)
		return (struct pages_unit_run){ 0, 0 };
	muzzy = pages_bits_test(u->muzzy_bits, first);
	for (; first > 0 && end - first < max; first--)
		if (!pages_bits_test(u->kept_bits, first - 1) ||
		    pages_bits_test(u->muzzy_bits, first - 1) != muzzy ||
		    u->splits.shift[first - 1] != u->splits.shift[first] ||
		    is_small(u, first - 1) || pages_units_are_tainted(u, first - 1, first))
			break;
	return (struct pages_unit_run){ first, end - first };
}

/*
 * Move kept units to the start of run; returns to how many, 0 if none can be moved.  They are
 * taken from the high end of the arena, which packs resident memory towards the low end.
 */
static size_t
plan_move(struct pages_units *u, struct pages_change *c, struct pages_unit_run run) PAGES_LOCKED
{
	struct pages_unit_run kept = find_kept(u, run.count);
	struct pages_step *s;

	if (kept.count == 0)
		return 0;
	s = add_step(c, PAGES_STEP_MOVE, run.first, kept.count);
	s->src = (uint32_t)kept.first;
	s->muzzy = pages_bits_test(u->muzzy_bits, kept.first);
	u->leaving += pages_units_remove_kept(u, kept.first, kept.first + kept.count);
	pages_bits_set(u->busy_bits, kept.first, kept.first + kept.count);
	return kept.count;
}

/* The same for units of a block that moves. */
static size_t
plan_carry(struct pages_units *u, struct pages_change *c, struct pages_unit_run run) PAGES_LOCKED
{
	size_t src = c->carry_src + (run.first - c->carry.first);
	size_t n = pages_splits_alike(&u->splits, src, run.count);

	PAGES_CHECK(pages_units_count(u, src, src + n, true) == n);
	if (n == 0 || is_small(u, src) != is_small(u, run.first)) {
		/* What is carried has no gaps: the rest is copied. */
		c->still = true;
		return 0;
	}
	add_step(c, PAGES_STEP_CARRY, run.first, n)->src = (uint32_t)src;
	return n;
}

/* Busy units of the change get no memory. */
static void
leave_fresh(struct pages_units *u, struct pages_change *c, struct pages_unit_run run) PAGES_LOCKED
{
	pages_units_ready(u, run.first, run.count);
	u->fresh += run.count;
	/* What was kept there, or what a refused move has left. */
	if (pages_bits_find(u->dirty_bits, run.first, run.first + run.count, true) !=
	    run.first + run.count) {
		if (is_small(u, run.first))	/* where nothing is ever marked */
			pages_bits_clear(u->dirty_bits, run.first, run.first + run.count);
		return;
	}
	pages_bits_set(u->fresh_bits, run.first, run.first + run.count);
	c->fresh += run.count;
	if (c->zero.count != 0 && c->zero.first + c->zero.count == run.first)
		c->zero.count += run.count;
	else if (run.count > c->zero.count)
		c->zero = run;
}

/* Plan a step for the run, or for its start; returns how many units that settles. */
static size_t
plan_run(struct pages_units *u, struct pages_change *c, struct pages_unit_run run) PAGES_LOCKED
{
	bool carried = is_carried(c, run.first);
	size_t n = 0;

	if (pages_bits_test(u->muzzy_bits, run.first)) {
		add_step(c, PAGES_STEP_UNMARK, run.first, run.count);
		return run.count;
	}
	if (carried && may_move(u, c))
		n = plan_carry(u, c, run);
	else if (!carried && c->filling == PAGES_FILL && u->kept != 0 && !is_small(u, run.first) &&
		 may_move(u, c))
		n = plan_move(u, c, run);
	if (n != 0)
		return n;
	leave_fresh(u, c, run);
	return run.count;
}

/* Is unit i, which is busy, to come last? */
static bool
is_handed(const struct pages_change *c, size_t i)
{
	return c->at_limit && is_carried(c, i);
}

/* First all that must be mapped: moves replace mappings, and only our own. */
static bool
plan_maps(struct pages_units *u, struct pages_change *c) PAGES_LOCKED
{
	size_t i = c->a;

	while (c->steps < PAGES_STEPS && (i = pages_bits_find(u->busy_bits, i, c->b, true)) < c->b) {
		struct pages_unit_run run = run_alike(u, c, i);

		if (!pages_bits_test(u->mapped_bits, i) && !is_handed(c, i) && !plan_map(u, c, run))
			return false;
		i += run.count;
	}
	return c->steps != 0;
}

bool
pages_change_plan(struct pages_units *u, struct pages_change *c)
{
	size_t i = c->a;

	c->steps = 0;
	if (c->err != 0)
		return false;
	if (plan_maps(u, c) || c->err != 0)
		return c->steps != 0;
	while (c->err == 0 && c->steps < PAGES_STEPS &&
	       (i = pages_bits_find(u->busy_bits, i, c->b, true)) < c->b) {
		struct pages_unit_run run = run_alike(u, c, i);

		i += is_handed(c, i) ? run.count : plan_run(u, c, run);
	}
	pages_units_note_peaks(u);
	return c->steps != 0;
}

void
pages_change_take(struct pages_units *u, struct pages_change *c, enum pages_step_kind kind,
		  struct pages_unit_run run)
{
	struct pages_step *s = add_step(c, kind, run.first, run.count);

	PAGES_CHECK(pages_units_busy_end(u, run.first, run.first + run.count) == run.first);
	s->src = (uint32_t)pages_units_remove_kept(u, run.first, run.first + run.count);
	u->leaving += s->src;
	pages_bits_set(u->busy_bits, run.first, run.first + run.count);
	/* Not ours from now on: as soon as it is unmapped, the program may map something there. */
	if (kind == PAGES_STEP_UNMAP)
		pages_units_set_unmapped(u, run.first, run.first + run.count);
}
