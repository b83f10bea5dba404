/* SPDX-License-Identifier: MIT */
/*
 * perform.c - the system calls of a change: performs them without the lock, undoes them in a child
 */
#include <errno.h>
#include <string.h>

#include "abort.h"
#include "change.h"
#include "probe.h"
#include "os/base.h"
#include "os/bits.h"
#include "os/caps.h"
#include "os/muzzy.h"
#include "os/os.h"

static char *
address(const struct pages_units *u, size_t unit)
{
	return u->arena->base + unit * PAGES_UNIT;
}

/* At a limit the kernel may refuse the generous step and grant the exact one: EMPTIED. */
static enum pages_fate
map(const struct pages_units *u, struct pages_change *c, const struct pages_step *s)
{
	size_t start = s->first * PAGES_UNIT, len = s->count * PAGES_UNIT;
	int err;

	if (pages_arena_map(u->arena, start, len + s->extra * PAGES_UNIT) == 0)
		return PAGES_DONE;
	err = pages_arena_map(u->arena, start, len);
	if (err == 0)
		return PAGES_EMPTIED;
	c->err = err;
	return PAGES_REFUSED;
}

static enum pages_fate
move(const struct pages_units *u, const struct pages_step *s)
{
	char *from = address(u, s->src), *to = address(u, s->first);
	size_t len = s->count * PAGES_UNIT;
	int err = pages_os_move(from, to, len);

	if (err == 0) {
		pages_probe_move(from, to, len);
		if (s->muzzy)
			pages_muzzy_unmark(to, len);
		return PAGES_DONE;
	}
	err = pages_arena_heal(u->arena, s->first * PAGES_UNIT, len);
	return err == -EFAULT ? PAGES_GONE : err == 0 ? PAGES_EMPTIED : PAGES_REFUSED;
}

static int
renew(const struct pages_units *u, const struct pages_step *s)
{
	int err = pages_arena_renew(u->arena, s->first * PAGES_UNIT, s->count * PAGES_UNIT);

	if (err == 0)
		pages_units_untaint(u, s->first, s->first + s->count);
	return err;
}

/* Free memory that is tainted may be inaccessible, so it is not read.  0 or -errno. */
static int
renew_tainted(const struct pages_units *u, const struct pages_step *s)
{
	if (PAGES_LIKELY(!pages_units_are_tainted(u, s->first, s->first + s->count)))
		return 0;
	return renew(u, s);
}

/* Units that were moved are mapped anew, which ends their VMA splits, as are tainted ones. */
static enum pages_fate
try_drop(const struct pages_units *u, const struct pages_step *s)
{
	size_t start = s->first * PAGES_UNIT, len = s->count * PAGES_UNIT, i = s->first;
	int err;

	while (i < s->first + s->count && u->splits.shift[i] == 0 &&
	       !pages_units_are_tainted(u, i, i + 1))
		i++;
	err = i < s->first + s->count ? renew(u, s) : pages_arena_discard(u->arena, start, len);
	if (err == 0 || err == -EFAULT)
		return err == 0 ? PAGES_DONE : PAGES_GONE;
	/* Over a limit no mapping can be made afresh: the memory goes, and the splits stay. */
	if (pages_can(PAGES_CAP_DISCARD) && pages_os_discard(u->arena->base + start, len) == 0)
		return PAGES_EMPTIED;
	return PAGES_REFUSED;
}

static enum pages_fate
drop(const struct pages_units *u, const struct pages_step *s)
{
	enum pages_fate fate = try_drop(u, s);

	if (fate != PAGES_REFUSED)
		pages_probe_purge(address(u, s->first), s->count * PAGES_UNIT, PAGES_PURGED_NOW);
	return fate;
}

static enum pages_fate
mark(const struct pages_units *u, const struct pages_step *s)
{
	char *p = address(u, s->first);
	size_t len = s->count * PAGES_UNIT;

	if (renew_tainted(u, s) != 0 || !pages_muzzy_mark(p, len))
		return PAGES_REFUSED;
	pages_probe_purge(p, len, PAGES_PURGED_LAZILY);
	return PAGES_DONE;
}

static enum pages_fate
perform(const struct pages_units *u, struct pages_change *c, const struct pages_step *s)
{
	char *p = address(u, s->first);
	size_t len = s->count * PAGES_UNIT;

	switch ((enum pages_step_kind)s->kind) {
	case PAGES_STEP_MAP:
		return map(u, c, s);
	case PAGES_STEP_MOVE:
	case PAGES_STEP_CARRY:
		return move(u, s);
	case PAGES_STEP_UNMARK:
		c->err = renew_tainted(u, s);
		if (c->err == 0)
			pages_muzzy_unmark(p, len);
		return PAGES_DONE;
	case PAGES_STEP_MARK:
		return mark(u, s);
	case PAGES_STEP_DROP:
		return drop(u, s);
	case PAGES_STEP_UNMAP:
		pages_arena_unmap(u->arena, s->first * PAGES_UNIT, len);
		pages_probe_purge(p, len, PAGES_PURGED_UNMAPPED);
	}
	return PAGES_DONE;
}

void
pages_change_perform(const struct pages_units *u, struct pages_change *c)
{
	bool carry = true;

	for (struct pages_step *s = c->step; s < c->step + c->steps; s++) {
		/* What is carried is the first part of a block, without gaps. */
		if (s->kind == PAGES_STEP_CARRY && !carry) {
			s->fate = PAGES_REFUSED;
			continue;
		}
		s->fate = (uint8_t)perform(u, c, s);
		if (s->kind == PAGES_STEP_CARRY)
			carry = s->fate == PAGES_DONE;
	}
}

/* Handing over. ----------------------------------------------------------- */

/* How many units at a time: there must be address space for so many more.  At a limit, one. */
enum { HAND = 16 };

/* How often to try to undo a move. */
enum { TRIES = 100 };

/* Bring n units to dst, where nothing is mapped.  0, or -errno and nothing has changed. */
static int
hand(const struct pages_units *u, size_t src, size_t dst, size_t n)
{
	size_t len = n * PAGES_UNIT;
	int err = pages_os_fill(address(u, dst), len, PAGES_OS_READ | PAGES_OS_WRITE);

	if (err != 0)
		return err;
	err = pages_os_resize_to(address(u, src), len, len, address(u, dst));
	if (err != 0)
		pages_os_release(address(u, dst), len);
	else
		pages_probe_move(address(u, src), address(u, dst), len);
	return err;
}

/*
 * The unit at from is copied to its place.  A refused move has left that mapped, or a hole:
 * mprotect fails if it is one.
 */
static bool
copy_back(const struct pages_units *u, size_t src, char *from)
{
	char *to = address(u, src);

	if (pages_os_protect(to, PAGES_UNIT, PAGES_OS_READ | PAGES_OS_WRITE) != 0 &&
	    pages_os_fill(to, PAGES_UNIT, PAGES_OS_READ | PAGES_OS_WRITE) != 0)
		return false;
	pages_arena_adopt(u->arena, src * PAGES_UNIT, PAGES_UNIT);
	memcpy(to, from, PAGES_UNIT);
	pages_os_release(from, PAGES_UNIT);
	return true;
}

/*
 * A unit comes back to the place that it has left.  Where a limit does not let that be mapped it
 * is taken for a hole: the kernel puts nothing there unless it is told to, and the move counts
 * towards no limit.  If moves are refused, by the limit of mappings for one, a copy will do.
 * What the kernel refuses now it may grant presently.
 */
static void
hand_back(const struct pages_units *u, size_t src, size_t dst)
{
	char *from = address(u, dst), *to = address(u, src);
	bool ours = false;

	for (unsigned i = 0; i < TRIES; i++) {
		int err = pages_os_fill(to, PAGES_UNIT, PAGES_OS_READ | PAGES_OS_WRITE);

		ours |= err == 0;
		if (err == -EEXIST && !ours)
			break;
		if (pages_os_resize_to(from, PAGES_UNIT, PAGES_UNIT, to) == 0) {
			pages_probe_move(from, to, PAGES_UNIT);
			return;
		}
		if (ours && copy_back(u, src, from))
			return;
	}
	/* There is neither a way on nor back: better no process than one with half of a block. */
	pages_heap_abort("realloc(): a block could not be moved back");
}

void
pages_change_hand_back(const struct pages_units *u, struct pages_change *c)
{
	while (c->handed != 0) {
		c->handed--;
		hand_back(u, c->carry_src + c->handed, c->carry.first + c->handed);
	}
}

void
pages_change_hand_over(const struct pages_units *u, struct pages_change *c)
{
	size_t most = HAND;

	while (c->err == 0 && c->handed < c->carry.count) {
		size_t src = c->carry_src + c->handed, dst = c->carry.first + c->handed;
		size_t n = pages_min(pages_splits_alike(&u->splits, src, c->carry.count - c->handed),
				     most);
		int err = n != 0 ? hand(u, src, dst, n) : -EINVAL;

		if (err == 0)
			c->handed += n;
		else if (err != -EEXIST && n > 1)
			most = 1;
		else
			c->err = err;
	}
	if (c->err != 0)
		pages_change_hand_back(u, c);
}

/* Undoing. ---------------------------------------------------------------- */

void
pages_change_carry_back(const struct pages_units *u, struct pages_change *c)
{
	size_t n = c->carried;

	if (c->carried_back)
		return;
	for (const struct pages_step *s = c->step; s < c->step + c->steps; s++)
		n += s->kind == PAGES_STEP_CARRY && s->fate == PAGES_DONE ? s->count : 0;
	memcpy(address(u, c->carry_src), address(u, c->carry.first), n * PAGES_UNIT);
	c->carried_back = true;
}

/* Busy units [a, b) may be anything: make them nothing. */
static void
lose(struct pages_units *u, size_t a, size_t b) PAGES_LOCKED
{
	pages_arena_unmap(u->arena, a * PAGES_UNIT, (b - a) * PAGES_UNIT);
	pages_bits_clear(u->busy_bits, a, b);
	pages_units_set_unmapped(u, a, b);
}

static void
undo(struct pages_units *u, const struct pages_step *s) PAGES_LOCKED
{
	size_t first = s->first, end = first + s->count;

	switch ((enum pages_step_kind)s->kind) {
	case PAGES_STEP_MAP:
		lose(u, end, end + s->extra);
		break;
	case PAGES_STEP_MOVE:
		u->leaving -= s->count;
		lose(u, s->src, s->src + s->count);
		break;
	case PAGES_STEP_MARK:
	case PAGES_STEP_DROP:
	case PAGES_STEP_UNMAP:
		u->leaving -= s->src;
		lose(u, first, end);
		break;
	default:
		break;
	}
}

void
pages_change_undo(struct pages_units *u, struct pages_change *c)
{
	u->placing -= c->carried;
	u->held += c->carried;
	for (const struct pages_step *s = c->step; s < c->step + c->steps; s++)
		undo(u, s);
	for (size_t i = c->a; (i = pages_bits_find(u->busy_bits, i, c->b, true)) < c->b; i++) {
		pages_bits_clear(u->held_bits, i, i + 1);
		u->placing--;
		u->leaving -= pages_bits_test(u->muzzy_bits, i);
		lose(u, i, i + 1);
	}
}
