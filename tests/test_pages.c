/* SPDX-License-Identifier: MIT */
/*
 * test_pages.c - what pages.h promises at run time, one promise a test
 *
 * What it promises at compile time is tested by typed_misuse.sh.
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* long add(long, long), in machine code */
#if defined(__x86_64__)
static const unsigned char add_code[] = { 0x48, 0x8d, 0x04, 0x37, 0xc3 };
#elif defined(__aarch64__)
static const unsigned char add_code[] = { 0x00, 0x00, 0x01, 0x8b, 0xc0, 0x03, 0x5f, 0xd6 };
#else
static const unsigned char add_code[1];
#endif

/* The compiler refuses to use handles that it knows to be empty: make it forget. */
#define FORGET(handle) __asm__ volatile("" : "+m"(handle))

static size_t
page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static struct pages_rw
opened(size_t len)
{
	struct pages_rw w = {0};

	cr_assert_eq(pages_open(&w, len), 0);
	return w;
}

/* Every byte differs from its neighbours, and every page from the next. */
static unsigned char
pattern(size_t i)
{
	return (unsigned char)(i * 7 + i / 4096 * 31 + 1);
}

static void
fill(struct pages_rw *w)
{
	for (size_t i = 0; i < pages_len(w); i++)
		PAGES_AT(unsigned char, w, i) = pattern(i);
}

static bool
filled(const void *start, size_t len)
{
	const unsigned char *p = start;

	for (size_t i = 0; i < len; i++)
		if (p[i] != pattern(i))
			return false;
	return true;
}

static bool
all_zero(const void *start, size_t len)
{
	const unsigned char *p = start;

	for (size_t i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

/* How many pages of the range hold memory? */
static size_t
resident(const void *start, size_t len)
{
	unsigned char *map = malloc(len / page());
	size_t n = 0;

	cr_assert_eq(mincore((void *)(uintptr_t)start, len, map), 0);
	for (size_t i = 0; i < len / page(); i++)
		n += map[i] & 1;
	free(map);
	return n;
}

static sigjmp_buf out;
static void *volatile fault_address;

static void
on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault_address = info->si_addr;
	siglongjmp(out, 1);
}

/* Where does an access to p fault?  NULL if it does not. */
static void *
fault_of(const void *p, bool store)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, old;
	volatile unsigned char *byte = (volatile unsigned char *)(uintptr_t)p;

	fault_address = NULL;
	sigaction(SIGSEGV, &sa, &old);
	if (sigsetjmp(out, 1) == 0) {
		if (store)
			*byte = 1;
		else
			(void)*byte;
	}
	sigaction(SIGSEGV, &old, NULL);
	return fault_address;
}

/*
 * Run f in a child that must die by abort, and say on stderr which call in this file
 * it died of, and what of.
 */
static void
assert_last_words(void (*f)(void), const char *call, const char *what)
{
	char got[512] = "", want[512];
	const char *line = NULL;
	int status, fd[2];
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		dup2(fd[1], STDERR_FILENO);
		f();
		_exit(0);
	}
	close(fd[1]);
	cr_assert_geq(read(fd[0], got, sizeof(got) - 1), 0);
	close(fd[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x", status);
	snprintf(want, sizeof(want), "pages: %s at %s:", call, __FILE__);
	if (strncmp(got, want, strlen(want)) == 0)
		line = got + strlen(want);
	cr_assert_not_null(line, "%s", got);
	snprintf(want, sizeof(want), "%lu: %s\n", strtoul(line, NULL, 10), what);
	cr_assert_str_eq(line, want);
}

/* ---- life ---- */

Test(opened_pages, are_zero)
{
	struct pages_rw w = opened(3 * page());

	cr_assert(all_zero(pages_read(&w), pages_len(&w)));
	pages_close(&w);
}

Test(opened_pages, have_their_length_rounded_up_to_pages)
{
	struct pages_rw a = opened(1), b = opened(page()), c = opened(page() + 1);

	cr_assert_eq(pages_len(&a), page());
	cr_assert_eq(pages_len(&b), page());
	cr_assert_eq(pages_len(&c), 2 * page());
	pages_close(&a);
	pages_close(&b);
	pages_close(&c);
}

Test(opened_pages, start_at_a_page)
{
	struct pages_rw w = opened(5);

	cr_assert_eq((uintptr_t)pages_read(&w) % page(), 0);
	pages_close(&w);
}

Test(opened_pages, use_no_memory_before_they_are_written)
{
	struct pages_rw w = opened(64 * page());

	cr_assert_eq(resident(pages_read(&w), pages_len(&w)), 0);
	pages_close(&w);
}

Test(open, refuses_length_zero)
{
	struct pages_rw w = {0};

	cr_assert_eq(pages_open(&w, 0), -EINVAL);
	cr_assert_eq(pages_len(&w), 0);
}

Test(open, refuses_lengths_that_overflow)
{
	struct pages_rw w = {0};

	cr_assert_eq(pages_open(&w, SIZE_MAX), -ENOMEM);
	cr_assert_eq(pages_open(&w, SIZE_MAX - page() + 2), -ENOMEM);
	cr_assert_eq(pages_open(&w, SIZE_MAX / 2), -ENOMEM);
	cr_assert_eq(pages_len(&w), 0);
}

Test(open, refuses_a_live_handle_and_leaves_it_alone)
{
	struct pages_rw w = opened(page());

	fill(&w);
	cr_assert_eq(pages_open(&w, 2 * page()), -EBUSY);
	cr_assert_eq(pages_len(&w), page());
	cr_assert(filled(pages_read(&w), page()));
	pages_close(&w);
}

Test(close, unmaps_the_pages)
{
	struct pages_rw w = opened(page());
	void *p = pages_write(&w);

	pages_close(&w);
	cr_assert_eq(fault_of(p, false), p);
}

Test(close, of_an_empty_handle_does_nothing)
{
	struct pages_none n = {0};
	struct pages_ro r = {0};
	struct pages_rw w = {0};
	struct pages_rx x = {0};

	pages_close(&n);
	pages_close(&r);
	pages_close(&w);
	pages_close(&x);
}

Test(close, twice_does_not_touch_what_took_the_place)
{
	struct pages_rw w = opened(page()), other;
	void *p = pages_write(&w), *q;

	pages_close(&w);
	q = mmap(p, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0);
	cr_assert_eq(q, p);
	other = w;
	pages_close(&w);
	pages_close(&other);
	cr_assert_null(fault_of(p, true));
	munmap(p, page());
}

/* ---- transitions ---- */

Test(transitions, keep_the_contents)
{
	struct pages_rw w = opened(5 * page());
	struct pages_none n = {0};
	struct pages_ro r = {0};
	struct pages_rx x = {0};

	fill(&w);
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert(filled(pages_read(&r), pages_len(&r)));
	cr_assert_eq(pages_to_none(&r, &n), 0);
	cr_assert_eq(pages_to_rx(&n, &x), 0);
	cr_assert(filled(pages_read(&x), pages_len(&x)));
	cr_assert_eq(pages_to_rw(&x, &w), 0);
	cr_assert(filled(pages_read(&w), pages_len(&w)));
	pages_close(&w);
}

Test(transitions, keep_the_place_and_the_length)
{
	struct pages_rw w = opened(3 * page());
	struct pages_ro r = {0};
	const void *p = pages_read(&w);

	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(pages_read(&r), p);
	cr_assert_eq(pages_len(&r), 3 * page());
	pages_close(&r);
}

Test(transitions, empty_their_source)
{
	struct pages_rw w = opened(page());
	struct pages_ro r = {0};

	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(pages_len(&w), 0);
	pages_close(&w);
	cr_assert_null(fault_of(pages_read(&r), false), "closing the source took the pages");
	pages_close(&r);
}

Test(transitions, lead_from_every_type_to_every_type)
{
	struct pages_rw w = opened(page()), w2 = {0};
	struct pages_none n = {0}, n2 = {0};
	struct pages_ro r = {0}, r2 = {0};
	struct pages_rx x = {0}, x2 = {0};

	cr_assert_eq(pages_to_rw(&w, &w2), 0);
	cr_assert_eq(pages_to_rx(&w2, &x), 0);
	cr_assert_eq(pages_to_rx(&x, &x2), 0);
	cr_assert_eq(pages_to_ro(&x2, &r), 0);
	cr_assert_eq(pages_to_ro(&r, &r2), 0);
	cr_assert_eq(pages_to_rx(&r2, &x), 0);
	cr_assert_eq(pages_to_none(&x, &n), 0);
	cr_assert_eq(pages_to_none(&n, &n2), 0);
	cr_assert_eq(pages_to_ro(&n2, &r), 0);
	cr_assert_eq(pages_to_rw(&r, &w), 0);
	cr_assert_eq(pages_to_none(&w, &n), 0);
	cr_assert_eq(pages_to_rw(&n, &w), 0);
	cr_assert_null(fault_of(pages_write(&w), true));
	pages_close(&w);
}

/* The range is unmapped behind the handle's back, so that mprotect must fail. */
Test(a_failed_transition, keeps_its_source_and_its_target)
{
	struct pages_rw w = opened(2 * page());
	struct pages_none n = {0};
	struct pages_ro r = {0};
	struct pages_rx x = {0};
	void *p = pages_write(&w);

	cr_assert_eq(munmap(p, 2 * page()), 0);
	cr_assert_eq(pages_to_none(&w, &n), -ENOMEM);
	cr_assert_eq(pages_to_ro(&w, &r), -ENOMEM);
	cr_assert_eq(pages_to_rx(&w, &x), -ENOMEM);
	cr_assert_eq(pages_write(&w), p);
	cr_assert_eq(pages_len(&w), 2 * page());
	cr_assert_eq(pages_len(&n) + pages_len(&r) + pages_len(&x), 0);
}

Test(a_transition_to_a_live_target, changes_nothing)
{
	struct pages_rw w = opened(2 * page()), busy = opened(page());
	struct pages_ro r = {0};

	fill(&w);
	cr_assert_eq(pages_to_ro(&busy, &r), 0);
	cr_assert_eq(pages_to_ro(&w, &r), -EBUSY);
	cr_assert_eq(pages_len(&r), page());
	cr_assert_null(fault_of(pages_write(&w), true));
	cr_assert_eq(pages_to_rw(&w, &w), -EBUSY);
	cr_assert_eq(pages_len(&w), 2 * page());
	pages_close(&w);
	pages_close(&r);
}

/* Only by going round the header: there is no type for this without the gate. */
Test(writable_and_executable, is_refused_unless_configured)
{
	struct pages_rw w = opened(page());
	struct pages_raw_ unused;
	int want = ALLOW_WX ? 0 : -EPERM;

	cr_assert_eq(pages_protect_(w.p_, PROT_READ | PROT_WRITE | PROT_EXEC, "", &unused), want);
	cr_assert_eq(pages_protect_(w.p_, PROT_WRITE | PROT_EXEC, "", &unused), want);
	cr_assert_null(fault_of(pages_write(&w), true));
	pages_close(&w);
}

/* ---- what the hardware says ---- */

Test(a_store, to_ro_faults_exactly_there)
{
	struct pages_rw w = opened(3 * page());
	struct pages_ro r = {0};
	char *p = (char *)pages_write(&w) + page() + 123;

	cr_assert_null(fault_of(p, true));
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(fault_of(p, true), p);
	cr_assert_null(fault_of(p, false));
	pages_close(&r);
}

Test(a_store, to_rx_faults_exactly_there)
{
	struct pages_rw w = opened(3 * page());
	struct pages_rx x = {0};
	char *p = (char *)pages_write(&w) + 2 * page() + 7;

	cr_assert_eq(pages_to_rx(&w, &x), 0);
	cr_assert_eq(fault_of(p, true), p);
	cr_assert_null(fault_of(p, false));
	pages_close(&x);
}

Test(a_load, from_none_faults_exactly_there)
{
	struct pages_rw w = opened(2 * page());
	struct pages_none n = {0};
	char *p = (char *)pages_write(&w) + page() + 1;

	cr_assert_eq(pages_to_none(&w, &n), 0);
	cr_assert_eq(fault_of(p, false), p);
	pages_close(&n);
}

/* ---- code ---- */

#if defined(__x86_64__) || defined(__aarch64__)
/* Some sanitizers look for a type signature before the function: there is none. */
__attribute__((no_sanitize("undefined"))) static long
add_at(const struct pages_rx *x, size_t off, long a, long b)
{
	return PAGES_FN(x, off, long(long, long))(a, b);
}

Test(code, that_was_written_runs)
{
	struct pages_rw w = opened(0x4000);
	struct pages_rx x = {0};

	memcpy(pages_write(&w), add_code, sizeof(add_code));
	memcpy((char *)pages_write(&w) + page(), add_code, sizeof(add_code));
	cr_assert_eq(pages_to_rx(&w, &x), 0);
	cr_assert_eq(add_at(&x, 0, 43, 34), 77);
	cr_assert_eq(add_at(&x, page(), -1, 1), 0);
	pages_close(&x);
}
#endif

Test(code, that_was_changed_runs_as_changed)
{
#if defined(__x86_64__) || defined(__aarch64__)
	struct pages_rw w = opened(0x4000);
	struct pages_rx x = {0};

	memcpy(pages_write(&w), add_code, sizeof(add_code));
	cr_assert_eq(pages_to_rx(&w, &x), 0);
	cr_assert_eq(add_at(&x, 0, 43, 34), 77);
	cr_assert_eq(pages_to_rw(&x, &w), 0);
#if defined(__x86_64__)
	PAGES_AT(unsigned char, &w, 3) = 0x3f;	/* lea (%rdi,%rdi), %rax */
#else
	PAGES_AT(unsigned char, &w, 2) = 0x00;	/* add x0, x0, x0 */
#endif
	cr_assert_eq(pages_to_rx(&w, &x), 0);
	cr_assert_eq(add_at(&x, 0, 43, 34), 86);
	pages_close(&x);
#else
	cr_skip_test("no machine code for this machine");
#endif
}

/* ---- access ---- */

Test(elements, are_modifiable_through_rw)
{
	struct pages_rw w = opened(page());
	size_t last = page() / sizeof(long) - 1;

	PAGES_AT(long, &w, 0) = -5;
	PAGES_AT(long, &w, last) = 6;
	PAGES_AT(long, &w, last)++;
	cr_assert_eq(PAGES_AT(long, &w, 0), -5);
	cr_assert_eq(PAGES_AT(long, &w, last), 7);
	pages_close(&w);
}

Test(elements, may_be_structs_and_pointers)
{
	struct point { int x, y, z; };
	struct pages_rw w = opened(page()), v = opened(page());
	char text[] = "text";

	PAGES_AT(struct point, &w, 3) = (struct point){ 1, 2, 3 };
	PAGES_AT(char *, &v, 1) = text;
	cr_assert_eq(PAGES_AT(struct point, &w, 3).z, 3);
	cr_assert_eq(PAGES_AT(int, &w, 11), 3);
	cr_assert_eq(PAGES_AT(char *, &v, 1), text);
	pages_close(&w);
	pages_close(&v);
}

Test(arguments, are_evaluated_once)
{
	struct pages_rw w[2] = { opened(page()), opened(page()) }, *p = w;
	size_t i = 0;

	PAGES_AT(int, p++, i++) = 1;
	cr_assert_eq(p - w, 1);
	cr_assert_eq(i, 1);
	cr_assert_eq(pages_len(p--), page());
	cr_assert_eq(p, w);
	pages_close(p++);
	pages_close(p);
	cr_assert_eq(p - w, 1);
}

/* ---- memory ---- */

Test(resize, keeps_the_contents_when_growing_and_adds_zeroes)
{
	struct pages_rw w = opened(4 * page());

	fill(&w);
	cr_assert_eq(pages_resize(&w, 1024 * page()), 0);
	cr_assert(filled(pages_read(&w), 4 * page()));
	cr_assert(all_zero((const char *)pages_read(&w) + 4 * page(), 1020 * page()));
	pages_close(&w);
}

Test(resize, keeps_the_contents_when_shrinking)
{
	struct pages_rw w = opened(64 * page());

	fill(&w);
	cr_assert_eq(pages_resize(&w, 3 * page()), 0);
	cr_assert(filled(pages_read(&w), 3 * page()));
	pages_close(&w);
}

Test(resize, gives_back_what_it_cuts_off)
{
	struct pages_rw w = opened(4 * page());
	char *p = pages_write(&w);

	cr_assert_eq(pages_resize(&w, page()), 0);
	p = p == (char *)pages_write(&w) ? p + page() : p;
	cr_assert_eq(fault_of(p, false), p);
	pages_close(&w);
}

Test(resize, rounds_the_length_up_to_pages)
{
	struct pages_rw w = opened(page());

	cr_assert_eq(pages_resize(&w, 0x1234 + 4 * page()), 0);
	cr_assert_eq(pages_len(&w) % page(), 0);
	cr_assert_geq(pages_len(&w), 0x1234 + 4 * page());
	cr_assert_lt(pages_len(&w), 0x1234 + 5 * page());
	cr_assert_null(fault_of(&PAGES_AT(char, &w, pages_len(&w) - 1), true));
	cr_assert_eq(pages_resize(&w, 1), 0);
	cr_assert_eq(pages_len(&w), page());
	pages_close(&w);
}

Test(a_failed_resize, keeps_the_handle)
{
	struct pages_rw w = opened(2 * page());
	void *p = pages_write(&w);

	fill(&w);
	cr_assert_eq(pages_resize(&w, 0), -EINVAL);
	cr_assert_eq(pages_resize(&w, SIZE_MAX), -ENOMEM);
	cr_assert_eq(pages_resize(&w, SIZE_MAX / 4), -ENOMEM);
	cr_assert_eq(pages_write(&w), p);
	cr_assert_eq(pages_len(&w), 2 * page());
	cr_assert(filled(p, 2 * page()));
	pages_close(&w);
}

Test(decommit, gives_memory_back_and_leaves_zeroes)
{
	struct pages_rw w = opened(64 * page());
	const char *p = pages_read(&w);

	fill(&w);
	cr_assert_eq(pages_decommit(&w, 8 * page(), 32 * page()), 0);
	if (!disabled("discard"))
		cr_assert_eq(resident(p + 8 * page(), 32 * page()), 0);
	cr_assert(all_zero(p + 8 * page(), 32 * page()));
	pages_close(&w);
}

Test(decommit, leaves_the_rest_alone)
{
	struct pages_rw w = opened(8 * page());
	const unsigned char *p = pages_read(&w);

	fill(&w);
	cr_assert_eq(pages_decommit(&w, page(), page()), 0);
	cr_assert(filled(p, page()));
	for (size_t i = 2 * page(); i < 8 * page(); i++)
		cr_assert_eq(p[i], pattern(i));
	pages_close(&w);
}

Test(decommit, rounds_the_range_inward)
{
	struct pages_rw w = opened(4 * page());
	const unsigned char *p = pages_read(&w);

	fill(&w);
	cr_assert_eq(pages_decommit(&w, 1, 3 * page() - 2), 0);
	cr_assert(filled(p, page()));
	cr_assert(all_zero(p + page(), page()));
	for (size_t i = 2 * page(); i < 4 * page(); i++)
		cr_assert_eq(p[i], pattern(i));
	pages_close(&w);
}

Test(decommit, of_less_than_a_page_does_nothing)
{
	struct pages_rw w = opened(2 * page());

	fill(&w);
	cr_assert_eq(pages_decommit(&w, 0, page() - 1), 0);
	cr_assert_eq(pages_decommit(&w, 1, page()), 0);
	cr_assert_eq(pages_decommit(&w, page() - 1, 2), 0);
	cr_assert_eq(pages_decommit(&w, 2 * page(), 0), 0);
	cr_assert(filled(pages_read(&w), 2 * page()));
	pages_close(&w);
}

Test(decommit, refuses_a_range_past_the_end)
{
	struct pages_rw w = opened(2 * page());

	fill(&w);
	cr_assert_eq(pages_decommit(&w, 0, 2 * page() + 1), -ERANGE);
	cr_assert_eq(pages_decommit(&w, 2 * page() + 1, 0), -ERANGE);
	cr_assert_eq(pages_decommit(&w, page(), SIZE_MAX), -ERANGE);
	cr_assert_eq(pages_decommit(&w, SIZE_MAX - page() + 1, 2 * page()), -ERANGE);
	cr_assert(filled(pages_read(&w), 2 * page()));
	pages_close(&w);
}

Test(decommit, leaves_zeroes_where_the_kernel_cannot)
{
	struct pages_rw w;
	const unsigned char *p;

	setenv("PAGES_DISABLE", "discard", 1);
	w = opened(4 * page());
	p = pages_read(&w);
	fill(&w);
	cr_assert_eq(pages_decommit(&w, page(), 2 * page() + 1), 0);
	cr_assert(filled(p, page()));
	cr_assert(all_zero(p + page(), 2 * page()));
	cr_assert_eq(p[3 * page()], pattern(3 * page()));
	pages_close(&w);
}

Test(prefault, makes_every_page_present)
{
	struct pages_rw w = opened(64 * page());

	cr_assert_eq(resident(pages_read(&w), 64 * page()), 0);
	cr_assert_eq(pages_prefault(&w, 0, pages_len(&w)), 0);
	cr_assert_eq(resident(pages_read(&w), 64 * page()), 64);
	pages_close(&w);
}

Test(prefault, includes_pages_that_the_range_only_touches)
{
	struct pages_rw w = opened(64 * page());
	const char *p = pages_read(&w);

	cr_assert_eq(pages_prefault(&w, 8 * page() - 1, 2), 0);
	cr_assert_eq(resident(p + 7 * page(), 2 * page()), 2);
	pages_close(&w);
}

Test(prefault, keeps_the_contents)
{
	struct pages_rw w = opened(4 * page());

	fill(&w);
	cr_assert_eq(pages_prefault(&w, 0, 4 * page()), 0);
	cr_assert(filled(pages_read(&w), 4 * page()));
	pages_close(&w);
}

Test(prefault, refuses_a_range_past_the_end)
{
	struct pages_rw w = opened(2 * page());

	cr_assert_eq(pages_prefault(&w, 0, 2 * page() + 1), -ERANGE);
	cr_assert_eq(pages_prefault(&w, 2 * page() + 1, 0), -ERANGE);
	cr_assert_eq(pages_prefault(&w, 1, SIZE_MAX), -ERANGE);
	cr_assert_eq(pages_prefault(&w, 2 * page(), 0), 0);
	cr_assert_eq(resident(pages_read(&w), 2 * page()), 0);
	pages_close(&w);
}

Test(prefault, works_where_the_kernel_cannot)
{
	struct pages_rw w;
	const char *p;

	setenv("PAGES_DISABLE", "populate", 1);
	w = opened(64 * page());
	p = pages_read(&w);
	PAGES_AT(char, &w, 20 * page()) = 9;
	cr_assert_eq(pages_prefault(&w, 16 * page() + 1, 31 * page()), 0);
	cr_assert_eq(resident(p + 16 * page(), 32 * page()), 32);
	cr_assert_eq(PAGES_AT(char, &w, 20 * page()), 9);
	PAGES_AT(char, &w, 20 * page()) = 0;
	cr_assert(all_zero(p, pages_len(&w)));
	pages_close(&w);
}

/* ---- conventions ---- */

Test(errno_value, survives_success)
{
	struct pages_rw w = {0};
	struct pages_ro r = {0};

	errno = 1234;
	cr_assert_eq(pages_open(&w, 4 * page()), 0);
	cr_assert_eq(pages_resize(&w, 8 * page()), 0);
	cr_assert_eq(pages_prefault(&w, 0, page()), 0);
	cr_assert_eq(pages_decommit(&w, 0, page()), 0);
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	pages_close(&r);
	cr_assert_eq(errno, 1234);
}

Test(errno_value, survives_failure)
{
	struct pages_rw w = opened(page());
	struct pages_ro r = {0};

	cr_assert_eq(munmap(pages_write(&w), page()), 0);
	errno = 1234;
	cr_assert_eq(pages_to_ro(&w, &r), -ENOMEM);
	cr_assert_neq(pages_resize(&w, 2 * page()), 0);
	if (!disabled("populate"))	/* else it is touched, which faults */
		cr_assert_neq(pages_prefault(&w, 0, page()), 0);
	if (!disabled("discard"))	/* else it is cleared, which faults */
		cr_assert_neq(pages_decommit(&w, 0, page()), 0);
	pages_close(&w);
	cr_assert_eq(pages_open(&w, SIZE_MAX / 4), -ENOMEM);
	cr_assert_eq(errno, 1234);
}

/* ---- mistakes that only show at run time ---- */

static void
write_through_a_moved_handle(void)
{
	struct pages_rw w = opened(1);
	struct pages_ro r = {0};

	if (pages_to_ro(&w, &r) != 0)
		_exit(1);
	FORGET(w);
	*(char *)pages_write(&w) = 1;
}

static void
move_an_empty_handle(void)
{
	struct pages_rw w = {0};
	struct pages_ro r = {0};

	FORGET(w);
	_exit(pages_to_ro(&w, &r));
}

static void
resize_an_empty_handle(void)
{
	struct pages_rw w = {0};

	FORGET(w);
	_exit(pages_resize(&w, 1));
}

static void
index_an_element_too_many(void)
{
	struct pages_rw w = opened(1);

	PAGES_AT(char, &w, page() * 16) = 1;
}

static void
index_a_partial_element(void)
{
	struct seven { char c[7]; };
	struct pages_rw w = opened(1);

	PAGES_AT(struct seven, &w, page() / 7).c[0] = 1;
}

static void
index_negatively(void)
{
	struct pages_rw w = opened(1);
	int i = -1;

	PAGES_AT(char, &w, i) = 1;
}

static void
take_code_past_the_end(void)
{
	struct pages_rw w = opened(1);
	struct pages_rx x = {0};

	if (pages_to_rx(&w, &x) == 0)
		PAGES_FN(&x, pages_len(&x), void(void))();
}

#define EMPTY "empty handle (not opened, closed, or moved by a transition)"

Test(an_empty_handle, ends_the_process_when_accessed)
{
	assert_last_words(write_through_a_moved_handle, "pages_write", EMPTY);
}

Test(an_empty_handle, ends_the_process_when_moved)
{
	assert_last_words(move_an_empty_handle, "pages_to_ro", EMPTY);
}

Test(an_empty_handle, ends_the_process_when_resized)
{
	assert_last_words(resize_an_empty_handle, "pages_resize", EMPTY);
}

Test(an_index_out_of_range, ends_the_process)
{
	char want[128];

	snprintf(want, sizeof(want), "%zu is out of range, there are %zu",
		 page() * 16, page());
	assert_last_words(index_an_element_too_many, "PAGES_AT", want);
}

Test(an_index_out_of_range, includes_the_last_partial_element)
{
	char want[128];

	snprintf(want, sizeof(want), "%zu is out of range, there are %zu",
		 page() / 7, page() / 7);
	assert_last_words(index_a_partial_element, "PAGES_AT", want);
}

Test(an_index_out_of_range, includes_negative_ones)
{
	char want[128];

	snprintf(want, sizeof(want), "%zu is out of range, there are %zu",
		 SIZE_MAX, page());
	assert_last_words(index_negatively, "PAGES_AT", want);
}

Test(a_code_offset_out_of_range, ends_the_process)
{
	char want[128];

	snprintf(want, sizeof(want), "%zu is out of range, there are %zu",
		 page(), page());
	assert_last_words(take_code_past_the_end, "PAGES_FN", want);
}
