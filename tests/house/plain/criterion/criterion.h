/* SPDX-License-Identifier: MIT */
/*
 * criterion.h - what the suites use of Criterion, as a plain program
 *
 * Criterion can be neither linked statically nor run in an emulator or with the
 * thread sanitizer.  With -I tests/plain in front of it a suite needs nothing but
 * the C library: each test runs in a child of its own, the results are TAP with
 * Criterion's names, arguments are patterns of the names to run.  What is missing
 * here does not compile.
 *
 * A test passes only if it gets to its end, or dies as it announces, and if nothing
 * failed in it, in its threads or in its children.
 */
#ifndef PAGES_TESTS_PLAIN_CRITERION_H
#define PAGES_TESTS_PLAIN_CRITERION_H

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

struct plain_test_ {
	const char *name, *description;
	void (*run)(void), (*init)(void), (*fini)(void);
	int signal, exit_code;
	bool disabled;
	double timeout;		/* seconds; 0 is the default, PLAIN_PATIENCE_ */
	struct plain_test_ *next;
};
#define PLAIN_PATIENCE_ 300
static struct plain_test_ *plain_first_, **plain_end_ = &plain_first_;

/* Shared by a test, whatever it forks, and main. */
static struct plain_state_ { bool finished, failed; char skip[120]; } *plain_state_;

#define Test(suite, test, ...)                                                     \
	static void suite##_##test##_run_(void);                                   \
	__attribute__((constructor)) static void suite##_##test##_register_(void)  \
	{                                                                          \
		static struct plain_test_ self = { .name = #suite "::" #test,      \
			.run = suite##_##test##_run_, __VA_ARGS__ };               \
		*plain_end_ = &self;                                               \
		plain_end_ = &self.next;                                           \
	}                                                                          \
	static void suite##_##test##_run_(void)

__attribute__((format(printf, 5, 6))) static inline void
plain_fail_(bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
	va_list args;

	plain_state_->failed = true;
	va_start(args, format);
	fprintf(stderr, "# %s:%d: %s:", file, line, what);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	if (fatal)
		_exit(1);
}

#define PLAIN_CHECK_(fatal, ok, what, ...)                                         \
	do {                                                                       \
		if (!(ok))                                                         \
			plain_fail_(fatal, __FILE__, __LINE__, what, " " __VA_ARGS__); \
	} while (0)

#define cr_assert(x, ...) PLAIN_CHECK_(true, x, #x, __VA_ARGS__)
#define cr_assert_not(x, ...) PLAIN_CHECK_(true, !(x), "not " #x, __VA_ARGS__)
#define cr_assert_eq(a, b, ...) PLAIN_CHECK_(true, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) PLAIN_CHECK_(true, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) PLAIN_CHECK_(true, (a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) PLAIN_CHECK_(true, (a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) PLAIN_CHECK_(true, (a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) PLAIN_CHECK_(true, (a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_null(p, ...) cr_assert_eq(p, NULL, __VA_ARGS__)
#define cr_assert_not_null(p, ...) cr_assert_neq(p, NULL, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) cr_assert_eq(strcmp(a, b), 0, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...) cr_assert_neq(strcmp(a, b), 0, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, n, ...) cr_assert_eq(memcmp(a, b, n), 0, __VA_ARGS__)
#define cr_assert_arr_neq(a, b, n, ...) cr_assert_neq(memcmp(a, b, n), 0, __VA_ARGS__)
#define cr_assert_fail(...) PLAIN_CHECK_(true, false, "failed", __VA_ARGS__)
#define cr_expect(x, ...) PLAIN_CHECK_(false, x, #x, __VA_ARGS__)
#define cr_expect_not(x, ...) PLAIN_CHECK_(false, !(x), "not " #x, __VA_ARGS__)
#define cr_expect_eq(a, b, ...) PLAIN_CHECK_(false, (a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) PLAIN_CHECK_(false, (a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) cr_expect_eq(strcmp(a, b), 0, __VA_ARGS__)
#define cr_expect_fail(...) PLAIN_CHECK_(false, false, "failed", __VA_ARGS__)
#define cr_log_info(...) ((void)fprintf(stderr, "# " __VA_ARGS__), (void)fputc('\n', stderr))
#define cr_log_warn cr_log_info
#define cr_log_error cr_log_info
#define cr_skip_test(...) \
	(snprintf(plain_state_->skip, sizeof(plain_state_->skip), " " __VA_ARGS__), exit(0))
#define cr_skip cr_skip_test

static pid_t plain_pid_;		/* the test that runs; in it, itself */
static volatile sig_atomic_t plain_late_;

static inline void
plain_time_out_(int sig)
{
	plain_late_ = sig;
	kill(plain_pid_, SIGKILL);
}

static inline void
plain_child_(const struct plain_test_ *t)
{
	signal(SIGALRM, SIG_DFL);
	plain_pid_ = getpid();
	if (t->init != NULL)
		t->init();
	t->run();
	if (t->fini != NULL)
		t->fini();
	plain_state_->finished |= plain_pid_ == getpid();	/* not by a child that lost its way */
	exit(0);	/* sanitizers have their say in the exit handlers */
}

/* What is wrong with how it went?  NULL if nothing is. */
static inline const char *
plain_blame_(const struct plain_test_ *t)
{
	time_t patience = t->timeout > 0 ? (time_t)t->timeout : PLAIN_PATIENCE_;
	struct itimerval limit = { { 1, 0 }, { patience, 0 } };
	int status;

	memset(plain_state_, 0, sizeof(*plain_state_));
	plain_late_ = 0;
	fflush(stdout);
	if ((plain_pid_ = fork()) == 0)
		plain_child_(t);
	setitimer(ITIMER_REAL, &limit, NULL);
	while (waitpid(plain_pid_, &status, 0) < 0)
		if (errno != EINTR)
			return "could not be run";
	setitimer(ITIMER_REAL, &(struct itimerval){ 0 }, NULL);
	if (plain_late_ != 0)
		return "took too long";
	if (plain_state_->failed)
		return "an assertion failed";
	if (WIFSIGNALED(status))
		return WTERMSIG(status) == t->signal ? NULL : strsignal(WTERMSIG(status));
	if (plain_state_->skip[0] != '\0' && status == 0)
		return NULL;
	if (WEXITSTATUS(status) != t->exit_code)
		return "exited with another status";
	if (t->signal != 0)
		return "raised no signal";
	return plain_state_->finished || t->exit_code != 0 ? NULL : "exited before its end";
}

static inline bool
plain_wanted_(const struct plain_test_ *t, char **patterns)
{
	bool wanted = *patterns == NULL;

	for (; *patterns != NULL; patterns++)
		wanted |= fnmatch(*patterns, t->name, 0) == 0;
	return wanted;
}

int
main(int argc, char **argv)
{
	int n = 0, failed = 0, skipped = 0;

	plain_state_ = mmap(NULL, sizeof(*plain_state_), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (plain_state_ == MAP_FAILED)
		return 99;
	sigaction(SIGALRM, &(struct sigaction){ .sa_handler = plain_time_out_ }, NULL);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	for (struct plain_test_ *t = plain_first_; t != NULL; t = t->next) {
		const char *blame = NULL, *skip = " disabled";

		if (!plain_wanted_(t, argv + 1))
			continue;
		if (!t->disabled) {
			blame = plain_blame_(t);
			skip = plain_state_->skip;
		}
		n++;
		failed += blame != NULL;
		skipped += blame == NULL && skip[0] != '\0';
		if (blame != NULL)
			printf("not ok %d - %s: %s\n", n, t->name, blame);
		else
			printf("ok %d - %s%s%s\n", n, t->name, skip[0] != '\0' ? " # SKIP" : "", skip);
	}
	printf("1..%d\n# %d passed, %d failed, %d skipped\n", n, n - failed - skipped, failed, skipped);
	if (n == 0 && argc > 1)		/* of the tests that were asked for */
		return 77;
	return n == 0 || failed != 0;
}

#endif /* PAGES_TESTS_PLAIN_CRITERION_H */
