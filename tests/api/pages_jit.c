/* SPDX-License-Identifier: MIT */
/*
 * pages_jit.c - code that is written at one address and run at another
 */
#include "pages_support.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

/* long f(void) { return n; } */
#if defined(__x86_64__) || defined(__i386__)
enum { CODE_LEN = 6 };
static void
assemble(unsigned char *code, int n)
{
	code[0] = 0xb8;			/* mov $n, %eax */
	memcpy(code + 1, &n, 4);
	code[5] = 0xc3;			/* ret */
}
#elif defined(__aarch64__)
enum { CODE_LEN = 8 };
static void
assemble(unsigned char *code, int n)
{
	uint32_t words[2] = { 0x52800000u | (uint32_t)(n & 0xffff) << 5, 0xd65f03c0u };

	memcpy(code, words, 8);		/* mov w0, #n; ret */
}
#else
#define NO_CODE
enum { CODE_LEN = 8 };
static void
assemble(unsigned char *code, int n)
{
	memset(code, n, CODE_LEN);
}
#endif

static struct pages_jit
opened_jit(size_t len)
{
	struct pages_jit jit = {0};
	int err = pages_jit_open(&jit, len);

#ifdef NO_CODE
	cr_skip_test("no code for this machine");
#endif
	if (err == -EACCES)
		cr_skip_test("a policy forbids code");
	cr_assert_eq(err, 0);
	return jit;
}

static int
write_and_run(struct pages_jit *jit, size_t off, int n)
{
	unsigned char code[CODE_LEN];
	int err;

	assemble(code, n);
	err = pages_jit_write(jit, off, code, sizeof(code));
	cr_assert_eq(err, 0);
	return PAGES_JIT_FN(jit, off, int(void))();
}

Test(jit, runs_what_was_written)
{
	struct pages_jit jit = opened_jit(1);

	SKIP_IF_EMULATED("code is translated once");
	cr_assert_eq(pages_jit_len(&jit), page());
	for (int n = 0; n < 1000; n++)
		cr_assert_eq(write_and_run(&jit, (size_t)n % 16 * 16, n), n);
	pages_jit_close(&jit);
	cr_assert_eq(pages_jit_len(&jit), 0);
	pages_jit_close(&jit);
}

Test(jit, can_be_edited_in_place)
{
	struct pages_jit jit = opened_jit(page());
	void *at;

	cr_assert_eq(pages_jit_edit(&jit, &at), 0);
	assemble((unsigned char *)at + 64, 4711);
	cr_assert_eq(pages_jit_publish(&jit, 64, CODE_LEN), 0);
	cr_assert_eq(PAGES_JIT_FN(&jit, 64, int(void))(), 4711);
	pages_jit_close(&jit);
}

Test(jit, runs_what_was_there_after_an_edit_is_cancelled)
{
	struct pages_jit jit = opened_jit(page());
	void *at;

	cr_assert_eq(write_and_run(&jit, 0, 5), 5);
	cr_assert_eq(pages_jit_edit(&jit, &at), 0);
	assemble((unsigned char *)at + 64, 4711);
	cr_assert_eq(pages_jit_cancel(&jit), 0);
	cr_assert_eq(PAGES_JIT_FN(&jit, 0, int(void))(), 5);
	pages_jit_close(&jit);
}

/* Nowhere both at once, whatever the way. */
Test(jit, is_never_writable_and_executable_at_one_address)
{
	struct pages_jit jit = opened_jit(page());
	struct pages_mapping m;
	void *at;

	cr_assert_eq(write_and_run(&jit, 0, 1), 1);
	cr_assert_eq(pages_query_address((void *)(uintptr_t)PAGES_JIT_FN(&jit, 0, int(void)), &m), 0);
	cr_assert(m.can_exec && !m.can_write);
	cr_assert_eq(pages_jit_edit(&jit, &at), 0);
	cr_assert_eq(pages_query_address(at, &m), 0);
	cr_assert(m.can_write && !m.can_exec);
	cr_assert_eq(pages_jit_publish(&jit, 0, 1), 0);
	pages_jit_close(&jit);
}

Test(jit, leaves_no_mapping_and_no_descriptor)
{
	struct pages_jit jit = opened_jit(4 * page());
	const char *write = jit.write_, *run = jit.run_;

	pages_jit_close(&jit);
	cr_assert_eq(count_mappings(write, 4 * page()), 0);
	cr_assert_eq(count_mappings(run, 4 * page()), 0);
}

/* One thread calls a function for ever while another rewrites one beside it. */
static _Atomic bool stop;

static void *
call_for_ever(void *arg)
{
	int (*f)(void) = PAGES_JIT_FN((struct pages_jit *)arg, 0, int(void));
	uintptr_t wrong = 0;

	while (!stop)
		wrong += f() != 7;
	return (void *)wrong;
}

Test(jit, lets_code_run_while_it_is_edited)
{
	struct pages_jit jit = opened_jit(page());
	pthread_t thread;
	void *wrong;

	SKIP_IF_EMULATED("code is translated once");
	if (pages_jit_flips(&jit))
		cr_skip_test("one view that flips");
	cr_assert_eq(write_and_run(&jit, 0, 7), 7);
	cr_assert_eq(pthread_create(&thread, NULL, call_for_ever, &jit), 0);
	for (int n = 0; n < 20000; n++)
		cr_assert_eq(write_and_run(&jit, 256, n), n);
	stop = true;
	cr_assert_eq(pthread_join(thread, &wrong), 0);
	cr_assert_null(wrong);
	pages_jit_close(&jit);
}

Test(jit, refuses_what_is_out_of_range)
{
	struct pages_jit jit = opened_jit(page()), empty = {0};
	unsigned char code[CODE_LEN];
	void *at;

	assemble(code, 1);
	cr_assert_eq(pages_jit_write(&jit, page() - CODE_LEN + 1, code, CODE_LEN), -ERANGE);
	cr_assert_eq(pages_jit_write(&jit, unseen(SIZE_MAX), code, CODE_LEN), -ERANGE);
	cr_assert_eq(pages_jit_write(&jit, 1, code, unseen(SIZE_MAX)), -ERANGE);
	cr_assert_eq(pages_jit_publish(&jit, 0, page() + 1), -ERANGE);
	cr_assert_eq(pages_jit_write(&empty, 0, code, CODE_LEN), -EINVAL);
	cr_assert_eq(pages_jit_edit(&empty, &at), -EINVAL);
	cr_assert_eq(pages_jit_publish(&empty, 0, 0), -EINVAL);
	cr_assert_eq(pages_jit_open(&jit, 1), -EBUSY);
	cr_assert_eq(pages_jit_open(&empty, unseen(0)), -EINVAL);
	cr_assert_eq(pages_jit_open(&empty, unseen(SIZE_MAX)), -ENOMEM);
	pages_jit_close(&jit);
}

/* ---- parent and child ---- */

/* In a child: leaves with 0 if the code at off gives n, else with status. */
static void
expect(const struct pages_jit *jit, int n, int status)
{
	if (PAGES_JIT_FN(jit, 0, int(void))() != n)
		_exit(status);
}

/* In a child, which may neither assert nor skip. */
static void
rewrite(struct pages_jit *jit, int n, int status)
{
	unsigned char code[CODE_LEN];

	assemble(code, n);
	if (pages_jit_write(jit, 0, code, sizeof(code)) != 0)
		_exit(status);
	expect(jit, n, status);
}

static void
assert_leaves_well(pid_t pid)
{
	int status;

	cr_assert_geq(pid, 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}

Test(jit, of_the_parent_cannot_be_written_by_a_child)
{
	struct pages_jit jit = opened_jit(page());
	int fd = memfd_create("probe", MFD_ALLOW_SEALING);
	bool sealable = fd >= 0 && fcntl(fd, F_ADD_SEALS, 16 /* FUTURE_WRITE */) == 0;
	pid_t pid;

	SKIP_IF_EMULATED("hints are dropped");
	cr_assert_eq(write_and_run(&jit, 0, 7), 7);
	if (pages_jit_flips(&jit))
		cr_skip_test("a child has pages of its own");
	close(fd);
	pid = fork();
	if (pid == 0) {
		if (fault_of(jit.write_, true) != jit.write_)
			_exit(1);
		if (sealable && mprotect((void *)(uintptr_t)jit.run_, page(), PROT_READ | PROT_WRITE) == 0)
			_exit(2);
		expect(&jit, 7, 3);
		_exit(0);
	}
	assert_leaves_well(pid);
	cr_assert_eq(PAGES_JIT_FN(&jit, 0, int(void))(), 7);
	pages_jit_close(&jit);
}

/* What lies at the writable view's address in a child is not the child's view. */
static void
be_a_child(struct pages_jit *jit)
{
	char *taken = mmap(jit->write_, page(), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (!pages_jit_flips(jit))
		*taken = 42;
	rewrite(jit, 8, 1);
	rewrite(jit, 9, 2);
	if (!pages_jit_flips(jit) && jit->write_ == taken)
		_exit(3);
	pages_jit_close(jit);
	_exit(*taken == 42 ? 0 : 4);
}

static pid_t
make_child(bool with_handlers)
{
	return with_handlers ? fork() : (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}

static void
edit_in_a_child(bool with_handlers)
{
	struct pages_jit jit = opened_jit(page());
	pid_t pid;

	SKIP_IF_EMULATED("code is translated once");
	if (pages_jit_flips(&jit))
		cr_skip_test("a child has pages of its own");
	cr_assert_eq(write_and_run(&jit, 0, 7), 7);
	pid = make_child(with_handlers);
	if (pid == 0)
		be_a_child(&jit);
	assert_leaves_well(pid);
	cr_assert_eq(PAGES_JIT_FN(&jit, 0, int(void))(), 7);
	cr_assert_eq(write_and_run(&jit, 0, 10), 10);
	pages_jit_close(&jit);
}

Test(jit, edited_by_a_child_is_the_childs)
{
	edit_in_a_child(true);
}

Test(jit, edited_by_a_child_that_ran_no_handlers_is_the_childs)
{
	edit_in_a_child(false);
}

/* The parent edits, and edits again, and closes; meanwhile the child waits at the pipe. */
Test(jit, that_a_child_runs_is_not_edited_by_the_parent)
{
	struct pages_jit jit = opened_jit(3 * page());
	const char *write = jit.write_, *run = jit.run_;
	int done[2];
	pid_t pid;
	char c;

	SKIP_IF_EMULATED("code is translated once");
	cr_assert_eq(write_and_run(&jit, 0, 7), 7);
	cr_assert_eq(write_and_run(&jit, 2 * page(), 17), 17);
	cr_assert_eq(pipe(done), 0);
	pid = fork();
	if (pid == 0) {
		close(done[1]);
		for (int n = 0; n < 1000; n++)
			expect(&jit, 7, 1);
		if (read(done[0], &c, 1) != 0)
			_exit(2);
		expect(&jit, 7, 3);
		rewrite(&jit, 8, 4);
		_exit(0);
	}
	close(done[0]);
	for (int n = 0; n < 1000; n++)
		cr_assert_eq(write_and_run(&jit, 0, n), n);
	cr_assert_eq(PAGES_JIT_FN(&jit, 2 * page(), int(void))(), 17);
	cr_assert_eq(pages_jit_len(&jit), 3 * page());
	if (!pages_jit_flips(&jit))
		cr_assert_eq(count_mappings(write, 3 * page()), 0);
	write = jit.write_;
	pages_jit_close(&jit);
	cr_assert_eq(count_mappings(write, 3 * page()), 0);
	cr_assert_eq(count_mappings(run, 3 * page()), 0);
	close(done[1]);
	assert_leaves_well(pid);
}

/* One copy a fork, not one an edit. */
Test(jit, is_copied_once_after_a_fork)
{
	struct pages_jit jit = opened_jit(page());
	const char *write, *copied;
	pid_t pid;

	if (pages_jit_flips(&jit))
		cr_skip_test("a child has pages of its own");
	SKIP_IF_EMULATED("code is translated once");
	write = jit.write_;
	cr_assert_eq(write_and_run(&jit, 0, 7), 7);
	cr_assert_eq(jit.write_, write);
	pid = fork();
	if (pid == 0)
		_exit(0);
	assert_leaves_well(pid);
	cr_assert_eq(write_and_run(&jit, 0, 8), 8);
	copied = jit.write_;
	cr_assert_neq(copied, write);
	cr_assert_eq(write_and_run(&jit, 0, 9), 9);
	cr_assert_eq(jit.write_, copied);
	pages_jit_close(&jit);
}

Test(jit, lets_code_run_while_it_is_edited_after_forks)
{
	struct pages_jit jit = opened_jit(2 * page());
	pthread_t thread;
	void *wrong;

	SKIP_IF_EMULATED("code is translated once");
	if (pages_jit_flips(&jit))
		cr_skip_test("one view that flips");
	cr_assert_eq(write_and_run(&jit, 0, 7), 7);
	cr_assert_eq(pthread_create(&thread, NULL, call_for_ever, &jit), 0);
	for (int n = 0; n < 300; n++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		cr_assert_eq(write_and_run(&jit, page(), n), n);
		assert_leaves_well(pid);
	}
	stop = true;
	cr_assert_eq(pthread_join(thread, &wrong), 0);
	cr_assert_null(wrong);
	pages_jit_close(&jit);
}

/* In the child of a process whose pid is 1, the pid is 1 again. */
static void
work_in_nested_namespaces(void)
{
	struct pages_jit jit = {0};
	struct pages_rw w = {0};
	unsigned got;
	int status = 0;
	pid_t pid;

	if (pages_jit_open(&jit, 1) != 0 || pages_secret_open(&w, 1, &got) != 0)
		_exit(77);
	rewrite(&jit, 7, 1);
	if (unshare(CLONE_NEWPID) != 0)
		_exit(77);
	pid = fork();
	if (pid == 0) {
		char *secret = pages_write(&w);

		if (getpid() != 1)
			_exit(77);
		rewrite(&jit, 8, 2);
		/* Something else comes to lie where the secret is in the parent. */
		secret = mmap(secret, page(), PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		*secret = 42;
		pages_close(&w);
		_exit(*secret == 42 ? 0 : 3);
	}
	if (waitpid(pid, &status, 0) != pid || status != 0)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
	expect(&jit, 7, 5);
}

static void
work_as_the_first(void)
{
	int status = 0;
	pid_t pid;

	if (unshare(CLONE_NEWPID) != 0)
		_exit(77);
	pid = fork();
	if (pid == 0) {
		if (getpid() != 1)
			_exit(77);
		work_in_nested_namespaces();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		_exit(6);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 7);
}

Test(jit, and_secrets_tell_a_child_from_its_parent_whatever_the_pids)
{
	char said[256];
	int status;

#ifdef NO_CODE
	cr_skip_test("no code for this machine");
#endif
	SKIP_IF_EMULATED("code is translated once");
	status = run_in_child(work_as_the_first, said, sizeof(said));
	cr_assert(WIFEXITED(status), "status %#x: %s", status, said);
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("no pid namespaces here");
	cr_assert_eq(WEXITSTATUS(status), 0);
}

/* ---- under PR_SET_MDWE ---- */

static void
work_under_lockdown(void)
{
	struct pages_jit before = {0}, after = {0};
	struct pages_rw w = {0};
	struct pages_rx x = {0};
	unsigned char code[CODE_LEN];

	if (pages_jit_open(&before, 1) != 0)
		_exit(77);
	if (pages_lockdown() != 0)
		_exit(77);
	if (pages_open(&w, 1) != 0 || pages_to_rx(&w, &x) != -EACCES)
		_exit(1);
	if (pages_verify(&w) != 0)
		_exit(2);
	assemble(code, 12);
	if (pages_jit_flips(&before))
		_exit(pages_jit_write(&before, 0, code, sizeof(code)) == -EACCES ? 0 : 3);
	if (pages_jit_open(&after, 1) != 0)
		_exit(4);
	if (pages_jit_write(&before, 0, code, sizeof(code)) != 0 ||
	    pages_jit_write(&after, 0, code, sizeof(code)) != 0)
		_exit(5);
	if (PAGES_JIT_FN(&before, 0, int(void))() != 12 || PAGES_JIT_FN(&after, 0, int(void))() != 12)
		_exit(6);
}

Test(lockdown, leaves_the_jit_working_and_nothing_else)
{
	char said[256];
	int status;

#ifdef NO_CODE
	cr_skip_test("no code for this machine");
#endif
	status = run_in_child(work_under_lockdown, said, sizeof(said));
	cr_assert(WIFEXITED(status), "status %#x", status);
	if (WEXITSTATUS(status) == 77)
		cr_skip_test("no PR_SET_MDWE here");
	cr_assert_eq(WEXITSTATUS(status), 0);
}

/* ---- last words ---- */

static void
run_an_empty_one(void)
{
	struct pages_jit jit = {0};

	FORGET(jit);
	PAGES_JIT_FN(&jit, 0, void(void))();
}

static void
run_past_the_end(void)
{
	struct pages_jit jit = {0};

	if (pages_jit_open(&jit, 1) == 0)
		PAGES_JIT_FN(&jit, page(), void(void))();
}

Test(jit, ends_the_process_where_there_is_no_code)
{
	char want[128];

	assert_last_words(run_an_empty_one, "PAGES_JIT_FN",
			  "empty handle (not opened, closed, or moved by a transition)");
	snprintf(want, sizeof(want), "%zu is out of range, there are %zu", page(), page());
	assert_last_words(run_past_the_end, "PAGES_JIT_FN", want);
}
