/* SPDX-License-Identifier: MIT */
/*
 * heap_changes.c - tests of what threads do while another one changes memory without the lock
 *
 * The other thread is stopped between planning and performing: one thread plays both.
 */
#include <errno.h>
#include <sys/wait.h>

#include "heap/impl.h"
#include "heap/cache.h"
#include "heap/lock.h"
#include "heap/place.h"
#include "os/bits.h"
#include "os/caps.h"
#include "heap_support.h"

#define CHANGES(name)                                     \
	static void name(void) PAGES_LOCK_UNCHECKED;      \
	TEST_WITH_FIXTURE(changes, name)

/* A block in the making, and the change that it waits for. */
struct making {
	struct pages_change *c;
	char *p;
	size_t len;
};

/* Kept memory at the low end, in whole units, and nothing behind the last block. */
static void
skip_without_moves(void)
{
	if (!pages_can(PAGES_CAP_MOVE))
		cr_skip_test("memory cannot be moved here");
}

static void
keep_memory(void)
{
	char *p;

	skip_without_moves();
	p = get(MIB(24));
	memset(p, 1, MIB(24));
	(void)get(KIB(64));
	pages_heap_free(&h, p);
	(void)pages_heap_tend(&h);
	cr_assert_geq(stats().kept_bytes, MIB(20));
}

/* Begin to place a block behind all others, in units that are absent, and stop. */
static struct making begin(size_t len) PAGES_LOCK_UNCHECKED;
static void go_on(struct making *m) PAGES_LOCK_UNCHECKED;

static struct making
begin(size_t len)
{
	size_t up = pages_heap_unit_pages(&h), pages = pages_heap_pages(&h, len);
	struct making m = { .len = len };
	uint32_t id;

	cr_assert(pages_heap_enter(&h));
	id = pages_heap_place_behind(&h, pages_round_up(pages, up));
	cr_assert_neq(id, 0);
	/* Half of its last unit is free for others. */
	cr_assert_neq(pages_extents_cut(&h.extents, id, (uint32_t)pages).count, 0);
	h.extents.node[id].used = (uint32_t)pages;
	h.stats.live_objects++;
	h.stats.requests++;
	pages_heap_count_live(&h, pages, 0);
	m.c = pages_heap_change(&h, id);
	m.p = pages_heap_address(&h, h.extents.node[id].first);
	cr_assert(pages_heap_prepare(&h, m.c, h.extents.node[id].first));
	/* What has to be mapped is not what this is about. */
	while (m.c->step[0].kind == PAGES_STEP_MAP) {
		pages_change_perform(&h.units, m.c);
		pages_change_settle(&h.units, m.c);
		cr_assert(pages_change_plan(&h.units, m.c));
	}
	cr_assert_eq(m.c->step[0].kind, PAGES_STEP_MOVE);
	pages_heap_unlock(&h);
	return m;
}

static void
go_on(struct making *m)
{
	cr_assert(pages_heap_perform(&h, m->c));
	cr_assert_eq(pages_heap_end(&h, m->c), 0);
	pages_heap_unlock(&h);
	cr_assert(pages_heap_valid(&h));
}

static bool
is_busy(const char *p, size_t len)
{
	size_t a = (size_t)(p - h.arena.base) / PAGES_UNIT;
	size_t b = (size_t)(p + len - 1 - h.arena.base) / PAGES_UNIT + 1;

	return pages_bits_count(h.units.busy_bits, a, b) != 0;
}

/* The other half of a unit looks held and is about to be replaced by a move. */
CHANGES(keep_others_out_of_a_unit_that_is_moved_to)
{
	enum { OTHERS = 40 };
	struct making m;
	char *p[OTHERS];

	keep_memory();
	m = begin(MIB(3));
	for (int i = 0; i < OTHERS; i++) {
		p[i] = get(KIB(300));
		mark(p[i], KIB(300), (uint64_t)i);
		cr_assert_not(is_busy(p[i], KIB(300)), "block %d lies in a busy unit", i);
	}
	go_on(&m);
	memset(m.p, 7, m.len);
	for (int i = 0; i < OTHERS; i++)
		cr_assert(is_marked(p[i], KIB(300), KIB(300), (uint64_t)i), "block %d", i);
}

/* A source looks free, and what is moved or placed there would be carried off. */
CHANGES(keep_others_out_of_a_unit_that_is_moved_from)
{
	enum { OTHERS = 12 };
	struct making m;
	char *p[OTHERS];

	keep_memory();
	m = begin(MIB(7));
	cr_assert(is_busy(h.arena.base + m.c->step[0].src * PAGES_UNIT, PAGES_UNIT));
	for (int i = 0; i < OTHERS; i++) {
		p[i] = pages_heap_alloc(&h, MIB(2) + KIB(4) * (size_t)i, i % 3 == 0 ? MIB(2) : 1, false);
		cr_assert_not_null(p[i]);
		mark(p[i], MIB(2), (uint64_t)i);
		cr_assert_not(is_busy(p[i], MIB(2)));
	}
	go_on(&m);
	for (int i = 0; i < OTHERS; i++)
		cr_assert(is_marked(p[i], MIB(2), MIB(2), (uint64_t)i), "block %d", i);
	pages_heap_free(&h, m.p);
}

/* Nor is it purged, unmapped, grown into or made a dedicated block's. */
CHANGES(keep_their_units_from_all_other_uses)
{
	const struct pages_dedicated plain = { 0, 0 };
	struct making m;
	char *p = get(MIB(1)), *q;
	void *d;

	keep_memory();
	m = begin(MIB(5));
	mark(p, MIB(1), 3);
	(void)pages_heap_trim(&h, 0);
	if (!h.arena.reserved)	/* or what lies behind would be gone for good */
		(void)pages_heap_release_space(&h, SIZE_MAX);
	q = pages_heap_resize(&h, p, MIB(30), true);
	cr_assert_not_null(q);
	cr_assert(is_marked(q, MIB(1), MIB(1), 3));
	cr_assert_not(is_busy(q, MIB(30)));
	cr_assert_eq(pages_heap_alloc_dedicated(&h, MIB(9), 1, plain, &d), 0);
	cr_assert_not(is_busy(d, MIB(9)));
	memset(d, 4, MIB(9));
	go_on(&m);
	memset(m.p, 7, m.len);
	cr_assert(is_marked(q, MIB(1), MIB(1), 3));
	pages_heap_free(&h, d);
	pages_heap_free(&h, q);
	pages_heap_free(&h, m.p);
	cr_assert(pages_heap_valid(&h));
}

static void
use_all(void)
{
	char *p = get(MIB(60)), *q = get(MIB(3));

	mark(p, MIB(60), 1);
	mark(q, MIB(3), 2);
	cr_assert(is_marked(p, MIB(60), MIB(60), 1));
	pages_heap_free(&h, p);
	pages_heap_free(&h, q);
	cr_assert(pages_heap_valid(&h));
}

/* A child has the change, but not the thread. */
CHANGES(are_undone_in_a_child)
{
	struct making m;
	int status;
	pid_t pid;

	keep_memory();
	m = begin(MIB(7));
	m.c->thread = 1;	/* another's */
	pages_heap_fork_prepare(&h);
	pid = fork();
	if (pid == 0) {
		pages_heap_fork_child(&h);
		cr_assert(pages_heap_valid(&h));
		cr_assert_eq(h.units.placing, 0);
		cr_assert_eq(h.units.leaving, 0);
		cr_assert_eq(pages_bits_count(h.units.busy_bits, 0, h.units.count), 0);
		cr_assert_eq(h.changes_used, 0);
		use_all();
		_exit(0);
	}
	pages_heap_fork_parent(&h);
	go_on(&m);
	memset(m.p, 7, m.len);
	use_all();
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

/* A signal handler forks that has interrupted the change: the thread goes on in the child. */
CHANGES(go_on_in_a_child_that_has_the_thread)
{
	struct making m;
	int status;
	pid_t pid;

	keep_memory();
	m = begin(MIB(7));
	pages_heap_fork_prepare(&h);
	pid = fork();
	if (pid == 0) {
		pages_heap_fork_child(&h);
		go_on(&m);
		memset(m.p, 7, m.len);
		use_all();
		_exit(0);
	}
	pages_heap_fork_parent(&h);
	go_on(&m);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(status, 0);
}

/* The lock cannot be had back: the request fails, and the next thread settles the change. */
CHANGES(that_cannot_be_settled_are_left_to_the_next_thread)
{
	struct making m;
	uint64_t live;

	keep_memory();
	live = stats().live_objects;
	m = begin(MIB(7));
	cr_assert(pages_lock_acquire(&h.lock));
	cr_assert_not(pages_heap_perform(&h, m.c));
	pages_lock_release(&h.lock);
	use_all();
	cr_assert_eq(h.changes_used, 0);
	cr_assert_eq(stats().live_objects, live);
}

/* Also if that one only reads the counters: a request that failed is none. */
CHANGES(that_were_left_are_settled_before_anything_is_counted)
{
	struct pages_stats st, before;
	struct making m;

	keep_memory();
	before = stats();
	m = begin(MIB(7));
	cr_assert(pages_lock_acquire(&h.lock));
	cr_assert_not(pages_heap_perform(&h, m.c));
	pages_lock_release(&h.lock);
	st = stats();
	cr_assert_eq(st.live_objects, before.live_objects);
	cr_assert_eq(st.frees, before.frees);
}

/* A block whose growth was left is as long as it was, and may be freed before that is settled. */
CHANGES(of_a_block_that_grows_are_left_when_it_is_freed)
{
	char *p = get(MIB(4));
	bool more = false;
	struct pages_change *c;

	mark(p, MIB(4), 1);
	cr_assert(pages_heap_enter(&h));
	c = pages_heap_grow(&h, pages_heap_find(&h, p, PAGES_EXTENT_LIVE),
			    (uint32_t)pages_heap_pages(&h, MIB(90)), &more);
	cr_assert(c != NULL && more);
	pages_heap_unlock(&h);
	cr_assert(pages_lock_acquire(&h.lock));
	cr_assert_not(pages_heap_perform(&h, c));
	cr_assert_eq(pages_heap_usable(&h, p), MIB(4));
	cr_assert(is_marked(p, MIB(4), MIB(4), 1));
	pages_heap_free(&h, p);
	pages_lock_release(&h.lock);
	use_all();
	cr_assert_eq(h.changes_used, 0);
}

/* What was carried to another place comes back. */
CHANGES(of_a_block_that_moves_bring_it_back_when_they_are_left)
{
	char *p = pages_heap_alloc(&h, MIB(20), MIB(2), false);
	size_t up = pages_heap_unit_pages(&h), pages;
	struct pages_change *c;
	uint32_t old, id;

	skip_without_moves();
	mark(p, MIB(20), 5);
	cr_assert(pages_heap_enter(&h));
	old = pages_heap_find(&h, p, PAGES_EXTENT_LIVE);
	pages = h.extents.node[old].used;
	id = pages_heap_place_behind(&h, 2 * pages);
	cr_assert_neq(id, 0);
	h.extents.node[id].note.hollow = true;
	c = pages_heap_change(&h, id);
	c->carry_src = h.extents.node[old].first / up;
	c->carry = (struct pages_unit_run){ h.extents.node[id].first / up, pages / up };
	cr_assert(pages_heap_prepare(&h, c, h.extents.node[id].first));
	while (c->step[0].kind == PAGES_STEP_MAP) {
		pages_change_perform(&h.units, c);
		pages_change_settle(&h.units, c);
		cr_assert(pages_change_plan(&h.units, c));
	}
	cr_assert_eq(c->step[0].kind, PAGES_STEP_CARRY);
	pages_heap_unlock(&h);
	cr_assert(pages_lock_acquire(&h.lock));
	cr_assert_not(pages_heap_perform(&h, c));
	cr_assert(is_marked(p, MIB(20), MIB(20), 5));
	pages_lock_release(&h.lock);
	use_all();
	cr_assert(is_marked(p, MIB(20), MIB(20), 5));
	cr_assert_eq(h.changes_used, 0);
	pages_heap_free(&h, p);
	use_all();
}

/* As soon as units are unmapped, the program may map something there, and must keep it. */
CHANGES(own_no_units_that_are_about_to_be_unmapped)
{
	struct pages_change *c;
	size_t last;
	char *p, *q;

	p = get(MIB(24));
	q = get(MIB(24));
	pages_heap_free(&h, q);
	cr_assert(pages_heap_enter(&h));
	pages_heap_flush_caches(&h);
	c = pages_heap_change(&h, 0);
	last = h.units.mapped_end - 1;
	pages_change_take(&h.units, c, PAGES_STEP_UNMAP, (struct pages_unit_run){ last, 1 });
	pages_heap_unlock(&h);

	/* Another change ends meanwhile, which sets how far the heap reaches. */
	pages_heap_free(&h, get(MIB(1)));
	cr_assert_not(pages_heap_owns(&h, h.arena.base + last * PAGES_UNIT));
	cr_assert(pages_heap_owns(&h, p));

	cr_assert(pages_heap_perform(&h, c));
	cr_assert_eq(pages_heap_end(&h, c), 0);
	pages_heap_unlock(&h);
	cr_assert(pages_heap_valid(&h));
	cr_assert_not(pages_heap_owns(&h, h.arena.base + last * PAGES_UNIT));
}
