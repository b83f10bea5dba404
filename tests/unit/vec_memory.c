/* SPDX-License-Identifier: MIT */
/*
 * vec_memory.c - what vectors cost: bytes copied, memory resident, mappings
 *
 * Linked statically, so that what the library copies can be counted.
 */
#include <pages/paged_vec.h>

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support/support.h"

#define GIB(n) ((size_t)(n) << 30)

/* What paged_vec*.c and the page core copy. */
static size_t copied;

void *__real_memcpy(void *to, const void *from, size_t len);
void *__wrap_memcpy(void *to, const void *from, size_t len);
void *
__wrap_memcpy(void *to, const void *from, size_t len)
{
	copied += len;
	return __real_memcpy(to, from, len);
}

void *__real_memmove(void *to, const void *from, size_t len);
void *__wrap_memmove(void *to, const void *from, size_t len);
void *
__wrap_memmove(void *to, const void *from, size_t len)
{
	copied += len;
	return __real_memmove(to, from, len);
}

PAGED_VEC(longs, long);
PAGED_VEC_ORDER(longs, PAGED_VEC_ASCENDING);

struct triple {
	long a, b, c;
};
PAGED_VEC(triples, struct triple);

/* Of the vector: what a sanitizer has beside it does not count. */
static size_t
resident(const struct longs *v)
{
	struct pages_range r = {0};
	size_t n = 0;

	while (longs_resident(v, &r) == 0 && r.len != 0)
		n += r.len;
	return n;
}

static size_t
mappings(void)
{
	return count_mappings(NULL, SIZE_MAX / 2);
}

static void
push_until(struct longs *v, size_t n)
{
	for (long i = (long)longs_len(v); i < (long)n; i++)
		cr_assert_eq(longs_push(v, i), 0);
}

static void
check_count(const struct longs *v, size_t n)
{
	cr_assert_eq(longs_len(v), n);
	for (size_t i = 0; i < n; i += 509)
		cr_assert_eq(*longs_get(v, i), (long)i);
}

/* With a step between: what is pushed, and what is resident then. */
static void
grow_to_a_gibibyte(struct longs *v)
{
	size_t most = 0;

	for (size_t bytes = MIB(1); bytes <= GIB(1); bytes += bytes / 8 / 8 * 8) {
		size_t now;

		push_until(v, bytes / sizeof(long));
		now = resident(v);
		most = now > bytes && now - bytes > most ? now - bytes : most;
	}
	cr_assert_leq(most, MIB(4), "%zu bytes more than what was pushed", most);
	check_count(v, longs_len(v));
}

Test(vec_memory, copies_at_most_64_kib_on_the_way_to_a_gibibyte)
{
	struct longs v = {0};

	copied = 0;
	grow_to_a_gibibyte(&v);
	cr_assert_leq(copied, KIB(64));
	longs_free(&v);
}

Test(vec_memory, copies_nothing_if_it_starts_in_pages)
{
	struct paged_vec_options o = { .capacity = KIB(64) / sizeof(long) };
	struct longs v = {0};

	copied = 0;
	cr_assert_eq(longs_open(&v, &o), 0);
	grow_to_a_gibibyte(&v);
	cr_assert_eq(copied, 0);
	longs_free(&v);
}

Test(vec_memory, moves_nothing_in_stable_mode)
{
	struct paged_vec_options o = { .reserve = GIB(1) };
	struct longs v = {0};
	const long *first;

	cr_assert_eq(longs_open(&v, &o), 0);
	push_until(&v, 1);
	first = longs_first(&v);
	copied = 0;
	push_until(&v, MIB(32));
	cr_assert(longs_first(&v) == first && copied == 0);
	check_count(&v, MIB(32));
	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	longs_truncate(&v, 3);
	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	push_until(&v, MIB(1));
	cr_assert_eq(longs_first(&v), first);
	check_count(&v, MIB(1));
	longs_free(&v);
}

Test(vec_memory, says_erange_when_the_reserve_is_used_up)
{
	struct paged_vec_options o = { .reserve = 10001 };
	struct longs v = {0};

	cr_assert_eq(longs_open(&v, &o), 0);
	push_until(&v, 10001);
	cr_assert_eq(longs_push(&v, 1), -ERANGE);
	cr_assert_eq(longs_insert(&v, 0, 1), -ERANGE);
	cr_assert_eq(longs_reserve(&v, 1), -ERANGE);
	cr_assert_eq(longs_capacity(&v), 10001);
	check_count(&v, 10001);
	longs_truncate(&v, 10000);
	cr_assert_eq(longs_push(&v, 10000), 0);
	longs_free(&v);
}

Test(vec_memory, has_huge_pages_from_4_mib_on)
{
	struct longs v = {0};

	push_until(&v, MIB(4) / sizeof(long));
	cr_assert_eq((uintptr_t)longs_data(&v) % MIB(2), 0);
	cr_assert_eq(count_mappings(longs_data(&v), MIB(4)), 1);
	longs_free(&v);
}

/* Behind a small vector lie other blocks, whose cache lines are not to be fetched. */
Test(vec_memory, fetches_ahead_only_in_pages)
{
	struct longs v = {0};

	push_until(&v, 100);
	cr_assert_eq(v.v_.ahead_, 0);
	push_until(&v, KIB(64));
	cr_assert_neq(v.v_.ahead_, 0);
	longs_truncate(&v, 100);
	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	cr_assert_eq(v.v_.ahead_, 0);
	longs_free(&v);
}

static bool
is_small(const long *x, void *limit)
{
	return *x < *(const long *)limit;
}

/* Shared pages stay shared, and clean ones clean. */
Test(vec_memory, does_not_write_to_elements_before_the_first_that_goes)
{
	long limit = 100000;
	struct longs v = {0};

	push_until(&v, 100000);
	cr_assert_eq(mprotect(longs_data(&v), KIB(256), PROT_READ), 0);
	longs_retain(&v, is_small, &limit);
	longs_dedup(&v);
	check_count(&v, 100000);
	limit = 50000;
	longs_retain(&v, is_small, &limit);
	check_count(&v, 50000);
	*longs_at(&v, 49999) = 49998;
	longs_dedup(&v);
	check_count(&v, 49999);
	longs_free(&v);
}

Test(vec_memory, lets_vectors_grow_in_turn)
{
	struct longs v[3] = {{{0}}};
	size_t before = mappings();

	copied = 0;
	for (size_t n = 1000; n < MIB(8); n += n / 3)
		for (int i = 0; i < 3; i++)
			push_until(&v[i], n);
	cr_assert_leq(copied, 3 * KIB(64));
	cr_assert_leq(mappings(), before + 12);
	for (int i = 0; i < 3; i++) {
		check_count(&v[i], longs_len(&v[i]));
		longs_free(&v[i]);
	}
}

Test(vec_memory, keeps_a_million_small_vectors_off_the_mapping_limit)
{
	enum { MANY = 1000000 };
	struct longs *v = calloc(MANY, sizeof(*v));
	size_t before = mappings();

	for (long i = 0; i < MANY; i++)
		cr_assert_eq(longs_push(&v[i], i), 0);
	cr_assert_leq(mappings(), before + 2000);	/* malloc's own */
	for (long i = 0; i < MANY; i++) {
		cr_assert_eq(*longs_first(&v[i]), i);
		longs_free(&v[i]);
	}
	free(v);
}

Test(vec_memory, holds_16_gib_that_are_hardly_touched)
{
	const size_t n = GIB(16) / sizeof(long);
	struct longs v = {0};
	int err = longs_resize_zeroed(&v, n);

	if (err == -ENOMEM)
		cr_skip_test("this machine does not promise 16 GiB");
	cr_assert_eq(err, 0);
	for (size_t i = 0; i < n; i += n / 16)
		*longs_at(&v, i) = 1;
	cr_assert_eq(*longs_get(&v, n - 1), 0);
	cr_assert_leq(resident(&v), 17 * MIB(2));
	longs_free(&v);
}

Test(vec_memory, gives_memory_back_and_is_filled_again)
{
	struct longs v = {0};
	size_t capacity;

	for (int round = 0; round < 3; round++) {
		push_until(&v, MIB(8));
		check_count(&v, MIB(8));
		cr_assert_geq(resident(&v), MIB(64));
		capacity = longs_capacity(&v);
		cr_assert_eq(longs_clear_decommit(&v), 0);
		cr_assert(longs_is_empty(&v) && longs_capacity(&v) == capacity);
		cr_assert_leq(resident(&v), KIB(64), "round %d", round);
	}
	longs_free(&v);
}

Test(vec_memory, gives_the_spare_part_back)
{
	struct longs v = {0};

	push_until(&v, MIB(8));
	longs_truncate(&v, MIB(1));
	cr_assert_eq(longs_decommit_spare(&v), 0);
	cr_assert_leq(resident(&v), MIB(8) + MIB(2));
	check_count(&v, MIB(1));
	/* There are zeroes now where there was something before. */
	cr_assert_eq(longs_resize_zeroed(&v, MIB(8)), 0);
	cr_assert_leq(resident(&v), MIB(8) + MIB(2));
	for (size_t i = MIB(1); i < MIB(8); i += 511)
		cr_assert_eq(*longs_at(&v, i), 0);
	longs_free(&v);
}

Test(vec_memory, shrinks_to_what_is_in_use)
{
	struct longs v = {0};

	push_until(&v, MIB(1) + 5);
	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	cr_assert_leq(longs_capacity(&v), MIB(1) + 5 + KIB(64) / sizeof(long));
	check_count(&v, MIB(1) + 5);
	longs_truncate(&v, 100);
	cr_assert_eq(longs_shrink_to(&v, 50000), 0);
	cr_assert(longs_capacity(&v) >= 50000 && longs_capacity(&v) < 60000);
	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	cr_assert_leq(longs_capacity(&v), 100 + 8);
	check_count(&v, 100);
	longs_clear(&v);
	cr_assert_eq(longs_shrink_to_fit(&v), 0);
	cr_assert_eq(longs_capacity(&v), 0);
	longs_free(&v);
}

/*
 * What the header says of memory that is given back, for each call that says it: of the whole
 * process, because memory may be kept elsewhere.  64 MiB of elements, of which some stay.
 */
static int
shrink_to_1000(struct longs *v)
{
	longs_truncate(v, 1000);
	return longs_shrink_to_fit(v);
}

static int
shrink_to_nothing(struct longs *v)
{
	longs_clear(v);
	return longs_shrink_to_fit(v);
}

static int
shrink_to_1_mib(struct longs *v)
{
	longs_truncate(v, 1000);
	return longs_shrink_to(v, MIB(1) / sizeof(long));
}

static int
decommit_spare(struct longs *v)
{
	longs_truncate(v, 1000);
	return longs_decommit_spare(v);
}

static int
freeze_and_close(struct longs *v)
{
	struct pages_ro r = {0};
	size_t n;
	int err = longs_freeze(v, &r, &n);

	pages_close(&r);
	return err;
}

static int
snapshot_and_close(struct longs *v)
{
	struct pages_frozen f = {0};
	size_t n;
	int err = longs_snapshot(v, &f, &n);

	pages_close(&f);
	return err;
}

static int
take_and_shrink(struct longs *v)
{
	struct longs w = longs_take(v);
	int err = shrink_to_1000(&w);

	longs_free(&w);
	return err;
}

Test(vec_memory, is_given_back_to_the_system_by_each_call_that_says_so)
{
	static const struct {
		const char *name;
		int (*call)(struct longs *v);
	} calls[] = {
		{ "shrink_to_fit, 1000", shrink_to_1000 },
		{ "shrink_to_fit, 0", shrink_to_nothing },
		{ "shrink_to, 1 MiB", shrink_to_1_mib },
		{ "clear_decommit", longs_clear_decommit },
		{ "decommit_spare", decommit_spare },
		{ "freeze and close", freeze_and_close },
		{ "snapshot and close", snapshot_and_close },
		{ "take and shrink", take_and_shrink },
	};
	static const struct paged_vec_options kinds[] = {
		{ .capacity = 0 }, { .capacity = MIB(8) }, { .reserve = MIB(16) },
		{ .huge = PAGES_HUGE_NEVER }, { .label = "label" }, { .shared = true },
	};

	if (disabled("discard"))
		cr_skip_test("a kernel that cannot discard");
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
			size_t before = proc_bytes("status", "VmRSS");
			struct longs v = {0};

			if (longs_open(&v, &kinds[k]) == -EOPNOTSUPP)
				continue;	/* no memory files */
			push_until(&v, MIB(8));
			cr_assert_geq(proc_bytes("status", "VmRSS"), before + MIB(56));
			cr_assert_eq(calls[i].call(&v), 0);
			cr_assert_leq(proc_bytes("status", "VmRSS"), before + MIB(8), "kind %zu, %s: %zu of %zu",
				      k, calls[i].name, proc_bytes("status", "VmRSS"), before);
			cr_assert_eq(longs_shrink_to_fit(&v), 0);
			longs_free(&v);
		}
}

Test(vec_memory, needs_no_more_memory_once_it_is_prefaulted)
{
	struct longs v = {0};
	size_t before;

	push_until(&v, 1000);
	cr_assert_eq(longs_prefault(&v, MIB(2)), 0);
	before = resident(&v);
	cr_assert_geq(before, (MIB(2) + 1000) * sizeof(long));
	for (long i = 1000; i < (long)MIB(2) + 1000; i++)
		if (longs_push(&v, i) != 0)
			cr_assert_fail();
	cr_assert_eq(resident(&v), before);
	check_count(&v, MIB(2) + 1000);
	longs_free(&v);
}

Test(vec_memory, tells_what_is_resident)
{
	struct pages_range r = {0};
	struct longs v = {0};
	size_t bytes = 0;

	cr_assert_eq(longs_resident(&v, &r), -EOPNOTSUPP);
	cr_assert_eq(longs_resize_zeroed(&v, MIB(2) / sizeof(long)), 0);
	*longs_at(&v, MIB(1) / sizeof(long)) = 1;
	while (longs_resident(&v, &r) == 0 && r.len != 0) {
		cr_assert(r.offset <= MIB(1) && r.offset + r.len > MIB(1));
		bytes += r.len;
	}
	cr_assert(bytes > 0 && bytes <= MIB(2));
	longs_free(&v);
}

Test(vec_memory, keeps_hints_when_it_grows)
{
	struct longs v = {0};

	cr_assert_eq(longs_advise(&v, PAGES_HINT_SEQUENTIAL), -EOPNOTSUPP);
	push_until(&v, KIB(64));
	cr_assert_eq(longs_advise(&v, PAGES_HINT_DONT_DUMP), 0);
	cr_assert_eq(longs_advise(&v, PAGES_HINT_NO_HUGE), 0);
	push_until(&v, MIB(2));
	cr_assert_eq(count_mappings(longs_data(&v), MIB(16)), 1);
	check_count(&v, MIB(2));
	longs_free(&v);
}

/* The pages end in the middle of an element: what was written there is not zero. */
Test(vec_memory, resize_zeroed_clears_the_part_of_an_element_at_the_end_of_a_page)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), n = 2 * page / sizeof(struct triple);
	struct paged_vec_options o = { .reserve = n };
	struct triples v = {0};
	struct triples_slice spare;

	cr_assert_eq(triples_open(&v, &o), 0);
	cr_assert_eq(triples_reserve(&v, n), 0);
	spare = triples_spare(&v);
	memset(spare.ptr, 0xff, spare.len * sizeof(struct triple));
	cr_assert_eq(triples_shrink_to(&v, 1), 0);
	cr_assert_lt(triples_capacity(&v), n);
	(void)triples_spare(&v);
	cr_assert_eq(triples_resize_zeroed(&v, n), 0);
	cr_assert(is_zero((const char *)triples_data(&v), n * sizeof(struct triple)));
	triples_free(&v);
}

/* Half of what is left at a time: not a page, which would be thousands of times. */
Test(vec_memory, grows_in_few_steps_near_a_limit_of_address_space)
{
	static const size_t left[] = { MIB(1), MIB(50), MIB(200) };

	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		struct rlimit limit = { proc_bytes("status", "VmSize") + left[i], RLIM_INFINITY };
		struct longs v = {0};
		size_t capacity = 0;
		int steps = 0;

		cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
		while (longs_push(&v, 7) == 0) {
			steps += longs_capacity(&v) != capacity;
			capacity = longs_capacity(&v);
		}
		limit.rlim_cur = RLIM_INFINITY;
		cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
		/* To move, it needs address space at both places. */
		cr_assert_geq(longs_len(&v) * sizeof(long), left[i] / 3);
		cr_assert_leq(steps, 100, "%d steps", steps);
		cr_assert_eq(longs_shrink_to_fit(&v), 0);
		longs_free(&v);
	}
}

Test(vec_memory, survives_a_limit_of_address_space)
{
	struct rlimit limit = { proc_bytes("status", "VmSize") + MIB(64), RLIM_INFINITY };
	struct triples v = {0};
	struct triple t = {0};
	size_t n, least = MIB(16) / sizeof(t);
	int err = 0;

	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	while (err == 0) {
		t.a = (long)triples_len(&v);
		err = triples_push(&v, t);
	}
	cr_assert_eq(err, -ENOMEM);
	n = triples_len(&v);
	cr_assert_geq(n, least);
	cr_assert_eq(triples_reserve(&v, MIB(64)), -ENOMEM);
	cr_assert_eq(triples_insert_n(&v, 0, triples_data(&v), n), -ENOMEM);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(triples_at(&v, i)->a, (long)i);
	limit.rlim_cur = RLIM_INFINITY;
	cr_assert_eq(setrlimit(RLIMIT_AS, &limit), 0);
	cr_assert_eq(triples_push(&v, t), 0);
	triples_free(&v);
}
