/* SPDX-License-Identifier: MIT */
/*
 * units.c - bit tables of mapped, held, kept, busy, dirty and muzzy units
 */
#include "units.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "os/base.h"
#include "os/bits.h"
#include "os/caps.h"
#include "os/check.h"
#include "os/os.h"

enum { BIT_TABLES = 10 + PAGES_AGES };

/* Side tables and their bookkeeping. -------------------------------------- */

int
pages_units_open(struct pages_units *u, struct pages_arena *arena, size_t max_splits)
{
	size_t count = arena->len / PAGES_UNIT, words = pages_bits_words(count);
	size_t bits_len = BIT_TABLES * words * sizeof(uint64_t);
	int err;

	*u = (struct pages_units){
		.arena = arena,
		.count = count,
		.splits = { .max = max_splits },
		.resident_max = SIZE_MAX,
		.moves = pages_can(PAGES_CAP_MOVE),
	};
	pages_arena_table(arena, bits_len, &u->bits);
	pages_arena_table(arena, count * sizeof(int32_t), &u->shifts);
	pages_arena_table(arena, count * pages_taints_of(u), &u->taints);
	err = pages_table_reach(arena, &u->bits, bits_len);
	if (err != 0)
		return err;
	u->mapped_bits = (uint64_t *)u->bits.start;
	u->held_bits = u->mapped_bits + words;
	u->kept_bits = u->held_bits + words;
	u->busy_bits = u->kept_bits + words;
	u->age_bits[0] = u->busy_bits + words;
	for (int i = 1; i < PAGES_AGES; i++)
		u->age_bits[i] = u->age_bits[i - 1] + words;
	u->stale_bits = u->age_bits[PAGES_AGES - 1] + words;
	u->dirty_bits = u->stale_bits + words;
	u->muzzy_bits = u->dirty_bits + words;
	u->taint_bits = u->muzzy_bits + words;
	u->fresh_bits = u->taint_bits + words;
	arena->small_bits = u->fresh_bits + words;
	u->splits.shift = (int32_t *)u->shifts.start;
	return 0;
}

void
pages_units_close(struct pages_units *u)
{
	size_t a = 0, end;

	for (; (a = pages_bits_find(u->mapped_bits, a, u->mapped_end, true)) < u->mapped_end; a = end) {
		end = pages_bits_find(u->mapped_bits, a, u->mapped_end, false);
		pages_arena_unmap(u->arena, a * PAGES_UNIT, (end - a) * PAGES_UNIT);
	}
	pages_table_close(u->arena, &u->bits);
	pages_table_close(u->arena, &u->shifts);
	pages_table_close(u->arena, &u->taints);
	u->arena->small_bits = NULL;
	*u = (struct pages_units){ 0 };
}

/* The excess does not count: it is purged before the request returns an address. */
void
pages_units_note_peaks(struct pages_units *u)
{
	u->peak_held = pages_max(u->peak_held, u->held);
	u->peak_resident = pages_max(u->peak_resident, u->held + u->kept + u->leaving -
				     pages_units_excess(u));
}

void
pages_units_add_kept(struct pages_units *u, size_t a, size_t b)
{
	pages_bits_clear(u->held_bits, a, b);
	pages_bits_set(u->kept_bits, a, b);
	u->kept += b - a;
	u->dirty += pages_bits_count(u->dirty_bits, a, b);
	u->kept_end = pages_max(u->kept_end, b);
}

size_t
pages_units_remove_kept(struct pages_units *u, size_t a, size_t b)
{
	size_t n = 0;

	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t kept = u->kept_bits[w] & pages_bits_mask(w, a, b);

		if (kept == 0)
			continue;
		n += pages_bits_popcount(kept);
		pages_units_forget_age(u, w, kept);
		if ((kept & u->dirty_bits[w]) != 0)
			u->dirty -= pages_bits_popcount(kept & u->dirty_bits[w]);
	}
	pages_bits_clear(u->kept_bits, a, b);
	pages_bits_clear(u->stale_bits, a, b);
	u->kept -= n;
	return n;
}

/* Asking. ------------------------------------------------------------------ */

size_t
pages_units_absent(const struct pages_units *u, size_t a, size_t b)
{
	size_t n = 0;

	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t absent = ~(u->held_bits[w] | u->kept_bits[w] | u->busy_bits[w]) &
				  pages_bits_mask(w, a, b);

		if (absent != 0)
			n += pages_bits_popcount(absent);
	}
	return n;
}

size_t
pages_units_count(const struct pages_units *u, size_t a, size_t b, bool held)
{
	return pages_bits_count(held ? u->held_bits : u->kept_bits, a, b);
}

size_t
pages_units_busy_end(const struct pages_units *u, size_t a, size_t b)
{
	size_t i = pages_bits_find(u->busy_bits, a, b, true);

	if (PAGES_LIKELY(i == b))
		return a;
	while (i < b) {
		a = pages_bits_find(u->busy_bits, i, b, false);
		i = pages_bits_find(u->busy_bits, a, b, true);
	}
	return a;
}

size_t
pages_units_dirty(const struct pages_units *u, size_t a, size_t b)
{
	size_t n = 0;

	for (size_t w = a / 64; w * 64 < b; w++)
		n += pages_bits_popcount(u->dirty_bits[w] & u->kept_bits[w] &
					 pages_bits_mask(w, a, b));
	return n;
}

/* The first unit of [a, b) that is kept and has its bit set, or is not so; or b. */
static size_t
find_kept(const struct pages_units *u, const uint64_t *bits, size_t a, size_t b, bool value)
{
	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t word = u->kept_bits[w] & bits[w];

		word = (value ? word : ~word) & pages_bits_mask(w, a, b);
		if (word != 0)
			return w * 64 + (size_t)__builtin_ctzll(word);
	}
	return b;
}

struct pages_unit_run
pages_units_kept(const struct pages_units *u, size_t a, size_t b, enum pages_which which)
{
	const uint64_t *const bits_of[] = {
		[PAGES_ALL] = u->kept_bits,
		[PAGES_OLD] = u->age_bits[PAGES_AGES - 1],
		[PAGES_DIRTY] = u->dirty_bits,
		[PAGES_STALE] = u->stale_bits,
	};
	const uint64_t *bits = bits_of[which];
	size_t end;

	b = pages_max(a, pages_min(b, u->kept_end));
	a = find_kept(u, bits, a, b, true);
	end = find_kept(u, bits, a, b, false);
	/* What is mapped anew gets the advice of one zone. */
	if (a < end)
		end = pages_bits_find(u->arena->small_bits, a, end,
				      !pages_bits_test(u->arena->small_bits, a));
	return (struct pages_unit_run){ a, end - a };
}

bool
pages_units_may_move(struct pages_units *u)
{
	if (u->watch && pages_os_is_hooked())
		atomic_store_explicit(&u->moves, false, memory_order_relaxed);
	return atomic_load_explicit(&u->moves, memory_order_relaxed);
}

size_t
pages_units_excess(const struct pages_units *u)
{
	size_t resident = u->held + u->kept;
	bool all = atomic_load_explicit(&u->keeps_all, memory_order_relaxed);
	size_t most = all ? u->resident_max : pages_min(u->peak_held, u->resident_max);

	return resident > most ? pages_min(resident - most, u->kept) : 0;
}

void
pages_units_ready(struct pages_units *u, size_t first, size_t count)
{
	pages_bits_clear(u->busy_bits, first, first + count);
	u->placing -= count;
	u->held += count;
}

/* Holding and keeping. ---------------------------------------------------- */

size_t
pages_units_reuse(struct pages_units *u, size_t a, size_t b)
{
	size_t n = 0;

	for (size_t w = a / 64; w * 64 < b; w++) {
		uint64_t firm = u->kept_bits[w] & ~u->muzzy_bits[w] & pages_bits_mask(w, a, b);

		if (firm == 0)
			continue;
		n += pages_bits_popcount(firm);
		u->dirty -= pages_bits_popcount(firm & u->dirty_bits[w]);
		u->kept_bits[w] &= ~firm;
		pages_units_forget_age(u, w, firm);
		u->stale_bits[w] &= ~firm;
		u->held_bits[w] |= firm;
	}
	u->kept -= n;
	u->held += n;
	u->reused += n;
	return n;
}

void
pages_units_keep(struct pages_units *u, size_t a, size_t b)
{
	while (a < b) {
		size_t end;

		a = pages_bits_find(u->held_bits, a, b, true);
		end = pages_bits_find(u->held_bits, a, b, false);
		pages_units_add_kept(u, a, end);
		u->held -= end - a;
		u->freed += end - a;
		a = end;
	}
}

void
pages_units_age(struct pages_units *u)
{
	size_t len = pages_bits_words(u->kept_end) * sizeof(*u->kept_bits);

	for (int i = PAGES_AGES - 1; i > 0; i--)
		memcpy(u->age_bits[i], u->age_bits[i - 1], len);
	memcpy(u->age_bits[0], u->kept_bits, len);
}

void
pages_units_age_dirty(struct pages_units *u)
{
	for (size_t w = 0; w < pages_bits_words(u->kept_end); w++)
		u->stale_bits[w] = u->kept_bits[w] & u->dirty_bits[w];
}

void
pages_units_set_dirty(struct pages_units *u, size_t a, size_t b)
{
	for (size_t w = a / 64; w * 64 < b; w++)
		u->dirty_bits[w] |= u->held_bits[w] & ~u->muzzy_bits[w] &
				    ~u->arena->small_bits[w] & pages_bits_mask(w, a, b);
}

void
pages_units_set_muzzy(struct pages_units *u, size_t a, size_t b)
{
	pages_bits_clear(u->dirty_bits, a, b);
	pages_bits_set(u->muzzy_bits, a, b);
}

void
pages_units_clear_marks(struct pages_units *u, size_t a, size_t b)
{
	pages_bits_clear(u->dirty_bits, a, b);
	pages_bits_clear(u->muzzy_bits, a, b);
}

void
pages_units_readmit(struct pages_units *u, size_t a, size_t b)
{
	PAGES_CHECK(pages_units_count(u, a, b, true) == b - a);
	pages_bits_clear(u->held_bits, a, b);
	pages_units_clear_marks(u, a, b);
	pages_splits_heal(&u->splits, a, b - a);
	u->held -= b - a;
	u->freed += b - a;
	u->returned += b - a;
}

/* Mapping. ---------------------------------------------------------------- */

void
pages_units_set_mapped(struct pages_units *u, size_t a, size_t b)
{
	PAGES_CHECK(pages_bits_count(u->mapped_bits, a, b) == 0);
	pages_bits_set_shared(u->mapped_bits, a, b);
	u->mapped += b - a;
	u->mapped_end = pages_max(u->mapped_end, b);
}

/* The neighbours of what is unmapped have no VMA to merge with, so there is no split. */
void
pages_units_set_unmapped(struct pages_units *u, size_t a, size_t b)
{
	u->mapped -= pages_bits_count(u->mapped_bits, a, b);
	pages_bits_clear_shared(u->mapped_bits, a, b);
	pages_units_clear_marks(u, a, b);
	pages_splits_heal(&u->splits, a, b - a);
	u->mapped_end = pages_bits_end(u->mapped_bits, u->mapped_end);
	pages_units_untaint(u, a, b);
}

void
pages_units_set_used(struct pages_units *u, size_t a, size_t b)
{
	pages_bits_clear(u->fresh_bits, a, b);
}

void
pages_units_set_small(struct pages_units *u, size_t a, size_t b)
{
	pages_bits_set_shared(u->arena->small_bits, a, b);
	pages_units_clear_marks(u, a, b);
}

/* Taints. ----------------------------------------------------------------- */

static uint64_t *
taints_of(const struct pages_units *u, size_t unit)
{
	return (uint64_t *)(void *)(u->taints.start + unit * pages_taints_of(u));
}

size_t
pages_units_ever_tainted(const struct pages_units *u, size_t a, size_t b)
{
	while (a < b) {
		uint64_t word = __atomic_load_n(&u->taint_bits[a / 64], __ATOMIC_RELAXED) >> a % 64;

		if (word != 0)
			return pages_min(b, a + (size_t)__builtin_ctzll(word));
		a = (a / 64 + 1) * 64;
	}
	return b;
}

bool
pages_units_are_tainted(const struct pages_units *u, size_t a, size_t b)
{
	for (; (a = pages_units_ever_tainted(u, a, b)) < b; a++)
		for (size_t w = 0; w < pages_taints_of(u) / sizeof(uint64_t); w++)
			if (__atomic_load_n(&taints_of(u, a)[w], __ATOMIC_RELAXED) != 0)
				return true;
	return false;
}

void
pages_units_untaint(const struct pages_units *u, size_t a, size_t b)
{
	for (; (a = pages_units_ever_tainted(u, a, b)) < b; a++)
		for (size_t w = 0; w < pages_taints_of(u) / sizeof(uint64_t); w++)
			__atomic_store_n(&taints_of(u, a)[w], 0, __ATOMIC_RELAXED);
}
