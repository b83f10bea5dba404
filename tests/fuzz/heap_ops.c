/* SPDX-License-Identifier: MIT */
#include "heap_ops.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "heap/sparse.h"
#include "heap/malloc_impl.h"
#include "os/bits.h"
#include "support/support.h"
#include "unit/failing_os.h"

#define HEAP (&pages_malloc_heap)

struct op {
	unsigned code;		/* which */
	unsigned x;		/* 0 to 7: a variety of it */
	unsigned slot;
	unsigned arg;		/* a byte, of which size was made, too */
	size_t size;
};

typedef const void *operation(struct player *p, struct block *b, const struct op *o);

static const void *
put(struct player *p, struct block *b, const struct op *o, char *ptr, size_t len, bool zero)
{
	if (ptr == NULL)
		check_declined(p, len);
	else
		player_own(p, b, ptr, len, zero, zero && (o->x & 1) != 0);
	return ptr;
}

/* A block that is in the way is freed, so that there is hardly an operation without effect. */
static bool
make_way(struct player *p, struct block *b, size_t len)
{
	check_block(b);
	if (b->p != NULL)
		player_free(p, b);
	return player_may_have(p, b, len);
}

static const void *
do_malloc(struct player *p, struct block *b, const struct op *o)
{
	if (!make_way(p, b, o->size))
		return NULL;
	return put(p, b, o, p->doors->alloc(o->size, 1, false), o->size, false);
}

static const void *
do_calloc(struct player *p, struct block *b, const struct op *o)
{
	size_t size = o->size + ((o->x & 2) != 0 ? PAGES_SPARSE_FROM : 0);

	if (!make_way(p, b, size))
		return NULL;
	return put(p, b, o, p->doors->alloc(size, 1, true), size, true);
}

static const void *
do_aligned(struct player *p, struct block *b, const struct op *o)
{
	size_t align = KIB(4) << o->x * 2;
	char *ptr;

	if (!make_way(p, b, o->size))
		return NULL;
	ptr = p->doors->alloc(o->size, align, false);
	if (ptr != NULL) {
		must(((uintptr_t)ptr & (align - 1)) == 0, "a block is not aligned");
		player_own(p, b, ptr, o->size, false, false);
	}
	return ptr;
}

static const void *
do_special(struct player *p, struct block *b, const struct op *o)
{
	static const unsigned flags[] = {
		PAGES_MALLOC_DEDICATED, PAGES_MALLOC_NO_HUGE, PAGES_MALLOC_HUGETLB,
		PAGES_MALLOC_HUGE | PAGES_MALLOC_DONT_DUMP,
		PAGES_MALLOC_DONT_FORK, PAGES_MALLOC_DONT_FORK | PAGES_MALLOC_NO_HUGE,
		PAGES_MALLOC_WIPE_ON_FORK, PAGES_MALLOC_WIPE_ON_FORK | PAGES_MALLOC_NO_HUGE,
	};
	char *ptr;

	if (!make_way(p, b, o->size))
		return NULL;
	ptr = p->doors->alloc_with(o->size, KIB(4) << (o->arg & 3) * 4, flags[o->x]);
	if (ptr == NULL)
		return NULL;
	player_own(p, b, ptr, o->size, pages_owns(ptr) && pages_heap_is_dedicated(HEAP, ptr), false);
	if ((flags[o->x] & PAGES_MALLOC_DONT_FORK) != 0)
		b->heirloom = KEPT_BACK;
	else if ((flags[o->x] & PAGES_MALLOC_WIPE_ON_FORK) != 0)
		b->heirloom = WIPED;
	return ptr;
}

static const void *
do_free(struct player *p, struct block *b, const struct op *o)
{
	if (b->p == NULL)
		return NULL;
	check_block(b);
	/* Here and there in what was zero so far: what the next calloc has to find. */
	for (size_t i = 1; b->marked < b->len && i <= o->x; i++)
		memcpy(b->p + (b->len - 8) / i / 4096 * 4096, &i, sizeof(i));
	player_free(p, b);
	return NULL;
}

/* By a few pages, or to any size. */
static size_t
new_size(const struct block *b, const struct op *o)
{
	size_t by = KIB(4) * (1 + o->arg % 32);

	if ((o->x & 3) == 0)
		return b->len + by;
	if ((o->x & 3) == 1)
		return b->len > by ? b->len - by : 1;
	return (o->x & 3) == 2 ? pages_min(2 * b->len, MIB(64)) : o->size;
}

static const void *
do_resize(struct player *p, struct block *b, const struct op *o)
{
	bool keep = o->x < 6;
	size_t size = new_size(b, o);
	char *ptr;

	if (b->p == NULL)
		return do_malloc(p, b, o);
	if (!player_may_have(p, b, size))
		return NULL;
	check_block(b);
	ptr = p->doors->resize(b->p, size, keep);
	player_own_resized(p, b, ptr, size, keep);
	return ptr;
}

static const void *
do_expand(struct player *p, struct block *b, const struct op *o)
{
	size_t size = new_size(b, o);

	if (b->p == NULL || size < b->len || !player_may_have(p, b, size))
		return NULL;
	if (!p->doors->expand(b->p, size)) {
		check_block(b);
		return NULL;
	}
	player_own_resized(p, b, b->p, size, true);
	return b->p;
}

static const void *
do_advise(struct player *p, struct block *b, const struct op *o)
{
	static const struct {
		enum pages_hint hint;
		enum heirloom from, to;
	} hints[] = {
		{ PAGES_HINT_DONT_FORK, PASSED_ON, KEPT_BACK },
		{ PAGES_HINT_DO_FORK, KEPT_BACK, PASSED_ON },
		{ PAGES_HINT_WIPE_ON_FORK, PASSED_ON, WIPED },
		{ PAGES_HINT_KEEP_ON_FORK, WIPED, PASSED_ON },
	};
	unsigned i = o->x & 3;

	if (b->p == NULL)
		return NULL;
	(void)p;
	if (o->x >= 4)
		(void)pages_malloc_prefault(b->p, 0, b->len);
	else if (b->heirloom == hints[i].from &&
		 pages_malloc_advise(b->p, 0, pages_usable_size(b->p), hints[i].hint) == 0)
		b->heirloom = hints[i].to;
	check_block(b);
	return b->p;
}

static const void *
do_tidy(struct player *p, struct block *b, const struct op *o)
{
	struct pages_stats st;

	(void)b;
	if (o->x < 4) {
		(void)pages_heap_trim(HEAP, o->x == 0 ? 0 : o->size);
	} else if (o->x < 6) {
		(void)pages_heap_tend(HEAP);
	} else if (o->x == 6) {
		pages_heap_stats(HEAP, &st);
	} else if (o->arg < 64) {
		(void)pages_heap_release_space(HEAP, o->size);
	}
	return NULL;
}

static const void *
do_wait(struct player *p, struct block *b, const struct op *o)
{
	static const unsigned ms[] = { 4, 8, 8, 12, 40, 400, 10000, 60000 };

	(void)p;
	(void)b;
	clock_advance(ms[o->x]);
	return NULL;
}

/* Blocks of about this size turn out sparse, or dense again. */
static const void *
do_turn(struct player *p, struct block *b, const struct op *o)
{
	(void)p;
	(void)b;
	if (HEAP->state == PAGES_HEAP_OPEN && HEAP->arena.huge)
		atomic_fetch_xor(&HEAP->small_sizes,
				 (uint64_t)1 << pages_log2(o->size >> HEAP->arena.page_shift | 1));
	return NULL;
}

/* What a kernel that is short of memory does with what is left to it: all, or some pages. */
static void
take_muzzy(char *p, size_t len, const struct op *o)
{
	uint64_t seed = o->arg + 1;

	if (o->x == 0)
		must(madvise(p, len, MADV_DONTNEED) == 0, "madvise");
	for (size_t i = 0; o->x != 0 && i < len; i += KIB(4) << random_next(&seed) % 8)
		must(madvise(p + i, KIB(4), MADV_DONTNEED) == 0, "madvise");
}

static void
take_from_pockets(const struct op *o)
{
	for (int i = 0; i < PAGES_FRONT_CACHES; i++) {
		const struct pages_extent *e = &HEAP->extents.node[HEAP->caches[i].block];
		size_t a = pages_heap_unit_up(HEAP, e->first);
		size_t b = pages_heap_unit_down(HEAP, e->first + e->used);

		if (HEAP->caches[i].block != 0 && e->note.muzzy && a < b)
			take_muzzy(HEAP->arena.base + a * PAGES_UNIT, (b - a) * PAGES_UNIT, o);
	}
}

static const void *
do_press(struct player *p, struct block *b, const struct op *o)
{
	const struct pages_units *u = &HEAP->units;

	(void)b;
	if (p->locked == 0 && !pages_lock_acquire(&HEAP->lock))
		return NULL;
	for (size_t i = 0; HEAP->state == PAGES_HEAP_OPEN && i < u->count; i++)
		if (pages_bits_test(u->muzzy_bits, i))
			take_muzzy(HEAP->arena.base + i * PAGES_UNIT, PAGES_UNIT, o);
	if (p->alone && HEAP->state == PAGES_HEAP_OPEN)
		take_from_pockets(o);
	if (p->locked == 0)
		pages_lock_release(&HEAP->lock);
	return NULL;
}

/* As a signal handler does that came in the middle of something, or a thread in the way. */
static const void *
do_lock(struct player *p, struct block *b, const struct op *o)
{
	(void)b;
	if (p->locked == 0 && !p->stuck && pages_lock_acquire(&HEAP->lock))
		p->locked = 2 + o->x;
	return NULL;
}

/*
 * What fails now may leave something behind for good; the books are right all the same.
 * No damage where malloc(3) is in the game, and none that stays: what it maps might come
 * to lie in a hole.
 */
static const void *
do_fail(struct player *p, struct block *b, const struct op *o)
{
	static const int errors[] = { ENOMEM, EINVAL, EPERM, EAGAIN };
	bool damage = p->doors == &heap_doors;
	int error = errors[o->arg & 3];

	(void)b;
	if (!p->alone)
		return NULL;
	p->failing = 2 + o->arg / 16;
	p->unclean = true;
	if (o->x < 4 && damage)
		failing_arm_random(o->arg + 1, 2 + o->x * 4, error);
	else
		failing_arm(!damage || o->x == 7 ? FAILING_ONCE :
			    o->x == 6 ? FAILING_FOR_GOOD : FAILING_WITH_DAMAGE,
			    1 + o->arg / 4 % 16, error);
	return NULL;
}

/*
 * What another thread was about to do is left undone in a child.  And where the place of
 * a block that it does not have could not be closed, that block is neither live nor freed.
 */
static bool
has_books(const struct player *p)
{
	const struct block *b = p->blocks;

	while (b < p->blocks + SLOTS && (p->failing == 0 || b->heirloom != KEPT_BACK))
		b++;
	return p->alone && !p->stuck && b == p->blocks + SLOTS;
}

/* A child does some of what its parent will do, and looks at everything. */
static _Noreturn void
be_child(struct player *p, unsigned steps)
{
	bool books;

	p->in_child = true;
	p->stuck = p->locked != 0;
	p->locked = 0;
	books = has_books(p);
	check_inherited(p);
	for (; steps > 0 && p->next + OPERATION <= p->end; steps--)
		player_step(p);
	failing_disarm();
	check_blocks(p);
	if (p->locked != 0)
		pages_lock_release(&HEAP->lock);
	if (books)
		check_books(p);
	_exit(0);
}

static const void *
do_fork(struct player *p, struct block *b, const struct op *o)
{
	int status = 0;
	pid_t pid;

	(void)b;
	/* Seldom: it takes as long as a hundred others. */
	if (p->in_child || o->x >= 2 || p->forks++ == 2)
		return NULL;
	pid = fork();
	if (pid == 0)
		be_child(p, o->arg % 8);
	if (pid < 0)
		return NULL;
	while (waitpid(pid, &status, 0) < 0)	/* the fuzzer's own timer comes between */
		must(errno == EINTR, "waitpid");
	if (status != 0)
		dprintf(STDERR_FILENO, "fuzz_heap: status %#x\n", (unsigned)status);
	must(status == 0, "a child has failed");
	check_blocks(p);
	return NULL;
}

/* As often in here as it is to be done. */
static const struct {
	const char *name;
	operation *run;
} operations[] = {
	{ "malloc", do_malloc }, { "malloc", do_malloc }, { "malloc", do_malloc },
	{ "malloc", do_malloc }, { "malloc", do_malloc },
	{ "calloc", do_calloc }, { "calloc", do_calloc }, { "calloc", do_calloc },
	{ "aligned", do_aligned }, { "aligned", do_aligned },
	{ "special", do_special }, { "special", do_special },
	{ "free", do_free }, { "free", do_free }, { "free", do_free }, { "free", do_free },
	{ "free", do_free }, { "free", do_free },
	{ "resize", do_resize }, { "resize", do_resize }, { "resize", do_resize },
	{ "resize", do_resize }, { "resize", do_resize },
	{ "expand", do_expand },
	{ "advise", do_advise },
	{ "tidy", do_tidy },
	{ "wait", do_wait },
	{ "turn", do_turn },
	{ "press", do_press },
	{ "lock", do_lock },
	{ "fail", do_fail },
	{ "fork", do_fork },
};

static struct op
decode(const uint8_t *bytes)
{
	enum { KINDS = sizeof(operations) / sizeof(operations[0]) };
	unsigned slot = bytes[1] % SLOTS, fine = bytes[1] / SLOTS;
	/* Up to 8 MiB; where units are only just filled, or not, most goes wrong. */
	static const unsigned char log2[] = { 0, 1, 2, 3, 4, 4, 5, 6 };
	size_t size = KIB(64) << log2[bytes[2] >> 5];

	static_assert(KINDS == 32, "five bits");
	size += size / 32 * (bytes[2] & 31);
	/* A few pages more or less; and not always whole ones. */
	size += KIB(4) * fine;
	size -= fine > 8 ? KIB(64) - 1 : fine & 1;
	return (struct op){ bytes[0] % KINDS, bytes[0] / KINDS, slot, bytes[2], size };
}

void
player_step(struct player *p)
{
	struct op o = decode(p->next);
	struct block *b = &p->blocks[o.slot];
	unsigned entry;

	p->next += OPERATION;
	if (p->in_child && b->heirloom == KEPT_BACK)
		return;
	entry = trace_begin(p, operations[o.code].name, o.slot, o.size, o.x);
	trace_end(entry, operations[o.code].run(p, b, &o));
	if (p->locked != 0 && --p->locked == 0)
		pages_lock_release(&HEAP->lock);
	if (p->failing != 0 && --p->failing == 0)
		failing_disarm();
}
