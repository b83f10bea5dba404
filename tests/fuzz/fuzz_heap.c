/* SPDX-License-Identifier: MIT */
/*
 * fuzz_heap.c - a heap does what bytes say, and a model beside it
 *
 * The first two bytes choose the heap and who uses it: one player, by either of two
 * doors, or two at once, who share nothing but the heap and so the units in which their
 * blocks meet.  The others are operations.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "heap/impl.h"
#include "heap/malloc_impl.h"
#include "heap_model.h"
#include "heap_ops.h"
#include "os/caps.h"
#include "support/support.h"
#include "unit/failing_os.h"

#define HEAP (&pages_malloc_heap)

enum { HEADER = 2 };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
const char *__asan_default_options(void);

/* The clock. -------------------------------------------------------------- */

static _Atomic uint64_t now_ms;
static bool racing;

uint64_t __wrap_pages_os_now_ms(void);
uint32_t __wrap_pages_os_tick(void);

/* The heap looks at the clock with its lock and without: there, others may come between. */
static void
let_others(void)
{
	static _Thread_local unsigned calls;

	if (racing && ++calls % 3 == 0)
		(void)sched_yield();
}

uint64_t
__wrap_pages_os_now_ms(void)
{
	let_others();
	return atomic_load(&now_ms);
}

/* Soon as many as the heap has bits for. */
uint32_t
__wrap_pages_os_tick(void)
{
	let_others();
	return PAGES_NOTE_TICKS - 7 + (uint32_t)(atomic_load(&now_ms) / 4);
}

void
clock_advance(unsigned ms)
{
	atomic_fetch_add(&now_ms, ms);
}

/* Players. ---------------------------------------------------------------- */

static void *
play(void *arg)
{
	struct player *p = arg;

	for (unsigned n = 1; p->next + OPERATION <= p->end; n++) {
		player_step(p);
		if (n % 16 == 0)
			check_blocks(p);
		if (p->alone && p->locked == 0 && n % p->period == 0)
			check_books(p);
	}
	if (p->locked != 0)
		pages_lock_release(&HEAP->lock);
	p->locked = p->failing = 0;
	failing_disarm();
	check_blocks(p);
	return NULL;
}

/* Two halves of the operations, at the same time. */
static void
play_together(struct player *a, struct player *b, const uint8_t *ops, size_t n)
{
	pthread_t thread;

	a->end = b->next = ops + n / OPERATION / 2 * OPERATION;
	racing = true;
	must(pthread_create(&thread, NULL, play, b) == 0, "pthread_create");
	(void)play(a);
	(void)pthread_join(thread, NULL);
	racing = false;
	check_books(a);
}

static void
leave(struct player *p)
{
	for (struct block *b = p->blocks; b < p->blocks + SLOTS; b++)
		if (b->p != NULL)
			player_free(p, b);
}

/* Few mappings that moves may split, little memory that may be kept. */
static void
tighten(uint8_t how)
{
	pages_heap_free(HEAP, pages_heap_alloc(HEAP, KIB(64), 1, false));
	HEAP->units.splits.max = 4 + 8 * (how >> 2 & 7);
	HEAP->units.resident_max = 4u << (how >> 5);
}

static void
open_heap(const uint8_t *header)
{
	static const uint32_t retain_ms[] = { 0, 60, 10000, 3600 * 1000 };
	static const unsigned arena_mib[] = { 64, 256, 512, 1024 };
	struct pages_heap_options o = {
		.arena_max = MIB(arena_mib[header[0] >> 5 & 3]),
		.retain_ms = retain_ms[header[0] >> 3 & 3],
		.huge = (header[0] & 4) == 0,
		.colours = (header[1] & 4) != 0,
	};

	atomic_store(&now_ms, 1000);
	pages_heap_configure(HEAP, &o);
	if ((header[0] & 0x80) != 0)
		tighten(header[1]);
}

/* Whatever it was, it is over. */
static void
close_heap(struct player *a, struct player *b)
{
	leave(a);
	leave(b);
	check_books(a);
	(void)pages_heap_trim(HEAP, 0);
	if (!a->unclean && !b->unclean)
		check_empty();
	pages_heap_close(HEAP);
}

const char *
__asan_default_options(void)
{
	return "quarantine_size_mb=16:allocator_may_return_null=1";
}

/* What the kernel can do is found out while nothing is refused. */
int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	for (int cap = 0; cap < PAGES_CAP_COUNT; cap++)
		(void)pages_can((enum pages_cap)cap);
	return 0;
}

static void
run(const uint8_t *data, size_t size)
{
	static const unsigned periods[] = { 1, 3, 12, 100 };
	bool together = (data[0] & 1) != 0;
	struct player a = {
		.alone = !together,
		.doors = !together && (data[0] & 2) != 0 ? &malloc_doors : &heap_doors,
		.live_most = MIB(together ? 100 : 200),
		.next = data + HEADER,
		.end = data + size,
		.period = periods[data[1] & 3],
	}, b = a;

	b.number = 1;
	trace_clear();
	open_heap(data);
	if (together)
		play_together(&a, &b, a.next, size - HEADER);
	else
		(void)play(&a);
	close_heap(&a, &b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > HEADER)
		run(data, size);
	return 0;
}

/* n operations of random bytes at an offset. */
static size_t
insert(uint8_t *data, size_t size, size_t at, size_t n, uint64_t *seed)
{
	memmove(data + at + n * OPERATION, data + at, size - at);
	for (size_t i = 0; i < n * OPERATION; i++)
		data[at + i] = (uint8_t)(random_next(seed) >> 32);
	return size + n * OPERATION;
}

/*
 * It takes some blocks before anything can go wrong between them, and bytes in between
 * make other operations of all that follow: so whole operations come and go, in runs.
 */
size_t
LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned number)
{
	uint64_t seed = number * 2654435769u + 1;
	size_t ops = size > HEADER ? (size - HEADER) / OPERATION : 0, at, n;

	if (size < HEADER || random_next(&seed) % 2 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	size = HEADER + ops * OPERATION;
	at = HEADER + random_next(&seed) % (ops + 1) * OPERATION;
	if (random_next(&seed) % 3 == 0) {
		n = random_next(&seed) % 8 * OPERATION;
		n = n < size - at ? n : size - at;
		memmove(data + at, data + at + n, size - at - n);
		return size - n;
	}
	n = random_next(&seed) % 32 + 1;
	if (size + n * OPERATION > max_size)
		return LLVMFuzzerMutate(data, size, max_size);
	return insert(data, size, at, n, &seed);
}
