/* SPDX-License-Identifier: MIT */
/* What the slot of a record says is what the heap says of itself, in each process. */
#include "heap_support.h"

#include <sys/wait.h>

static struct pages_record *record;

static struct pages_record_slot *
join(void)
{
	struct pages_record_slot *s;

	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	cr_assert_neq(record, MAP_FAILED);
	s = pages_record_take(record);
	strcpy(s->exe, "/bin/parent");
	atomic_store(&s->threshold, 77);
	cr_assert(pages_heap_record(&h, record, s));
	return s;
}

/* All but the memory of blocks that wait in front caches, which the slot calls live. */
static void
same_counts(const struct pages_record_slot *s)
{
	struct pages_stats want = stats(), got;

	pages_record_read(s, &got);
	got.kept_bytes = want.kept_bytes;
	got.freed_bytes = want.freed_bytes;
	cr_assert_arr_eq(&got, &want, sizeof(want));
}

HEAP(counts_in_a_slot_what_it_counts_anyway)
{
	const struct pages_record_slot *s = join();
	char *p[5];

	for (int round = 0; round < 40; round++) {
		for (size_t i = 0; i < 5; i++) {
			p[i] = i == 2 ? pages_heap_alloc(&h, MIB(9), 1, true)
				      : get(MIB(1 + (i * 7 + (size_t)round) % 50));
			same_counts(s);
		}
		p[0] = pages_heap_resize(&h, p[0], MIB(60), true);
		cr_assert_not_null(p[0]);
		pages_heap_count_copy(&h, 1000);
		for (size_t i = 0; i < 5; i++) {
			cr_assert(pages_heap_free(&h, p[i]));
			same_counts(s);
		}
	}
	(void)pages_heap_trim(&h, 0);
	same_counts(s);
	cr_assert_eq(atomic_load(&s->ended), 0);
	pages_heap_record_end(&h);
	cr_assert_eq(atomic_load(&s->ended), 1);
}

HEAP(keeps_what_it_had_counted_before_there_was_a_slot)
{
	struct pages_stats before, got;
	const struct pages_record_slot *s;

	for (int i = 0; i < 10; i++)
		cr_assert(pages_heap_free(&h, get(MIB(40))));
	before = stats();
	s = join();
	pages_record_read(s, &got);
	cr_assert_eq(got.requests, 10);
	cr_assert_eq(got.large_reused_bytes, before.large_reused_bytes);
	cr_assert_eq(got.large_reused_bytes, 9 * MIB(40));
	same_counts(s);
}

/* In a child; what it returns is the exit status. */
static int
in_child(pid_t (*make)(void), int (*work)(void))
{
	pid_t pid = make();
	int status;

	if (pid == 0)
		_exit(work());
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int
use_twice(void)
{
	struct pages_record_slot *s = &record->slots[1];
	struct pages_stats got;

	if (atomic_load(&s->pid) != 0)
		return 1;
	if (!pages_heap_free(&h, pages_heap_alloc(&h, MIB(3), 1, false)) ||
	    !pages_heap_free(&h, pages_heap_alloc(&h, MIB(3), 1, false)))
		return 2;
	pages_record_read(s, &got);
	if (atomic_load(&s->pid) != (uint64_t)getpid() || got.requests != 2)
		return 3;
	return strcmp(s->exe, "/bin/parent") != 0 || atomic_load(&s->threshold) != 77 ? 4 : 0;
}

HEAP(gives_a_forked_child_a_slot_when_it_counts_something)
{
	const struct pages_record_slot *s = join();
	char *p = get(MIB(2));

	cr_assert_eq(in_child(fork_heap, use_twice), 0);
	cr_assert_eq(atomic_load(&record->taken), 2);
	same_counts(s);
	cr_assert(pages_heap_free(&h, p));
	same_counts(s);
}

static int
use_nothing(void)
{
	return 0;
}

HEAP(gives_no_slot_to_a_child_that_counts_nothing)
{
	(void)join();
	cr_assert_eq(in_child(fork_heap, use_nothing), 0);
	cr_assert_eq(atomic_load(&record->taken), 1);
}

static int
use_without_a_slot(void)
{
	struct pages_stats before = stats(), after;

	for (int i = 0; i < 3; i++)
		if (!pages_heap_free(&h, pages_heap_alloc(&h, MIB(3), 1, false)))
			return 2;
	after = stats();
	return after.requests - before.requests == 3 ? 0 : 3;
}

HEAP(goes_on_to_count_in_a_child_for_which_no_slot_is_left)
{
	const struct pages_record_slot *s = join();

	cr_assert(pages_heap_free(&h, get(MIB(2))));
	atomic_store(&record->taken, PAGES_RECORD_SLOTS);
	cr_assert_eq(in_child(fork_heap, use_without_a_slot), 0);
	cr_assert_eq(atomic_load(&record->taken), PAGES_RECORD_SLOTS + 1);
	same_counts(s);
}
