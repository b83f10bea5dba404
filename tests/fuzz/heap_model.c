/* SPDX-License-Identifier: MIT */
#include "heap_model.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "heap/malloc_impl.h"
#include "support/add_up.h"
#include "support/support.h"

#define HEAP (&pages_malloc_heap)

/* The last operations. ---------------------------------------------------- */

enum { REMEMBERED = 64 };

static struct {
	const char *what;
	unsigned player, slot, child, locked, failing;
	size_t a, b;
	const void *result;
	bool ended;
} ring[REMEMBERED];
static _Atomic unsigned begun;

unsigned
trace_begin(const struct player *p, const char *what, unsigned slot, size_t a, size_t b)
{
	unsigned i = atomic_fetch_add(&begun, 1);

	ring[i % REMEMBERED].what = what;
	ring[i % REMEMBERED].player = p->number;
	ring[i % REMEMBERED].child = p->in_child;
	ring[i % REMEMBERED].locked = p->locked;
	ring[i % REMEMBERED].failing = p->failing;
	ring[i % REMEMBERED].slot = slot;
	ring[i % REMEMBERED].a = a;
	ring[i % REMEMBERED].b = b;
	ring[i % REMEMBERED].ended = false;
	return i;
}

void
trace_end(unsigned entry, const void *result)
{
	ring[entry % REMEMBERED].result = result;
	ring[entry % REMEMBERED].ended = true;
}

void
trace_clear(void)
{
	atomic_store(&begun, 0);
}

/* No stdio: a forked child, or a thread that broke down anywhere, says this. */
static void
print_trace(void)
{
	unsigned end = atomic_load(&begun), i = end > REMEMBERED ? end - REMEMBERED : 0;

	dprintf(STDERR_FILENO, "fuzz_heap: the last %u of %u operations\n", end - i, end);
	for (; i < end; i++) {
		dprintf(STDERR_FILENO, "  %u: player %u%s%s%s, slot %u: %s %zu %zu", i,
			ring[i % REMEMBERED].player, ring[i % REMEMBERED].child ? " (child)" : "",
			ring[i % REMEMBERED].locked ? " (has the lock)" : "",
			ring[i % REMEMBERED].failing ? " (failures)" : "", ring[i % REMEMBERED].slot,
			ring[i % REMEMBERED].what, ring[i % REMEMBERED].a, ring[i % REMEMBERED].b);
		if (ring[i % REMEMBERED].ended)
			dprintf(STDERR_FILENO, " -> %p\n", ring[i % REMEMBERED].result);
		else
			dprintf(STDERR_FILENO, " -> ?\n");
	}
}

/* The sanitizers call these when they have found something. */
void __asan_on_error(void);
void __ubsan_on_report(void);

void
__asan_on_error(void)
{
	print_trace();
}

void
__ubsan_on_report(void)
{
	print_trace();
}

/* Wrapped by the linker: also what the heap itself ends the process for has a history. */
_Noreturn void __real_abort(void);
_Noreturn void __wrap_abort(void);

_Noreturn void
__wrap_abort(void)
{
	print_trace();
	__real_abort();
}

void
must(bool fine, const char *what)
{
	if (fine)
		return;
	dprintf(STDERR_FILENO, "fuzz_heap: %s\n", what);
	abort();
}

/* The doors. -------------------------------------------------------------- */

static void *
heap_alloc(size_t size, size_t align, bool zero)
{
	return pages_heap_alloc(HEAP, size, align, zero);
}

/* What pages_malloc_with() makes of flags, without its way out to malloc(3). */
static void *
heap_alloc_with(size_t size, size_t align, unsigned flags)
{
	struct pages_dedicated wish = { 0, 0 };
	void *p;

	if ((flags & PAGES_MALLOC_DONT_FORK) != 0)
		wish.musts |= PAGES_DEDICATED_ADVICE(PAGES_OS_DONT_FORK);
	if ((flags & PAGES_MALLOC_WIPE_ON_FORK) != 0)
		wish.musts |= PAGES_DEDICATED_ADVICE(PAGES_OS_WIPE_ON_FORK);
	wish.advice = wish.musts;
	if ((flags & PAGES_MALLOC_NO_HUGE) != 0)
		wish.advice |= PAGES_DEDICATED_ADVICE(PAGES_OS_NO_HUGE);
	if ((flags & PAGES_MALLOC_HUGETLB) != 0)
		wish.advice |= PAGES_DEDICATED_POOL;
	return pages_heap_alloc_dedicated(HEAP, size, align, wish, &p) == 0 ? p : NULL;
}

static void *
heap_resize(void *p, size_t size, bool keep)
{
	return pages_heap_is_dedicated(HEAP, p) ? pages_heap_resize_dedicated(HEAP, p, size, keep)
					    : pages_heap_resize(HEAP, p, size, keep);
}

static bool
heap_expand(void *p, size_t size)
{
	return pages_heap_is_dedicated(HEAP, p) ? pages_heap_expand_dedicated(HEAP, p, size)
					    : pages_heap_expand(HEAP, p, size);
}

static size_t
heap_usable(void *p)
{
	return pages_heap_usable(HEAP, p);
}

static void
heap_free(void *p)
{
	pages_heap_free(HEAP, p);
}

const struct doors heap_doors = {
	heap_alloc, heap_alloc_with, heap_resize, heap_expand, heap_usable, heap_free,
};

static void *
malloc_alloc(size_t size, size_t align, bool zero)
{
	if (zero)
		return pages_calloc(1, size);
	return align == 1 ? pages_malloc(size) : pages_aligned_alloc(align, size);
}

static void *
malloc_resize(void *p, size_t size, bool keep)
{
	return keep ? pages_realloc(p, size) : pages_resize_discard(p, size);
}

static size_t
malloc_usable(void *p)
{
	return pages_usable_size(p);
}

const struct doors malloc_doors = {
	malloc_alloc, pages_malloc_with, malloc_resize, pages_try_expand, malloc_usable, pages_free,
};

/* Blocks. ----------------------------------------------------------------- */

/*
 * Whatever was left of others' marks lies at the start of a page, or at the end of what
 * was used of a block: all of the ends, and of what is between a word for each page.
 */
static bool
looks_zero(const char *p, size_t from, size_t to)
{
	enum { WHOLE = 64 << 10 };
	uint64_t word;

	if (to <= from)
		return true;
	if (to - from <= 2 * WHOLE)
		return is_zero(p + from, to - from);
	if (!is_zero(p + from, WHOLE) || !is_zero(p + to - WHOLE, WHOLE))
		return false;
	for (size_t i = (from + 4095) / 4096 * 4096; i + sizeof(word) <= to; i += 4096) {
		memcpy(&word, p + i, sizeof(word));
		if (word != 0)
			return false;
	}
	return true;
}

bool
player_may_have(const struct player *p, const struct block *b, size_t len)
{
	return p->live - b->len + len <= p->live_most;
}

static void
check_alone(const struct player *p, const struct block *b)
{
	for (const struct block *o = p->blocks; o < p->blocks + SLOTS; o++)
		must(o == b || o->p == NULL || o->p + o->len <= b->p || b->p + b->len <= o->p,
		     "two blocks overlap");
}

/* How much can be used: what was asked for, in whole pages, and what could not be cut off. */
static void
check_usable(const struct player *p, const struct block *b)
{
	size_t usable = p->doors->usable(b->p);

	must(usable >= b->len, "less is usable than was asked for");
	if (pages_owns(b->p))
		must(((uintptr_t)b->p + usable) % HEAP->arena.page_size == 0,
		     "a block ends within a page");
}

static void
mark_block(struct player *p, struct block *b, size_t marked)
{
	check_usable(p, b);
	check_alone(p, b);
	b->marked = marked;
	b->owner = (uint64_t)(p->number + 1) << 32 | ++p->owners;
	mark(b->p, b->marked, b->owner);
}

void
player_own(struct player *p, struct block *b, char *ptr, size_t len, bool zero, bool sparse)
{
	enum { WRITTEN = 64 << 10 };

	must(!zero || looks_zero(ptr, 0, len), "memory that should be zero is not");
	*b = (struct block){ .p = ptr, .len = len };
	p->live += len;
	mark_block(p, b, sparse && len > WRITTEN ? WRITTEN : len);
}

void
player_own_resized(struct player *p, struct block *b, char *ptr, size_t len, bool keep)
{
	struct block old = *b;
	size_t same = len < old.len ? len : old.len;

	if (ptr == NULL) {
		check_block(b);
		return;
	}
	if (keep) {
		must(is_marked(ptr, same < old.marked ? same : old.marked, old.marked, old.owner),
		     "a resized block lost its contents");
		must(looks_zero(ptr, old.marked, same), "a resized block lost its zeroes");
	}
	p->live += len - old.len;
	b->p = ptr;
	b->len = len;
	mark_block(p, b, len);
}

void
player_free(struct player *p, struct block *b)
{
	bool owned = pages_owns(b->p);

	p->doors->free(b->p);
	/* An address that is not mapped any more is the next allocator's. */
	if (p->alone && owned && pages_owns(b->p))
		must(p->doors->usable(b->p) == 0, "a block is still there after it was freed");
	p->live -= b->len;
	*b = (struct block){ 0 };
}

/* Looking. ---------------------------------------------------------------- */

void
check_block(const struct block *b)
{
	if (b->p == NULL)
		return;
	must(is_marked(b->p, b->marked, b->marked, b->owner), "a block lost its contents");
	must(looks_zero(b->p, b->marked, b->len), "a block lost its zeroes");
}

void
check_blocks(struct player *p)
{
	for (struct block *b = p->blocks; b < p->blocks + SLOTS; b++) {
		if (p->in_child && b->heirloom != PASSED_ON)
			continue;
		check_block(b);
		if (b->p != NULL)
			check_usable(p, b);
	}
}

/* A child must not free what it does not have; what it has as zeroes it makes its own. */
void
check_inherited(struct player *p)
{
	check_blocks(p);
	for (struct block *b = p->blocks; b < p->blocks + SLOTS; b++) {
		if (b->p == NULL || b->heirloom != WIPED)
			continue;
		must(looks_zero(b->p, 0, b->len), "a child sees what it should not");
		mark(b->p, b->len, b->owner);
		b->marked = b->len;
		b->heirloom = PASSED_ON;
	}
}

void
check_books(struct player *p)
{
	uint64_t objects = 0, bytes = 0;
	struct pages_stats st;
	const char *wrong;

	/* First: it takes care of what was freed while the lock could not be had. */
	pages_heap_stats(HEAP, &st);
	must(pages_heap_valid(HEAP), "the heap's books do not agree");
	wrong = what_does_not_add_up(&st);
	must(wrong == NULL, wrong);
	if (!p->alone)
		return;
	for (struct block *b = p->blocks; b < p->blocks + SLOTS; b++)
		if (b->p != NULL && pages_owns(b->p)) {
			objects++;
			bytes += p->doors->usable(b->p) +
				 (uintptr_t)b->p % HEAP->arena.page_size;
		}
	must(st.live_objects == objects, "live blocks are miscounted");
	must(st.live_bytes == bytes, "live bytes are miscounted");
}

void
check_empty(void)
{
	const struct pages_extents *x = &HEAP->extents;
	const struct pages_extent *e;
	struct pages_stats st;

	if (HEAP->state != PAGES_HEAP_OPEN)
		return;
	e = &x->node[x->edge[0]];
	pages_heap_stats(HEAP, &st);
	must(st.live_objects == 0 && st.live_bytes == 0, "blocks are left over");
	must(st.resident_bytes == 0, "memory is left over");
	/* What joins is told by pages_extents_valid(): within a zone. */
	must(HEAP->small_units != 0 ||
	     (size_t)e->count << HEAP->arena.page_shift == HEAP->arena.len,
	     "free address space did not come together");
	for (uint32_t page = 0; page < x->pages; page += e->count) {
		e = &x->node[x->edge[page]];
		must(pages_extent_state(e) == PAGES_EXTENT_FREE, "an extent is left over");
	}
}

void
check_declined(const struct player *p, size_t len)
{
	size_t page = HEAP->arena.page_size;

	if (!p->alone || p->failing != 0 || p->locked != 0 || p->stuck || HEAP->state != PAGES_HEAP_OPEN)
		return;
	must(pages_extents_next(&HEAP->extents, PAGES_ZONE_HUGE, (uint32_t)((len + page - 1) / page), 0) == 0,
	     "a request was declined for no reason");
}
