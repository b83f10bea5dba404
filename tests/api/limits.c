/* SPDX-License-Identifier: MIT */
/*
 * limits.c - RLIMIT_FSIZE: memory files and files are refused, and no signal ends the process
 */
#include "pages_support.h"

#include <fcntl.h>
#include <pages/paged_vec.h>

PAGED_VEC(longs, long);

#define LIMIT ((size_t)1 << 16)
#define BEYOND (4 * LIMIT)

/* In a child, which leaves with the number of the line that is wrong. */
enum { UNABLE = 255 };
#define MUST(what) ((what) ? (void)0 : _exit(__LINE__))

static void
limit_files(void)
{
	const struct rlimit limit = { LIMIT, LIMIT };

	MUST(signal(SIGXFSZ, SIG_DFL) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static bool
is_blocked_or_pending(void)
{
	sigset_t mask, pending;

	return sigprocmask(SIG_BLOCK, NULL, &mask) != 0 || sigpending(&pending) != 0 ||
	       sigismember(&mask, SIGXFSZ) == 1 || sigismember(&pending, SIGXFSZ) == 1;
}

static void
must_pass(void (*f)(void))
{
	char said[256];
	int status = run_in_child(f, said, sizeof(said));

	cr_assert(WIFEXITED(status), "status %#x: %s", status, said);
	if (WEXITSTATUS(status) == UNABLE)
		cr_skip_test("no memory files here");
	cr_assert_eq(WEXITSTATUS(status), 0, "line %d", WEXITSTATUS(status));
}

static void
share(void)
{
	struct pages_rw w = {0};
	int err;

	limit_files();
	err = pages_open_with(&w, &(struct pages_options){ .len = BEYOND, .shared = true });
	if (err == -EOPNOTSUPP)
		_exit(UNABLE);
	MUST(err == -EFBIG && pages_len(&w) == 0);
	MUST(pages_open_with(&w, &(struct pages_options){ .len = LIMIT, .shared = true }) == 0);
	fill(&w);
	MUST(pages_resize(&w, BEYOND) == -EFBIG);
	MUST(pages_len(&w) == LIMIT && filled(pages_read(&w), LIMIT));
	pages_close(&w);
	MUST(!is_blocked_or_pending());
}

Test(a_limit_on_files, refuses_shared_pages)
{
	must_pass(share);
}

/*
 * Each has two mappings, as the headers say; at the limit the answer is -ENOMEM, what is open stays
 * as it is, and what is closed makes room again.
 */
enum { MOST = 1 << 17, REFUSALS = 100 };

static long
limit_of_mappings(void)
{
	FILE *f = fopen("/proc/sys/vm/max_map_count", "r");
	long n = -1;

	MUST(f != NULL && fscanf(f, "%ld", &n) == 1 && fclose(f) == 0);
	if (n > MOST)
		_exit(UNABLE);
	return n;
}

static long
mapped_pages(void)
{
	static char buf[64];	/* without a mapping for stdio's buffer */
	int fd = open("/proc/self/statm", O_RDONLY);

	MUST(fd >= 0 && read(fd, buf, sizeof(buf) - 1) > 0 && close(fd) == 0);
	return strtol(buf, NULL, 10);
}

static void
open_secrets(void)
{
	static struct pages_rw w[MOST];
	long n = 0, again, limit = limit_of_mappings();
	unsigned got;

	while (pages_secret_open(&w[n], 1, &got) == 0)
		PAGES_AT(long, &w[n], 0) = n, n++;
	MUST(n > limit / 2 - 500 && n <= limit / 2);
	for (int i = 0; i < REFUSALS; i++)
		MUST(pages_secret_open(&w[n], 1, &got) == -ENOMEM && pages_len(&w[n]) == 0);
	for (long i = 0; i < n; i++) {
		MUST(PAGES_AT(long, &w[i], 0) == i);
		pages_close(&w[i]);
	}
	for (again = 0; again < n; again++)
		MUST(pages_secret_open(&w[again], 1, &got) == 0);
}

static void
clone_frozen(void)
{
	static struct pages_rw w[MOST + 1];
	struct pages_options shared = { .len = 1, .shared = true };
	long n = 0, again, limit = limit_of_mappings(), mapped;
	struct pages_frozen f = {0};

	/* Copies without a file are ordinary memory, which the kernel merges into one mapping. */
	if (pages_open_with(&w[0], &shared) == -EOPNOTSUPP)
		_exit(UNABLE);
	pages_close(&w[0]);
	MUST(pages_open(&w[0], 1) == 0);
	PAGES_AT(long, &w[0], 0) = 77;
	MUST(pages_freeze(&w[0], &f) == 0);
	while (pages_clone(&f, &w[n]) == 0)
		n++;
	MUST(n > limit - 500 && n <= limit);
	mapped = mapped_pages();
	for (int i = 0; i < REFUSALS; i++)
		MUST(pages_clone(&f, &w[n]) == -ENOMEM && pages_len(&w[n]) == 0);
	MUST(mapped_pages() == mapped);
	for (long i = 0; i < n; i++) {
		MUST(PAGES_AT(long, &w[i], 0) == 77);
		pages_close(&w[i]);
	}
	for (again = 0; again < n; again++)
		MUST(pages_clone(&f, &w[again]) == 0);
}

static void
open_code(void)
{
	static struct pages_jit jit[MOST];
	long n = 0, again, limit = limit_of_mappings();

	if (pages_jit_open(&jit[0], 1) != 0 || pages_jit_flips(&jit[0]))
		_exit(UNABLE);
	pages_jit_close(&jit[0]);
	while (pages_jit_open(&jit[n], 1) == 0)
		MUST(pages_jit_write(&jit[n], 0, &n, sizeof(n)) == 0 && n++ < MOST - 1);
	MUST(n > limit / 2 - 500 && n <= limit / 2);
	for (int i = 0; i < REFUSALS; i++)
		MUST(pages_jit_open(&jit[n], 1) == -ENOMEM && pages_jit_len(&jit[n]) == 0 &&
		     pages_jit_open_near(&jit[n], 1, open_code, (size_t)1 << 30) == -ENOMEM);
	for (long i = 0; i < n; i++) {
		MUST(memcmp(jit[i].run_, &i, sizeof(i)) == 0);
		pages_jit_close(&jit[i]);
	}
	for (again = 0; again < n; again++)
		MUST(pages_jit_open(&jit[again], 1) == 0);
}

static void
must_end(void (*f)(void))
{
	SKIP_IF_EMULATED("mappings are not the kernel's");
	if (getenv("SANITIZED") != NULL)
		cr_skip_test("sanitizers need mappings of their own");
	must_pass(f);
}

Test(a_limit_on_mappings, ends_the_number_of_secrets)
{
	must_end(open_secrets);
}

Test(a_limit_on_mappings, ends_the_number_of_clones)
{
	must_end(clone_frozen);
}

Test(a_limit_on_mappings, ends_the_number_of_code)
{
	must_end(open_code);
}

/* Less than a page, when memory files are asked for first: they are not given up for good. */
static void
lift_a_tiny_limit(void)
{
	struct rlimit limit = { 1, LIMIT };
	struct pages_options o = { .len = 1, .shared = true };
	struct pages_rw w = {0};
	struct pages_jit jit = {0};
	unsigned got;
	int err;

	MUST(signal(SIGXFSZ, SIG_DFL) != SIG_ERR && setrlimit(RLIMIT_FSIZE, &limit) == 0);
	err = pages_open_with(&w, &o);
	if (err == -EOPNOTSUPP)
		_exit(UNABLE);
	MUST(err == -EFBIG);
	MUST(pages_secret_open(&w, 1, &got) == 0 && (got & PAGES_SECRET_HIDDEN) == 0);
	pages_close(&w);
	if (pages_jit_open(&jit, 1) == 0)
		MUST(pages_jit_flips(&jit));
	pages_jit_close(&jit);
	limit.rlim_cur = LIMIT;
	MUST(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	MUST(pages_open_with(&w, &o) == 0);
	pages_close(&w);
	MUST(!is_blocked_or_pending());
}

Test(a_limit_on_files, that_is_lifted_is_forgotten)
{
	must_pass(lift_a_tiny_limit);
}

static void
use_up_descriptors(void)
{
	struct rlimit none, limit;
	struct pages_options o = { .len = 1, .shared = true };
	struct pages_rw w = {0};
	int err;

	MUST(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	none = limit;
	none.rlim_cur = 0;
	MUST(setrlimit(RLIMIT_NOFILE, &none) == 0);
	err = pages_open_with(&w, &o);
	if (err == -EOPNOTSUPP)
		_exit(UNABLE);
	MUST(err == -EMFILE && setrlimit(RLIMIT_NOFILE, &limit) == 0);
	MUST(pages_open_with(&w, &o) == 0);
	pages_close(&w);
}

Test(a_limit_on_descriptors, that_is_lifted_is_forgotten)
{
	must_pass(use_up_descriptors);
}

static void
freeze_and_clone(void)
{
	struct pages_rw w = {0}, clone = {0};
	struct pages_frozen f = {0};

	limit_files();
	MUST(pages_open(&w, BEYOND) == 0);
	fill(&w);
	MUST(pages_freeze(&w, &f) == 0 && pages_clone(&f, &clone) == 0);
	PAGES_AT(unsigned char, &clone, 0) = 0;
	MUST(filled(pages_read(&f), BEYOND));
	MUST(PAGES_AT(unsigned char, &clone, BEYOND - 1) == pattern(BEYOND - 1));
	MUST(pages_verify(&f) != -EACCES);
	MUST(!is_blocked_or_pending());
	pages_close(&f);
	pages_close(&clone);
}

Test(a_limit_on_files, lets_pages_be_frozen)
{
	must_pass(freeze_and_clone);
}

static void
open_code_and_secrets(void)
{
	struct pages_jit jit = {0};
	struct pages_rw w = {0};
	unsigned got;
	int err;

	limit_files();
	err = pages_jit_open(&jit, BEYOND);
	MUST(err == -EACCES || (err == 0 && pages_jit_flips(&jit) &&
				pages_jit_write(&jit, 0, "code", 4) == 0));
	MUST(pages_secret_open(&w, BEYOND, &got) == 0 && (got & PAGES_SECRET_HIDDEN) == 0);
	memset(pages_write(&w), 1, BEYOND);
	MUST(!is_blocked_or_pending());
	pages_jit_close(&jit);
	pages_close(&w);
}

Test(a_limit_on_files, lets_code_flip_and_secrets_be_ordinary)
{
	must_pass(open_code_and_secrets);
}

static void
edit_after_a_fork(void)
{
	struct pages_jit jit = {0};
	int status;
	pid_t pid;
	void *at;

	if (pages_jit_open(&jit, BEYOND) != 0 || pages_jit_flips(&jit))
		_exit(UNABLE);
	MUST(pages_jit_write(&jit, 0, "code", 4) == 0);
	limit_files();
	pid = fork();
	if (pid == 0)
		_exit(0);
	MUST(waitpid(pid, &status, 0) == pid);
	MUST(pages_jit_edit(&jit, &at) == -EFBIG);
	MUST(memcmp(jit.run_, "code", 4) == 0);
	MUST(!is_blocked_or_pending());
	pages_jit_close(&jit);
}

Test(a_limit_on_files, refuses_to_edit_code_that_a_child_has)
{
	must_pass(edit_after_a_fork);
}

/* The file is the limit's length afterwards, as after write(2). */
static void
save_a_vector(void)
{
	FILE *f = tmpfile();
	struct longs v = {0};

	MUST(f != NULL);
	limit_files();
	for (long i = 0; i < (long)(BEYOND / sizeof(long)); i++)
		MUST(longs_push(&v, i) == 0);
	MUST(longs_save(&v, fileno(f)) == -EFBIG);
	MUST(lseek(fileno(f), 0, SEEK_END) == (off_t)LIMIT);
	MUST(!is_blocked_or_pending());
	longs_free(&v);
}

Test(a_limit_on_files, refuses_to_save_a_longer_vector)
{
	must_pass(save_a_vector);
}

/* What the program has blocked, and what was pending there, is as it was. */
static void
keep_a_pending_signal(void)
{
	struct pages_rw w = {0};
	sigset_t set, pending;

	limit_files();
	sigemptyset(&set);
	sigaddset(&set, SIGXFSZ);
	MUST(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	for (int raised = 0; raised < 2; raised++) {
		int err = pages_open_with(&w, &(struct pages_options){ .len = BEYOND, .shared = true });

		if (err == -EOPNOTSUPP)
			_exit(UNABLE);
		MUST(err == -EFBIG && sigpending(&pending) == 0);
		MUST(sigismember(&pending, SIGXFSZ) == raised);
		MUST(raise(SIGXFSZ) == 0);
	}
}

Test(a_limit_on_files, leaves_the_programs_own_signals_alone)
{
	must_pass(keep_a_pending_signal);
}
