/* SPDX-License-Identifier: MIT */
/*
 * extents.c - the tree of free extents (a treap), the table of edges, and their records
 */
#include "extents.h"

#include <errno.h>

#include "os/base.h"

/* Pages of arena for each record: even blocks of 64 KiB need far fewer records than that. */
#define PAGES_PER_RECORD 4

/* The tables reach so many pages further than is needed: a call for 64 MiB of arena. */
#define REACH_STEP 16384

/* The tree. --------------------------------------------------------------- */

/* A hash of the id is as good as random, and needs no storage. */
static uint32_t
priority(uint32_t id)
{
	return pages_hash_32(id);
}

static bool
less(const struct pages_extents *x, uint32_t a, uint16_t zone, uint32_t count, uint32_t first)
{
	const struct pages_extent *e = &x->node[a];

	if (PAGES_UNLIKELY(e->zone != zone))
		return e->zone < zone;
	return e->count != count ? e->count < count : e->first < first;
}

static bool
precedes(const struct pages_extents *x, uint32_t a, const struct pages_extent *e)
{
	return less(x, a, e->zone, e->count, e->first);
}

static void
insert(struct pages_extents *x, uint32_t id)
{
	struct pages_extent *node = x->node, *e = &node[id];
	uint32_t *link = &x->root, *left = &e->left, *right = &e->right;
	uint32_t t;

	pages_extent_set_state(e, PAGES_EXTENT_FREE);
	while (*link != 0 && priority(*link) >= priority(id))
		link = precedes(x, *link, e) ? &node[*link].right : &node[*link].left;

	/* Split the subtree here into nodes less than the new one and nodes greater. */
	t = *link;
	*link = id;
	while (t != 0) {
		if (precedes(x, t, e)) {
			*left = t;
			left = &node[t].right;
			t = *left;
		} else {
			*right = t;
			right = &node[t].left;
			t = *right;
		}
	}
	*left = 0;
	*right = 0;
}

static void
erase(struct pages_extents *x, uint32_t id)
{
	struct pages_extent *node = x->node, *e = &node[id];
	uint32_t *link = &x->root;
	uint32_t a = e->left, b = e->right;

	while (*link != id)
		link = precedes(x, *link, e) ? &node[*link].right : &node[*link].left;

	while (a != 0 && b != 0) {
		if (priority(a) >= priority(b)) {
			*link = a;
			link = &node[a].right;
			a = *link;
		} else {
			*link = b;
			link = &node[b].left;
			b = *link;
		}
	}
	*link = a != 0 ? a : b;
}

uint32_t
pages_extents_next(const struct pages_extents *x, enum pages_zone zone, uint32_t count,
		   uint32_t first)
{
	uint32_t t = x->root, best = 0;

	while (t != 0) {
		if (less(x, t, (uint16_t)zone, count, first)) {
			t = x->node[t].right;
		} else {
			best = t;
			t = x->node[t].left;
		}
	}
	return best != 0 && x->node[best].zone == (uint16_t)zone ? best : 0;
}

/* Records and the edge table. --------------------------------------------- */

static uint32_t
new_record(struct pages_extents *x)
{
	uint32_t id = x->spare;

	if (id != 0) {
		x->spare = x->node[id].left;
		return id;
	}
	return x->nodes < x->nodes_max ? x->nodes++ : 0;
}

static void
drop_record(struct pages_extents *x, uint32_t id)
{
	if (id == 0)
		return;
	x->node[id] = (struct pages_extent){ .state = PAGES_EXTENT_SPARE, .left = x->spare };
	x->spare = id;
}

static void
set_edge(struct pages_extents *x, uint32_t page, uint32_t id)
{
	__atomic_store_n(&x->edge[page], id, __ATOMIC_RELAXED);
}

/*
 * The owner of a live block may be reading its record meanwhile, without the lock: when a growth
 * that it has left is undone.  So where a block begins is written only if it changes.
 */
static void
set_span(struct pages_extents *x, uint32_t id, uint32_t first, uint32_t count)
{
	struct pages_extent *e = &x->node[id];

	if (e->first != first)
		e->first = first;
	__atomic_store_n(&e->count, count, __ATOMIC_RELAXED);
	set_edge(x, first, id);
	if (first + count == x->pages)
		x->last = id;
	if (first + count <= x->reach)
		set_edge(x, first + count - 1, id);
}

/* The free extent of the same zone as e that begins (or ends) at page, or 0. */
static uint32_t
free_at(const struct pages_extents *x, uint32_t page, const struct pages_extent *e)
{
	uint32_t id = page < x->reach ? x->edge[page] : 0;

	return id != 0 && pages_extent_state(&x->node[id]) == PAGES_EXTENT_FREE &&
	       x->node[id].zone == e->zone ? id : 0;
}

/* Free extent id, joining it with its free neighbours. */
static struct pages_span
join_and_insert(struct pages_extents *x, uint32_t id)
{
	const struct pages_extent *e = &x->node[id];
	uint32_t first = e->first, end = first + e->count;
	uint32_t before = first > 0 ? free_at(x, first - 1, e) : 0;
	uint32_t after = free_at(x, end, e);

	if (before != 0) {
		first = x->node[before].first;
		erase(x, before);
		drop_record(x, before);
	}
	if (after != 0) {
		end += x->node[after].count;
		erase(x, after);
		drop_record(x, after);
	}
	set_span(x, id, first, end - first);
	insert(x, id);
	return (struct pages_span){ first, end - first };
}

/* The interface. ---------------------------------------------------------- */

static size_t
records_for(size_t pages)
{
	return pages / PAGES_PER_RECORD + 2;
}

/*
 * Make the tables reach page end, which is where a free extent may begin.  An extent that ends
 * where they ended before gets its entry.
 */
static int
reach(struct pages_extents *x, size_t end)
{
	size_t pages = pages_min(pages_round_up(end + 1, REACH_STEP), x->pages);
	int err;

	if (PAGES_LIKELY(pages <= x->reach))
		return 0;
	err = pages_table_reach(x->arena, &x->edges, pages * sizeof(*x->edge));
	if (err == 0)
		err = pages_table_reach(x->arena, &x->records, records_for(pages) * sizeof(*x->node));
	if (err != 0)
		return err;
	x->nodes_max = (uint32_t)records_for(pages);
	__atomic_store_n(&x->reach, (uint32_t)pages, __ATOMIC_RELAXED);
	if (x->last != 0 && pages == x->pages)
		x->edge[pages - 1] = x->last;
	return 0;
}

int
pages_extents_open(struct pages_extents *x, struct pages_arena *arena)
{
	size_t pages = arena->len >> arena->page_shift;
	int err;

	if (pages == 0 || pages > UINT32_MAX - REACH_STEP)
		return -EINVAL;
	*x = (struct pages_extents){
		.nodes = 2,
		.pages = (uint32_t)pages,
		.arena = arena,
	};
	pages_arena_table(arena, pages * sizeof(*x->edge), &x->edges);
	pages_arena_table(arena, records_for(pages) * sizeof(*x->node), &x->records);
	x->edge = (uint32_t *)x->edges.start;
	x->node = (struct pages_extent *)x->records.start;
	err = reach(x, 0);
	if (err != 0) {
		pages_extents_close(x);
		return err;
	}
	set_span(x, 1, 0, x->pages);
	insert(x, 1);
	return 0;
}

void
pages_extents_close(struct pages_extents *x)
{
	pages_table_close(x->arena, &x->edges);
	pages_table_close(x->arena, &x->records);
	*x = (struct pages_extents){ 0 };
}

bool
pages_extents_place(const struct pages_extents *x, uint32_t id, const struct pages_want *want,
		    uint32_t from, uint32_t *ret_first)
{
	const struct pages_extent *e = &x->node[id];
	uint32_t end = e->first + e->count, first = from > e->first ? from : e->first;
	uint32_t skip = (want->offset - first) & (want->align - 1);

	if (first > end || skip > end - first || end - first - skip < want->count)
		return false;
	*ret_first = first + skip;
	return true;
}

uint32_t
pages_extents_take(struct pages_extents *x, uint32_t id, uint32_t first, uint32_t count)
{
	struct pages_extent *e = &x->node[id];
	uint32_t head = first - e->first, tail = e->count - head - count;
	uint32_t head_id, tail_id;

	assert(pages_extent_state(e) == PAGES_EXTENT_FREE && head + count <= e->count);
	if (reach(x, (size_t)first + count) != 0)
		return 0;
	head_id = head != 0 ? new_record(x) : 0;
	tail_id = tail != 0 ? new_record(x) : 0;
	if ((head != 0 && head_id == 0) || (tail != 0 && tail_id == 0)) {
		drop_record(x, head_id);
		return 0;
	}

	erase(x, id);
	if (head != 0) {
		x->node[head_id].zone = e->zone;
		set_span(x, head_id, e->first, head);
		insert(x, head_id);
	}
	if (tail != 0) {
		x->node[tail_id].zone = e->zone;
		set_span(x, tail_id, first + count, tail);
		insert(x, tail_id);
	}
	set_span(x, id, first, count);
	e->used = count;
	e->colour = 0;
	e->note = (struct pages_note){ .tick = 0 };
	pages_extent_set_state(e, PAGES_EXTENT_LIVE);
	return id;
}

struct pages_span
pages_extents_give(struct pages_extents *x, uint32_t id)
{
	return join_and_insert(x, id);
}

bool
pages_extents_extend(struct pages_extents *x, uint32_t id, uint32_t count)
{
	struct pages_extent *e = &x->node[id];
	uint32_t end = e->first + e->count;
	uint32_t after = free_at(x, end, e);
	uint32_t room = after != 0 ? x->node[after].count : 0;

	if (room < count || reach(x, (size_t)end + count) != 0)
		return false;
	erase(x, after);
	if (room > count) {
		set_span(x, after, end + count, room - count);
		insert(x, after);
	} else {
		drop_record(x, after);
	}
	set_span(x, id, e->first, e->count + count);
	return true;
}

uint32_t
pages_extents_split(struct pages_extents *x, uint32_t id, uint32_t keep)
{
	struct pages_extent *e = &x->node[id];
	uint32_t rest = e->count - keep;
	uint32_t tail = new_record(x);

	assert(keep > 0 && keep < e->count);
	if (tail == 0)
		return 0;
	x->node[tail].zone = e->zone;
	pages_extent_set_state(&x->node[tail], pages_extent_state(e));
	set_span(x, id, e->first, keep);
	set_span(x, tail, e->first + keep, rest);
	return tail;
}

struct pages_span
pages_extents_cut(struct pages_extents *x, uint32_t id, uint32_t keep)
{
	uint32_t tail = pages_extents_split(x, id, keep);

	return tail != 0 ? join_and_insert(x, tail) : (struct pages_span){ 0, 0 };
}

uint32_t
pages_extents_take_behind(struct pages_extents *x, uint32_t id, uint32_t count)
{
	const struct pages_extent *e = &x->node[id];
	uint32_t end = e->first + e->count, next = free_at(x, end, e);

	if (next == 0 || x->node[next].count < count)
		return 0;
	next = pages_extents_take(x, next, end, count);
	if (next != 0)
		pages_extent_set_state(&x->node[next], pages_extent_state(e));
	return next;
}

void
pages_extents_absorb(struct pages_extents *x, uint32_t id, uint32_t next)
{
	uint32_t count = x->node[next].count;

	drop_record(x, next);
	set_span(x, id, x->node[id].first, x->node[id].count + count);
}

/* The number of nodes in subtree t, or -1 if its order or its heap property is broken. */
static long
count_tree(const struct pages_extents *x, uint32_t t)
{
	const struct pages_extent *e = &x->node[t];
	long l, r;

	if (t == 0)
		return 0;
	if (pages_extent_state(e) != PAGES_EXTENT_FREE ||
	    (e->left != 0 && (!precedes(x, e->left, e) ||
			      priority(e->left) > priority(t))) ||
	    (e->right != 0 && (precedes(x, e->right, e) ||
			       priority(e->right) > priority(t))))
		return -1;
	l = count_tree(x, e->left);
	r = count_tree(x, e->right);
	return l < 0 || r < 0 ? -1 : l + r + 1;
}

bool
pages_extents_valid(const struct pages_extents *x)
{
	uint32_t page, id = 0;
	int free_zone = -1;	/* of the extent before, if that is free */
	long free_extents = 0;

	for (page = 0; page < x->pages; page += x->node[id].count) {
		const struct pages_extent *e;
		bool is_free;

		id = x->edge[page];
		e = &x->node[id];
		is_free = pages_extent_state(e) == PAGES_EXTENT_FREE;
		if (id == 0 || e->first != page || e->count == 0 || e->count > x->pages - page ||
		    (page + e->count <= x->reach && x->edge[page + e->count - 1] != id) ||
		    (page + e->count == x->pages) != (id == x->last) ||
		    pages_extent_state(e) == PAGES_EXTENT_SPARE ||
		    (is_free && e->zone == free_zone) || (!is_free && e->used > e->count))
			return false;
		free_extents += is_free;
		free_zone = is_free ? e->zone : -1;
	}
	return count_tree(x, x->root) == free_extents;
}
