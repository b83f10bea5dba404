/* SPDX-License-Identifier: MIT */
/*
 * vec_copies.c - copies of vectors that were freed or handed on: using them ends the process,
 *	before it harms who has the pages by now
 */
#include "pages_support.h"

#include <pages/paged_vec.h>

PAGED_VEC(longs, long);

static int *dropped;

static void
drop(int **p)
{
	(void)p;
	++*dropped;
}

PAGED_VEC_OWNING(owners, int *, drop, PAGED_VEC_NO_CLONE);

enum { N = 1 << 16 };

#define GONE "pages: a vector: a copy of a handle whose pages are gone"

static void
assert_dies(void (*f)(void))
{
	char said[512];
	int status = run_in_child(f, said, sizeof(said));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x: %s", status, said);
	cr_assert_eq(strncmp(said, GONE, strlen(GONE)), 0, "%s", said);
}

static void
push_all(struct longs *v, long first)
{
	for (long i = 0; i < N; i++)
		if (longs_push(v, first + i) != 0)
			_exit(1);
}

static void
free_it_twice(void)
{
	struct longs v = {0}, copy;

	push_all(&v, 0);
	copy = v;
	longs_free(&v);
	longs_free(&copy);
}

/* The next vector gets the pages; a third one shall not get them as well. */
static void
free_it_after_its_pages_were_handed_on(void)
{
	struct longs v = {0}, copy, next = {0};

	push_all(&v, 0);
	copy = v;
	longs_free(&v);
	push_all(&next, 1);
	longs_free(&copy);
}

static void
free_it_after_a_freeze(void)
{
	struct longs v = {0}, copy;
	struct pages_ro r = {0};
	size_t n;

	push_all(&v, 0);
	copy = v;
	if (longs_freeze(&v, &r, &n) != 0)
		_exit(1);
	longs_free(&copy);
}

static void
free_it_after_a_snapshot(void)
{
	struct longs v = {0}, copy;
	struct pages_frozen f = {0};
	size_t n;

	push_all(&v, 0);
	copy = v;
	if (longs_snapshot(&v, &f, &n) != 0)
		_exit(1);
	longs_free(&copy);
}

static void
free_it_after_it_became_small(void)
{
	struct longs v = {0}, copy;

	push_all(&v, 0);
	copy = v;
	longs_truncate(&v, 1);
	if (longs_shrink_to_fit(&v) != 0)
		_exit(1);
	longs_free(&copy);
}

/* A copy does not drop the elements again either. */
static void
free_owners_twice(void)
{
	struct owners v = {0}, copy;

	dropped = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < N; i++)
		if (owners_push(&v, NULL) != 0)
			_exit(1);
	copy = v;
	owners_free(&v);
	mprotect(dropped, page(), PROT_READ);	/* the next one is seen */
	owners_free(&copy);
}

Test(a_copy_of_a_vector, ends_the_process_when_it_is_freed_again)
{
	assert_dies(free_it_twice);
	assert_dies(free_it_after_its_pages_were_handed_on);
	assert_dies(free_it_after_a_freeze);
	assert_dies(free_it_after_a_snapshot);
	assert_dies(free_it_after_it_became_small);
	assert_dies(free_owners_twice);
}

/* ---- a writer that was not ended ---- */

#define UNENDED "pages: a vector: it is being written (NAME_write_end() was not called)"

static struct longs_writer
begun(struct longs *v)
{
	struct longs_writer w;

	if (longs_push(v, 1) != 0)
		_exit(1);
	w = longs_write_begin(v);
	for (long i = 0; i < 100; i++)
		if (longs_write(&w, i) != 0)
			_exit(1);
	return w;
}

#define WHILE_WRITING(name, ...)                                                   \
	static void                                                                \
	name(void)                                                                 \
	{                                                                          \
		struct longs v = {0}, other = {0};                                 \
		struct longs_writer w = begun(&v);                                 \
                                                                                   \
		(void)w;                                                           \
		(void)other;                                                       \
		(void)!(__VA_ARGS__);                                              \
	}
WHILE_WRITING(free_it, (longs_free(&v), 0))
WHILE_WRITING(push_it, longs_push(&v, 1))
WHILE_WRITING(insert_it, longs_insert(&v, 0, 1))
WHILE_WRITING(reserve_it, longs_reserve(&v, 1000))
WHILE_WRITING(clear_it, (longs_clear(&v), 0))
WHILE_WRITING(save_it, longs_save(&v, 2))
WHILE_WRITING(append_it, longs_append(&other, &v))
WHILE_WRITING(clone_it, longs_clone(&v, &other))
WHILE_WRITING(write_it_twice, longs_write_begin(&v).end_ == NULL)

Test(a_vector, that_is_being_written_is_not_used_otherwise)
{
	static void (*const uses[])(void) = {
		free_it, push_it, insert_it, reserve_it, clear_it, save_it, append_it, clone_it,
		write_it_twice,
	};

	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++) {
		char said[512];
		int status = run_in_child(uses[i], said, sizeof(said));

		cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%zu: %s", i, said);
		cr_assert_eq(strncmp(said, UNENDED, strlen(UNENDED)), 0, "%zu: %s", i, said);
	}
}

/* Also on, and from no element on. */
Test(a_writer, that_was_ended_can_be_ended_again_and_go_on)
{
	struct longs v = {0};
	struct longs_writer w = longs_write_begin(&v);

	longs_write_end(&w);
	longs_write_end(&w);
	cr_assert_eq(longs_push(&v, 0), 0);
	cr_assert_eq(longs_write(&w, 1), 0);
	longs_write_end(&w);
	cr_assert_eq(longs_push(&v, 2), 0);
	longs_write_end(&w);
	cr_assert_eq(longs_len(&v), 3);
	for (long i = 0; i < 3; i++)
		cr_assert_eq(*longs_at(&v, (size_t)i), i);
	longs_free(&v);
}

/* ---- pages ---- */

static void
close_read_only_pages_after_a_thaw(void)
{
	struct longs v = {0}, w = {0};
	struct pages_ro r = {0}, copy;
	size_t n;

	push_all(&v, 0);
	if (longs_freeze(&v, &r, &n) != 0)
		_exit(1);
	copy = r;
	if (longs_thaw(&r, n, &w) != 0)
		_exit(1);
	pages_close(&copy);
}

Test(a_copy_of_pages, that_have_become_a_vector_ends_the_process)
{
	char said[512];
	int status = run_in_child(close_read_only_pages_after_a_thaw, said, sizeof(said));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x: %s", status, said);
	cr_assert_not_null(strstr(said, "a copy of a handle whose pages are gone"), "%s", said);
}

/* What owns its pages is never taken for a copy, however often they change hands. */
Test(a_vector, is_not_taken_for_a_copy)
{
	for (int i = 0; i < 200; i++) {
		struct longs v = {0}, w = {0};
		struct pages_ro r = {0};
		size_t n;

		push_all(&v, i);
		cr_assert_eq(longs_freeze(&v, &r, &n), 0);
		cr_assert_eq(longs_thaw(&r, n, &w), 0);
		cr_assert_eq(longs_get(&w, 1)[0], i + 1);
		longs_free(&w);
	}
}
