/* SPDX-License-Identifier: MIT */
/*
 * pages_copies.c - copies of handles whose pages are gone: using them ends the process, before
 *	it harms what lies there by now
 */
#include "pages_support.h"

/* src/core/serial.h: a copy is noticed as long as fewer regions were opened since. */
enum { NOTICED = 8192 };

#define GONE "a copy of a handle whose pages are gone (closed, resized or frozen by another copy)"

static void
open_and_close(int n)
{
	struct pages_rw w = {0};

	for (int i = 0; i < n; i++) {
		if (pages_open(&w, 1) != 0)
			_exit(1);
		pages_close(&w);
	}
}

/* The stranger: mostly it gets the address that has become free. */
static struct pages_rw stranger;

static struct pages_rw
copy_of_closed_pages(void)
{
	struct pages_rw w = opened(1), copy = w;

	pages_close(&w);
	stranger = opened(1);
	return copy;
}

static void
close_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	pages_close(&copy);
}

static void
close_it_much_later(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	open_and_close(NOTICED - 2);
	pages_close(&copy);
}

static void
protect_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();
	struct pages_ro r = {0};

	_exit(pages_to_ro(&copy, &r));
}

static void
resize_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	_exit(pages_resize(&copy, 2 * page()));
}

static void
lock_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	_exit(pages_lock(&copy));
}

static void
freeze_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();
	struct pages_frozen f = {0};

	_exit(pages_freeze(&copy, &f));
}

Test(a_copy_of_closed_pages, ends_the_process)
{
	assert_last_words(close_it, "pages_close", GONE);
	assert_last_words(close_it_much_later, "pages_close", GONE);
	assert_last_words(protect_it, "pages_to_ro", GONE);
	assert_last_words(resize_it, "pages_resize", GONE);
	assert_last_words(lock_it, "pages_lock", GONE);
	assert_last_words(freeze_it, "pages_freeze", GONE);
}

/* These calls have no place to name. */
static void
assert_dies(void (*f)(void), const char *call)
{
	char got[256], want[256];
	int status = run_in_child(f, got, sizeof(got));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x: %s", status, got);
	snprintf(want, sizeof(want), "pages: %s: " GONE "\n", call);
	cr_assert_eq(strncmp(got, want, strlen(want)), 0, "%s", got);
}

static void
decommit_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	_exit(pages_decommit(&copy, 0, page()));
}

static void
prefault_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	_exit(pages_prefault(&copy, 0, page()));
}

static void
advise_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	_exit(pages_advise(&copy, PAGES_HINT_COLD));
}

static void
place_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	_exit(pages_place(&copy, PAGES_NUMA_DEFAULT, 0));
}

static void
label_it(void)
{
	struct pages_rw copy = copy_of_closed_pages();

	_exit(pages_label(&copy, "label"));
}

Test(a_copy_of_closed_pages, ends_the_process_in_calls_that_do_not_know_the_line)
{
	assert_dies(decommit_it, "pages_decommit");
	assert_dies(prefault_it, "pages_prefault");
	assert_dies(advise_it, "pages_advise");
	assert_dies(place_it, "pages_place");
	assert_dies(label_it, "pages_label");
}

static void
close_a_copy_of_resized_pages(void)
{
	struct pages_rw w = opened(1), copy = w;

	if (pages_resize(&w, 1 << 20) != 0)
		_exit(1);
	pages_close(&copy);
}

static void
close_a_copy_of_frozen_pages(void)
{
	struct pages_rw w = opened(1), copy = w;
	struct pages_frozen f = {0};

	if (pages_freeze(&w, &f) != 0)
		_exit(1);
	pages_close(&copy);
}

/* The copy's close unmaps what w has become; w's, which would unmap a stranger, is noticed. */
static void
close_a_copy_of_changed_pages(void)
{
	struct pages_rw w = opened(1), copy = w;
	struct pages_ro r = {0};

	if (pages_to_ro(&w, &r) != 0)
		_exit(1);
	pages_close(&copy);
	pages_close(&r);
}

static void
close_a_copy_of_a_secret(void)
{
	struct pages_rw w = {0}, copy;
	unsigned got;

	if (pages_secret_open(&w, 1, &got) != 0)
		_exit(1);
	copy = w;
	pages_close(&w);
	pages_close(&copy);
}

Test(a_copy_of_changed_pages, ends_the_process)
{
	assert_last_words(close_a_copy_of_resized_pages, "pages_close", GONE);
	assert_last_words(close_a_copy_of_frozen_pages, "pages_close", GONE);
	assert_last_words(close_a_copy_of_changed_pages, "pages_close", GONE);
	assert_last_words(close_a_copy_of_a_secret, "pages_close", GONE);
}

static void
close_a_copy_of_code(void)
{
	struct pages_jit jit = {0}, copy;

	if (pages_jit_open(&jit, 1) != 0)
		_exit(1);
	copy = jit;
	pages_jit_close(&jit);
	pages_jit_close(&copy);
}

static void
edit_a_copy_of_code(void)
{
	struct pages_jit jit = {0}, copy;
	void *at;

	if (pages_jit_open(&jit, 1) != 0)
		_exit(1);
	copy = jit;
	pages_jit_close(&jit);
	_exit(pages_jit_edit(&copy, &at));
}

Test(a_copy_of_code, ends_the_process)
{
	struct pages_jit jit = {0};

	if (pages_jit_open(&jit, 1) == -EACCES)
		cr_skip_test("a policy forbids code");
	pages_jit_close(&jit);
	assert_dies(close_a_copy_of_code, "pages_jit_close");
	assert_dies(edit_a_copy_of_code, "pages_jit_edit");
}

/* Whatever is opened, resized and closed between. */
Test(a_live_handle, is_never_taken_for_a_copy)
{
	enum { LIVE = 64 };
	struct pages_rw live[LIVE] = {{{0}}};
	uint64_t seed = 42;

	for (int i = 0; i < 6 * NOTICED; i++) {
		struct pages_rw *w = &live[random_next(&seed) % LIVE];

		if (pages_len(w) == 0)
			cr_assert_eq(pages_open(w, 1 + random_next(&seed) % (4 * page())), 0);
		else if (random_next(&seed) % 2 == 0)
			cr_assert_eq(pages_resize(w, 1 + random_next(&seed) % (4 * page())), 0);
		else
			pages_close(w);
	}
	for (int i = 0; i < LIVE; i++) {
		open_and_close(NOTICED / 8);
		pages_close(&live[i]);
	}
}

/* A handle is moved by an assignment, if the other copy is not used any more. */
Test(a_moved_handle, works_as_the_first_did)
{
	struct pages_rw w = opened(1), moved = w;
	struct pages_ro r = {0};

	w = (struct pages_rw){0};
	cr_assert_eq(pages_resize(&moved, 2 * page()), 0);
	cr_assert_eq(pages_to_ro(&moved, &r), 0);
	pages_close(&w);
	pages_close(&r);
}
