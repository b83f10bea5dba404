/* SPDX-License-Identifier: MIT */
/*
 * settle.c - settles changes of memory: puts units back by how their steps ended, or abandons them
 */
#include "change.h"

#include "os/base.h"
#include "os/bits.h"

static void
settle_map(struct pages_units *u, const struct pages_step *s) PAGES_LOCKED
{
	size_t end = s->first + s->count, most = end + s->extra;

	pages_bits_clear(u->busy_bits, end, most);
	if (s->fate == PAGES_DONE)
		pages_units_set_mapped(u, s->first, most);
	else if (s->fate == PAGES_EMPTIED)
		pages_units_set_mapped(u, s->first, end);
}

/* n units were moved from src to dst: move their bits along, and clear them at src. */
static void
carry_bits(uint64_t *bits, size_t src, size_t dst, size_t n)
{
	for (size_t k = 0; k < n; k++)
		if (pages_bits_test(bits, src + k))
			pages_bits_set(bits, dst + k, dst + k + 1);
	pages_bits_clear(bits, src, src + n);
}

/*
 * A destination after a refused move is mapped afresh, not mapped, or has any contents: that is
 * memory now, although nothing was counted as moved.
 */
static void
settle_refused(struct pages_units *u, struct pages_change *c,
	       const struct pages_step *s) PAGES_LOCKED
{
	u->refused_moves++;
	c->still = true;
	if (s->fate == PAGES_GONE)
		pages_units_set_unmapped(u, s->first, s->first + s->count);
	else if (s->fate == PAGES_EMPTIED)
		pages_splits_heal(&u->splits, s->first, s->count);
	else
		pages_bits_set(u->dirty_bits, s->first, s->first + s->count);
}

static void
settle_move(struct pages_units *u, struct pages_change *c, const struct pages_step *s) PAGES_LOCKED
{
	size_t src = s->src, n = s->count;

	pages_bits_clear(u->busy_bits, src, src + n);
	u->leaving -= n;
	if (s->fate != PAGES_DONE) {
		pages_units_add_kept(u, src, src + n);
		settle_refused(u, c, s);
		return;
	}
	pages_splits_move(&u->splits, src, s->first, n);
	carry_bits(u->dirty_bits, src, s->first, n);
	pages_bits_clear(u->muzzy_bits, src, src + n);
	if (s->muzzy) {	/* to be marked again, even what its next owner never writes to */
		pages_bits_set(u->dirty_bits, s->first, s->first + n);
		u->unmarked += n;
	}
	pages_units_ready(u, s->first, n);
	u->moved += n;
	u->moved_free += n;
}

/* n units of the block have come from src to dst, which is mapped, and are busy no longer. */
static void
count_carried(struct pages_units *u, struct pages_change *c, size_t src, size_t dst,
	      size_t n) PAGES_LOCKED
{
	/* src stays held until the end, so that the way back is open. */
	pages_splits_move(&u->splits, src, dst, n);
	pages_bits_clear(u->dirty_bits, dst, dst + n);
	pages_units_set_dirty(u, dst, dst + n);
	pages_bits_clear(u->busy_bits, dst, dst + n);
	u->moved += n;
	c->carried += n;
}

static void
settle_carry(struct pages_units *u, struct pages_change *c, const struct pages_step *s) PAGES_LOCKED
{
	if (s->fate == PAGES_DONE)
		count_carried(u, c, s->src, s->first, s->count);
	else
		settle_refused(u, c, s);
}

void
pages_change_settle_handed(struct pages_units *u, struct pages_change *c)
{
	size_t dst = c->carry.first;

	pages_units_set_mapped(u, dst, dst + c->handed);
	count_carried(u, c, c->carry_src, dst, c->handed);
}

void
pages_change_finish(struct pages_units *u, struct pages_change *c)
{
	size_t a = c->carry_src, b = a + c->carried;

	pages_bits_clear(u->held_bits, a, b);
	if (c->handed != 0)
		pages_units_set_unmapped(u, a, b);
	else
		pages_units_clear_marks(u, a, b);
	u->placing -= c->carried;
}

static void
settle_unmark(struct pages_units *u, const struct pages_step *s) PAGES_LOCKED
{
	u->leaving -= s->count;
	u->reused += s->count;
	u->unmarked += s->count;
	pages_bits_clear(u->muzzy_bits, s->first, s->first + s->count);
	pages_bits_set(u->dirty_bits, s->first, s->first + s->count);
	pages_units_ready(u, s->first, s->count);
}

static void
settle_purge(struct pages_units *u, struct pages_change *c,
	     const struct pages_step *s) PAGES_LOCKED
{
	size_t first = s->first, end = first + s->count;

	pages_bits_clear(u->busy_bits, first, end);
	u->leaving -= s->src;
	c->done += s->fate != PAGES_REFUSED ? s->count : 0;
	if (s->kind == PAGES_STEP_MARK || s->fate == PAGES_REFUSED) {
		if (s->fate == PAGES_DONE)
			pages_units_set_muzzy(u, first, end);
		pages_units_add_kept(u, first, end);
		/* The purge may end here, and leave what is in excess. */
		u->peak_resident = pages_max(u->peak_resident, u->held + u->kept + u->leaving);
		return;
	}
	u->returned += s->src;
	pages_units_clear_marks(u, first, end);
	if (s->fate == PAGES_GONE)
		pages_units_set_unmapped(u, first, end);
	else if (s->fate == PAGES_DONE && s->kind != PAGES_STEP_UNMAP)
		pages_splits_heal(&u->splits, first, s->count);
}

void
pages_change_settle(struct pages_units *u, struct pages_change *c)
{
	for (const struct pages_step *s = c->step; s < c->step + c->steps; s++) {
		switch ((enum pages_step_kind)s->kind) {
		case PAGES_STEP_MAP:
			settle_map(u, s);
			break;
		case PAGES_STEP_MOVE:
			settle_move(u, c, s);
			break;
		case PAGES_STEP_CARRY:
			settle_carry(u, c, s);
			break;
		case PAGES_STEP_UNMARK:
			settle_unmark(u, s);
			break;
		default:
			settle_purge(u, c, s);
		}
	}
	c->steps = 0;
	pages_units_note_peaks(u);
}

void
pages_change_abandon(struct pages_units *u, struct pages_change *c)
{
	/* Both ends of what was carried there and back are held. */
	u->placing -= c->carried;
	u->held += c->carried;
	u->fresh += c->carried;
	for (size_t i = c->a; (i = pages_bits_find(u->busy_bits, i, c->b, true)) < c->b; i++) {
		pages_bits_clear(u->busy_bits, i, i + 1);
		pages_bits_clear(u->held_bits, i, i + 1);
		u->placing--;
		if (pages_bits_test(u->muzzy_bits, i)) {
			u->leaving--;
			pages_units_add_kept(u, i, i + 1);
		} else if (pages_bits_test(u->dirty_bits, i)) {
			u->fresh++;
			u->freed++;
			/* It may have been muzzy, and is to be treated so. */
			pages_bits_clear(u->dirty_bits, i, i + 1);
			if (!pages_bits_test(u->arena->small_bits, i))
				pages_bits_set(u->muzzy_bits, i, i + 1);
			pages_units_add_kept(u, i, i + 1);
		}
	}
	pages_units_note_peaks(u);
}
