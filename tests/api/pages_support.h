/* SPDX-License-Identifier: MIT */
/*
 * pages_support.h - what the suites of the page core share
 */
#ifndef PAGES_TESTS_PAGES_SUPPORT_H
#define PAGES_TESTS_PAGES_SUPPORT_H

#ifndef PAGES_ENABLE_EXEC
#define PAGES_ENABLE_EXEC
#endif
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

#include "support/support.h"

/* More than there can be.  For the kernel to say so is possible in 64-bit only. */
#define TOO_MUCH (SIZE_MAX / (sizeof(size_t) > 4 ? 4 : 2))

/* The compiler refuses to use handles that it knows to be empty: make it forget. */
#define FORGET(handle) __asm__ volatile("" : "+m"(handle))

#define UNUSED __attribute__((unused))

/* It refuses constants that are no length or index, too. */
static UNUSED size_t
unseen(size_t n)
{
	return n;
}

static UNUSED size_t
page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static UNUSED struct pages_rw
opened(size_t len)
{
	struct pages_rw w = {0};

	cr_assert_eq(pages_open(&w, len), 0);
	return w;
}

static UNUSED struct pages_rw
opened_with(struct pages_options options)
{
	struct pages_rw w = {0};

	cr_assert_eq(pages_open_with(&w, &options), 0);
	return w;
}

/* Every byte differs from its neighbours, and every page from the next. */
static UNUSED unsigned char
pattern(size_t i)
{
	return (unsigned char)(i * 7 + i / 4096 * 31 + 1);
}

static UNUSED void
fill(struct pages_rw *w)
{
	for (size_t i = 0; i < pages_len(w); i++)
		PAGES_AT(unsigned char, w, i) = pattern(i);
}

static UNUSED bool
filled(const void *start, size_t len)
{
	const unsigned char *p = start;

	for (size_t i = 0; i < len; i++)
		if (p[i] != pattern(i))
			return false;
	return true;
}

static UNUSED bool
all_zero(const void *start, size_t len)
{
	return is_zero(start, len);
}

/* Emulators let the kernel count its own pages, where theirs are larger. */
static UNUSED bool
mincore_counts_pages(void)
{
	unsigned char map[256];
	char *p = mmap(NULL, 2 * page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool counts;

	memset(map, 0xff, sizeof(map));
	p[0] = 1;
	counts = mincore(p, 2 * page(), map) == 0 && map[0] == 1 && map[1] == 0 && map[2] == 0xff;
	munmap(p, 2 * page());
	return counts;
}

/* Not so in emulators that take advice for hints and ignore it. */
static UNUSED bool
kernel_discards(void)
{
	char *p = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool discards;

	p[0] = 1;
	discards = madvise(p, page(), MADV_DONTNEED) == 0 && p[0] == 0;
	munmap(p, page());
	return discards;
}

/* How many pages of the range hold memory?  Skips the test where nobody knows. */
static UNUSED size_t
resident(const void *start, size_t len)
{
	unsigned char *map = malloc(len / page());
	size_t n = 0;

	if (!mincore_counts_pages())
		cr_skip_test("mincore does not count pages here");
	cr_assert_eq(mincore((void *)(uintptr_t)start, len, map), 0);
	for (size_t i = 0; i < len / page(); i++)
		n += map[i] & 1;
	free(map);
	return n;
}

/* Take the pages away behind the handle's back, so that mprotect must fail. */
static UNUSED void
unmap(void *p, size_t len)
{
	cr_assert_eq(munmap(p, len), 0);
	if (mprotect(p, len, PROT_NONE) == 0)	/* an emulator that keeps all its addresses mapped */
		cr_skip_test("mprotect does not notice a hole here");
}

/* Emulators take advice for hints, and say yes to what no kernel knows. */
static UNUSED bool
emulated(void)
{
	char *p = mmap(NULL, page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool yes = madvise(p, page(), 9999) == 0;

	munmap(p, page());
	return yes;
}
#define SKIP_IF_EMULATED(what)                                                     \
	do {                                                                       \
		if (emulated())                                                    \
			cr_skip_test("an emulator: " what);                        \
	} while (0)

/* Is a two-letter flag set in the VmFlags of the mapping at p? */
static UNUSED bool
has_flag(const void *p, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[512];
	unsigned long a, b;
	bool here = false, found = false;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%lx-%lx ", &a, &b) == 2)
			here = a <= (unsigned long)p && (unsigned long)p < b;
		else if (here && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

static sigjmp_buf out;
static void *volatile fault_address;

static UNUSED void
on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	fault_address = info->si_addr;
	siglongjmp(out, 1);
}

/* Where does an access to p fault?  NULL if it does not. */
static UNUSED void *
fault_of(const void *p, bool store)
{
	struct sigaction sa = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, segv, bus;
	volatile unsigned char *byte = (volatile unsigned char *)(uintptr_t)p;

	fault_address = NULL;
	sigaction(SIGSEGV, &sa, &segv);
	sigaction(SIGBUS, &sa, &bus);
	if (sigsetjmp(out, 1) == 0) {
		if (store)
			*byte = 1;
		else
			(void)*byte;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return fault_address;
}

#ifdef PAGES_TESTS_COVERAGE_H
/* A child that is to die of a signal still does, a little later. */
static UNUSED void
count_and_die(int sig)
{
	__gcov_dump();
	signal(sig, SIG_DFL);
	raise(sig);
}
#endif

/* Run f in a child; its wait status, and what it says on stderr. */
static UNUSED int
run_in_child(void (*f)(void), char *said, size_t size)
{
	size_t have = 0;
	ssize_t n;
	int status, fd[2];
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
#ifdef PAGES_TESTS_COVERAGE_H
		signal(SIGSEGV, count_and_die);
		signal(SIGBUS, count_and_die);
#endif
		dup2(fd[1], STDERR_FILENO);
		close(fd[0]);
		close(fd[1]);
		f();
		_exit(0);
	}
	close(fd[1]);
	while ((n = read(fd[0], said + have, size - 1 - have)) > 0)
		have += (size_t)n;
	said[have] = '\0';
	close(fd[0]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/*
 * Run f, which tries what an unprivileged user may not, in a child: it leaves with 0 if
 * all is well, with 77 if it cannot become such a user.
 */
static UNUSED void
assert_as_nobody(void (*f)(void))
{
	char said[256];
	int status = run_in_child(f, said, sizeof(said));

	if (!locks_are_real())
		cr_skip_test("mlock does nothing here");
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("cannot become another user");
	cr_assert_eq(WEXITSTATUS(status), 0);
}

/*
 * Run f in a child that must die by abort, and say on stderr which call in this test
 * file it died of, and what of.
 */
#define assert_last_words(f, call, what) last_words_of(f, call, __FILE__, what)
static UNUSED void
last_words_of(void (*f)(void), const char *call, const char *file, const char *what)
{
	char got[512], want[512];
	const char *line = NULL;
	int status = run_in_child(f, got, sizeof(got));

	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %#x: %s", status, got);
	snprintf(want, sizeof(want), "pages: %s at %s:", call, file);
	if (strncmp(got, want, strlen(want)) == 0)
		line = got + strlen(want);
	cr_assert_not_null(line, "%s", got);
	snprintf(want, sizeof(want), "%lu: %s\n", strtoul(line, NULL, 10), what);
	/* Emulators have something to say about the abort as well. */
	cr_assert_eq(strncmp(line, want, strlen(want)), 0, "%s", got);
}

#endif /* PAGES_TESTS_PAGES_SUPPORT_H */
