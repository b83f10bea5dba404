/* SPDX-License-Identifier: MIT */
/*
 * pages_explain.c - what is said about a fault on pages, and what is not
 *
 * Each test runs in a child that faults; its death must be the one it would have
 * died anyway.
 */
#include "pages_support.h"

/* The line matches "...%...": pieces in this order, numbers and names between them. */
static bool
matches(const char *line, const char *pieces)
{
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", pieces);
	for (char *piece = strtok(copy, "%"); piece != NULL; piece = strtok(NULL, "%")) {
		line = strstr(line, piece);
		if (line == NULL)
			return false;
		line += strlen(piece);
	}
	return true;
}

/* What emulators put on the stack for a handler cannot be relied on. */
static int
run_faulting(void (*f)(void), char *said, size_t size)
{
	SKIP_IF_EMULATED("its signals are its own");
	return run_in_child(f, said, size);
}

static void
assert_explained(void (*f)(void), const char *pieces)
{
	char said[1024];
	int status = run_faulting(f, said, sizeof(said));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x: %s", status, said);
	cr_assert(matches(said, pieces), "%s", said);
	cr_assert_eq(strchr(said, '\n'), said + strlen(said) - 1);
}

static void
begin(struct pages_rw *w)
{
	struct pages_options o = { .len = 4 * page(), .guards = true, .label = "table" };

	if (pages_explain_faults() != 0 || pages_explain_faults() != 0)
		_exit(1);
	if (pages_open_with(w, &o) != 0)
		_exit(2);
}

#if defined(__x86_64__) || defined(__i386__)
#define STORE "store to"
#define LOAD "load from"
#else
#define STORE "use"
#define LOAD "use"
#endif

static void
store_to_ro(void)
{
	struct pages_rw w = {0};
	struct pages_ro r = {0};

	begin(&w);
	if (pages_to_ro(&w, &r) == 0)
		*((volatile char *)(uintptr_t)pages_read(&r) + 16) = 1;
}

Test(a_fault, on_read_only_pages_is_explained)
{
	assert_explained(store_to_ro, "pages: cannot " STORE " 0x%, byte 16 of % at 0x% \"table\": "
				      "read-only since pages_to_ro at %pages_explain.c:%, %.% s ago\n");
}

static void
load_from_none(void)
{
	struct pages_rw w = {0};
	struct pages_none n = {0};
	const volatile char *p;

	begin(&w);
	p = pages_read(&w);
	if (pages_to_none(&w, &n) == 0)
		(void)p[4 * page() - 1];
}

Test(a_fault, on_inaccessible_pages_is_explained)
{
	assert_explained(load_from_none, "cannot " LOAD " 0x%: inaccessible since pages_to_none at %");
}

static void
store_behind(void)
{
	struct pages_rw w = {0};

	begin(&w);
	*((volatile char *)pages_write(&w) + 4 * page()) = 1;
}

Test(a_fault, on_a_guard_is_explained)
{
	assert_explained(store_behind, "cannot " STORE " 0x%: guarded since pages_open_with at %");
}

static void
store_after_close(void)
{
	struct pages_rw w = {0};
	volatile char *p;

	begin(&w);
	p = pages_write(&w);
	pages_close(&w);
	*p = 1;
}

Test(a_fault, on_pages_that_were_closed_is_explained)
{
	assert_explained(store_after_close, "cannot " STORE " 0x%, byte 0 of %: gone since pages_close at %");
}

static void
store_after_a_move(void)
{
	struct pages_rw w = {0};
	volatile char *p;

	begin(&w);
	p = pages_write(&w);
	if (pages_resize(&w, 64 * page()) != 0 || p == pages_read(&w))
		_exit(1);
	*p = 1;
}

Test(a_fault, on_the_place_that_a_resize_left_is_explained)
{
	assert_explained(store_after_a_move, "cannot " STORE " 0x%: gone since pages_resize at %");
}

/* ---- what stays as it was ---- */

__attribute__((no_sanitize("undefined"))) static void
store_to_null(void)
{
	struct pages_rw w = {0};
	volatile char *p = NULL;

	begin(&w);
	__asm__ volatile("" : "+r"(p));
	*p = 1;
}

Test(a_fault, that_has_nothing_to_do_with_pages_is_not_explained)
{
	char said[512];
	int status = run_faulting(store_to_null, said, sizeof(said));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", status);
	cr_assert_str_eq(said, "");
}

static void
leave_with_5(int sig)
{
	(void)sig;
	_exit(5);
}

static void
fault_with_a_handler(void)
{
	signal(SIGSEGV, leave_with_5);
	store_to_ro();
}

Test(a_handler, that_was_there_before_is_called)
{
	char said[512];
	int status = run_faulting(fault_with_a_handler, said, sizeof(said));

	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 5, "status %#x", status);
	cr_assert(matches(said, "read-only since"), "%s", said);
}

static void
be_sent_a_signal(void)
{
	struct pages_rw w = {0};

	begin(&w);
	raise(SIGSEGV);
}

Test(a_signal, that_somebody_sends_kills_without_a_word)
{
	char said[512];
	int status = run_faulting(be_sent_a_signal, said, sizeof(said));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", status);
	cr_assert_str_eq(said, "");
}

static void
fork_and_fault(void)
{
	struct pages_rw w = {0};
	int status;
	pid_t pid;

	begin(&w);
	pid = fork();
	if (pid == 0)
		store_to_ro();
	else if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status))
		raise(WTERMSIG(status));
}

Test(a_fault, in_a_child_is_explained_too)
{
	assert_explained(fork_and_fault, "read-only since pages_to_ro at %");
}

/* ---- copies of handles ---- */

static void
close_a_copy(void)
{
	struct pages_rw w = {0}, copy;

	begin(&w);
	copy = w;
	pages_close(&w);
	pages_close(&copy);
}

static void
change_a_copy(void)
{
	struct pages_rw w = {0}, copy;
	struct pages_ro r = {0};

	begin(&w);
	copy = w;
	pages_close(&w);
	if (pages_to_ro(&copy, &r) != 0)
		_exit(0);
}

static void
assert_caught(void (*f)(void), const char *pieces)
{
	char said[1024];
	int status = run_faulting(f, said, sizeof(said));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x: %s", status, said);
	cr_assert(matches(said, pieces), "%s", said);
}

Test(a_copied_handle, is_caught_when_it_is_closed_again)
{
	assert_caught(close_a_copy, "pages: pages_close at %: a copy of a handle whose pages are gone: "
				    "pages_close at %pages_explain.c:%");
}

Test(a_copied_handle, is_caught_when_it_is_changed)
{
	assert_caught(change_a_copy, "pages: pages_to_ro at %: a copy of a handle whose pages are gone: ");
}

/* Many regions at once and one after the other: a place in the table is found again. */
static void
open_and_close_many(void)
{
	struct pages_rw w[2000] = {{{0}}}, first = {0};

	begin(&first);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 2000; i++)
			if (pages_open(&w[i], page() << (i % 4)) != 0)
				_exit(1);
		for (int i = 0; i < 2000; i++)
			pages_close(&w[i]);
	}
	store_to_ro();
}

Test(explanations, last_through_many_handles)
{
	assert_explained(open_and_close_many, "\"table\": read-only since pages_to_ro at %");
}
