/* SPDX-License-Identifier: MIT */
/*
 * hostile.c - the page core in programs that are at their limits, or that do
 * behind its back what they should not
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

#define PAGE ((size_t)sysconf(_SC_PAGESIZE))
#define LEN (8 * PAGE)
enum { OWNER = 5 };

static int
try_open(struct pages_rw *rw, struct pages_options o)
{
	return pages_open_with(rw, &o);
}

static struct pages_rw
opened(struct pages_options o)
{
	struct pages_rw rw = {0};
	int err;

	o.len = LEN;
	err = try_open(&rw, o);
	if (err == -EOPNOTSUPP)
		cr_skip_test("memory files are forbidden here");
	cr_assert_eq(err, 0);
	mark(pages_write(&rw), LEN, OWNER);
	return rw;
}

static bool
intact(const struct pages_rw *rw)
{
	int verdict = pages_verify(rw);

	return pages_len(rw) == LEN && is_marked(pages_read(rw), LEN, LEN, OWNER) &&
	       (verdict == 0 || verdict == -EOPNOTSUPP);
}

/* Descriptors. --------------------------------------------------------------- */

/* A file of the program's own, with words of its own, that takes the lowest number. */
static int
open_own_file(void)
{
	char path[] = "/tmp/pages-test-XXXXXX";
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	unlink(path);
	cr_assert_eq(pwrite(fd, "my data", 7, 0), 7);
	cr_assert_eq(ftruncate(fd, (off_t)(3 * LEN)), 0);
	return fd;
}

static bool
is_own_file(int fd)
{
	char words[8] = "";

	return pread(fd, words, 7, 0) == 7 && strcmp(words, "my data") == 0 &&
	       lseek(fd, 0, SEEK_END) == (off_t)(3 * LEN);
}

/* Close the descriptors that have come since first, and put own files there. */
static void
replace_files(int first, int *ret, int n)
{
	for (int i = 0; i < n; i++)
		close(first + i);
	for (int i = 0; i < n; i++)
		cr_assert_eq(ret[i] = open_own_file(), first + i);
}

static int
next_fd(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

Test(a_closed_descriptor, of_shared_pages_is_not_taken_for_the_next_file)
{
	int first = next_fd(), own;
	struct pages_rw rw = opened((struct pages_options){ .shared = true });
	struct pages_frozen frozen = {0};

	replace_files(first, &own, 1);
	cr_assert_eq(pages_resize(&rw, 2 * LEN), -EBADF);
	cr_assert_eq(pages_resize(&rw, PAGE), -EBADF);
	cr_assert_eq(pages_freeze(&rw, &frozen), -EBADF);
	cr_assert(intact(&rw));
	pages_close(&rw);
	cr_assert(is_own_file(own));
}

Test(a_closed_descriptor, of_frozen_pages_is_not_taken_for_the_next_file)
{
	int first = next_fd(), own;
	struct pages_rw rw = opened((struct pages_options){ .label = NULL }), clone = {0};
	struct pages_frozen frozen = {0};

	cr_assert_eq(pages_freeze(&rw, &frozen), 0);
	if (next_fd() == first)
		cr_skip_test("memory files are forbidden here");
	replace_files(first, &own, 1);
	cr_assert_eq(pages_clone(&frozen, &clone), -EBADF);
	cr_assert(is_marked(pages_read(&frozen), LEN, LEN, OWNER));
	pages_close(&frozen);
	cr_assert(is_own_file(own));
}

Test(a_shortage_of_descriptors, is_an_error_that_changes_nothing)
{
	const struct rlimit none = { 3, 3 };
	struct pages_rw rw = opened((struct pages_options){ .guards = true });
	struct pages_rw shared = opened((struct pages_options){ .shared = true }), more = {0};
	struct pages_frozen frozen = {0};
	unsigned got;

	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	cr_assert_eq(pages_freeze(&rw, &frozen), -EMFILE);
	cr_assert_eq(try_open(&more, (struct pages_options){ .len = LEN, .shared = true }),
		     -EMFILE);
	cr_assert(intact(&rw));
	cr_assert_eq(pages_freeze(&shared, &frozen), 0);
	cr_assert_eq(pages_clone(&frozen, &more), 0);
	pages_close(&more);
	cr_assert_eq(pages_secret_open(&more, LEN, &got), 0);
	cr_assert_eq(got & PAGES_SECRET_HIDDEN, 0);
	pages_close(&more);
	pages_close(&frozen);
	pages_close(&rw);
}

/* Limits. ---------------------------------------------------------------------- */

/*
 * Use up the mappings that the process may have.  One page in two has another
 * permission, so that no two can be one mapping.
 */
static void
use_up_mappings(void)
{
	enum { MANY = 1 << 18 };
	size_t len = 2 * (size_t)MANY * PAGE;
	char *p = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t i = 0;

	cr_assert_neq(p, MAP_FAILED);
	while (i < MANY && mprotect(p + 2 * i * PAGE, PAGE, PROT_READ) == 0)
		i++;
	if (i == MANY)
		cr_skip_test("there is no limit of mappings that can be reached");
	/* A split in the middle takes two, one at the end takes one. */
	(void)mprotect(p + len - PAGE, PAGE, PROT_READ);
}

static void
use(struct pages_rw *rw)
{
	struct pages_ro ro = {0};
	struct pages_frozen frozen = {0};
	size_t len = pages_len(rw);

	if (pages_resize(rw, 2 * len) == 0 && pages_resize(rw, len) != 0) {
		/* Its end lies within a mapping now, which cannot be split. */
		cr_assert_eq(pages_len(rw), 2 * len);
		cr_assert(is_marked(pages_read(rw), len, len, OWNER));
		return;
	}
	cr_assert(intact(rw));
	if (pages_to_ro(rw, &ro) == 0)
		cr_assert_eq(pages_to_rw(&ro, rw), 0);
	cr_assert(intact(rw));
	if (pages_decommit(rw, PAGE, PAGE) == 0)
		cr_assert(is_zero((const char *)pages_read(rw) + PAGE, PAGE));
	mark(pages_write(rw), len, OWNER);
	cr_assert(intact(rw));
	if (pages_freeze(rw, &frozen) != 0) {
		cr_assert(intact(rw));
		return;
	}
	cr_assert(is_marked(pages_read(&frozen), len, len, OWNER));
	if (pages_clone(&frozen, rw) == 0)
		cr_assert(intact(rw));
	pages_close(&frozen);
}

static void
use_many(void (*exhaust)(void))
{
	struct pages_rw p[] = {
		opened((struct pages_options){ .align = 0 }),
		opened((struct pages_options){ .align = 4 * PAGE }),
		opened((struct pages_options){ .guards = true }),
		opened((struct pages_options){ .reserve = 4 * LEN }),
		opened((struct pages_options){ .reserve = 4 * LEN, .guards = true }),
		opened((struct pages_options){ .shared = true }),
	};
	struct pages_rw more = {0};
	int err;

	exhaust();
	for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++)
		use(&p[i]);
	err = try_open(&more, (struct pages_options){ .len = LEN, .guards = true });
	cr_assert(err == 0 || err == -ENOMEM);
	for (size_t i = 0; i < sizeof(p) / sizeof(p[0]); i++)
		pages_close(&p[i]);
}

Test(the_limit_of_mappings, is_an_error_that_changes_nothing)
{
	if (getenv("SANITIZED") != NULL)
		cr_skip_test("sanitizers need mappings of their own");
	use_many(use_up_mappings);
}

static void
use_up_address_space(void)
{
	struct rlimit limit = { 0, 0 };
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long pages = 0;

	cr_assert_eq(fscanf(f, "%lu", &pages), 1);
	fclose(f);
	limit.rlim_cur = limit.rlim_max = (pages + 2) * PAGE;
	if (getenv("SANITIZED") != NULL || setrlimit(RLIMIT_AS, &limit) != 0)
		cr_skip_test("the address space cannot be limited");
}

Test(the_limit_of_address_space, is_an_error_that_changes_nothing)
{
	use_many(use_up_address_space);
}

/* The first of two mappings can be changed, the second had to be split: see mprotect(2). */
Test(the_limit_of_mappings, does_not_leave_half_of_a_transition)
{
	struct pages_rw rw = opened((struct pages_options){ .align = 0 }), upper = {0};
	struct pages_ro ro = {0};

	if (getenv("SANITIZED") != NULL)
		cr_skip_test("sanitizers need mappings of their own");
	/* New mappings lie below older ones, and are one with them: in the end. */
	for (int i = 0; i < 100 && (char *)rw.p_.base_ + LEN != upper.p_.base_; i++) {
		upper = rw;
		rw = opened((struct pages_options){ .align = 0 });
	}
	cr_assert_eq(madvise(pages_write(&rw), PAGE, MADV_RANDOM), 0);
	use_up_mappings();
	if (pages_to_ro(&rw, &ro) == 0)
		cr_skip_test("neighbours are mappings of their own here");
	cr_assert(intact(&rw));
	mark(pages_write(&rw), LEN, OWNER);
}

/* As somebody who must keep to limits. */
Test(the_limit_of_locked_memory, once_lowered_does_not_unlock)
{
	const struct rlimit none = { 0, 0 }, enough = { 64 << 10, 64 << 10 };
	struct pages_rw rw = opened((struct pages_options){ .align = 0 });
	char line[256];
	long kib = -1;
	FILE *f;

	if (getenv("SANITIZED") != NULL || setrlimit(RLIMIT_MEMLOCK, &enough) != 0 ||
	    (geteuid() == 0 && setuid(65534) != 0))
		cr_skip_test("limits do not hold here");
	cr_assert_eq(pages_lock(&rw), 0);
	cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	cr_assert_neq(pages_lock(&rw), 0);
	f = fopen("/proc/self/status", "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		(void)sscanf(line, "VmLck: %ld", &kib);
	cr_assert_eq(kib, (long)(LEN >> 10));
	cr_assert_eq(pages_resize(&rw, PAGE), -EBUSY);
	pages_close(&rw);
}

/* Lengths and offsets. ----------------------------------------------------------- */

static const size_t extremes[] = {
	SIZE_MAX, SIZE_MAX - 4095, SIZE_MAX / 2 + 1, PTRDIFF_MAX, PTRDIFF_MAX - 4095,
	(size_t)1 << 62, (size_t)1 << 48,
};

Test(extreme_lengths, are_refused)
{
	struct pages_rw more = {0}, plain = opened((struct pages_options){ .align = 0 });
	struct pages_rw p[] = {
		plain,
		opened((struct pages_options){ .guards = true }),
		opened((struct pages_options){ .align = 4 * PAGE }),
		opened((struct pages_options){ .reserve = 4 * LEN }),
		opened((struct pages_options){ .shared = true }),
	};
	struct pages_frozen frozen = {0};
	struct pages_jit jit = {0};
	unsigned got;

	for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
		size_t n = extremes[i];

		cr_assert_lt(pages_open(&more, n), 0);
		cr_assert_lt(try_open(&more, (struct pages_options){ .len = n, .guards = true }), 0);
		cr_assert_lt(try_open(&more, (struct pages_options){ .len = n, .shared = true }), 0);
		cr_assert_lt(try_open(&more, (struct pages_options){ .len = 1, .reserve = n }), 0);
		cr_assert_lt(try_open(&more, (struct pages_options){ .len = 1, .align = n }), 0);
		cr_assert_lt(try_open(&more, (struct pages_options){
				     .len = n, .huge = PAGES_HUGE_1G }), 0);
		cr_assert_lt(pages_secret_open(&more, n, &got), 0);
		cr_assert_lt(pages_jit_open(&jit, n), 0);
		for (size_t k = 0; k < sizeof(p) / sizeof(p[0]); k++) {
			cr_assert_lt(pages_resize(&p[k], n), 0);
			cr_assert_eq(pages_decommit(&p[k], n, n), -ERANGE);
			cr_assert_eq(pages_decommit(&p[k], 1, n), -ERANGE);
			cr_assert_eq(pages_prefault(&p[k], n, 1), -ERANGE);
			cr_assert_eq(pages_prefault(&p[k], PAGE, n), -ERANGE);
			cr_assert(intact(&p[k]));
		}
	}
	cr_assert_eq(pages_freeze(&p[0], &frozen), 0);
	for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
		struct pages_options len = { .len = extremes[i] }, reserve = { .reserve = extremes[i] };

		cr_assert_lt(pages_clone_with(&frozen, &more, &len), 0);
		cr_assert_lt(pages_clone_with(&frozen, &more, &reserve), 0);
	}
	cr_assert_eq(pages_len(&more), 0);
	pages_close(&frozen);
}

Test(pages_of_a_file, that_are_not_there_are_refused)
{
	struct pages_options o = { .len = LEN };
	struct pages_rw rw = {0};
	int fd = open_own_file(), ends[2];

	for (size_t i = 0; i < sizeof(extremes) / sizeof(extremes[0]); i++) {
		uint64_t offset = extremes[i] & ~(uint64_t)(PAGE - 1);

		cr_assert_eq(pages_open_file(&rw, &o, fd, offset), -ERANGE);
		o.len = extremes[i];
		cr_assert_lt(pages_open_file(&rw, &o, fd, 0), 0);
		o.len = LEN;
	}
	cr_assert_eq(pages_open_file(&rw, &o, fd, 1), -EINVAL);
	cr_assert_eq(pages_open_file(&rw, &o, -1, 0), -EBADF);
	cr_assert_eq(pipe(ends), 0);
	cr_assert_lt(pages_open_file(&rw, &o, ends[0], 0), 0);
	cr_assert_eq(ftruncate(fd, 0), 0);
	cr_assert_eq(pages_open_file(&rw, &o, fd, 0), -ERANGE);
	cr_assert_eq(pages_len(&rw), 0);
}

/* Behind its back. ---------------------------------------------------------------- */

Test(pages_that_were_unmapped, are_missed)
{
	struct pages_rw rw = opened((struct pages_options){ .align = 0 });
	struct pages_ro ro = {0};
	struct pages_mapping m;

	cr_assert_eq(munmap(pages_write(&rw), LEN), 0);
	cr_assert_eq(pages_verify(&rw), -EFAULT);
	cr_assert_eq(pages_query(&rw, &m), -EFAULT);
	cr_assert_eq(pages_resize(&rw, 2 * LEN), -EFAULT);
	cr_assert_eq(pages_to_ro(&rw, &ro), -ENOMEM);
	if (locks_are_real())
		cr_assert_lt(pages_lock(&rw), 0);
	cr_assert_lt(pages_advise(&rw, PAGES_HINT_DONT_DUMP), 0);
	cr_assert_eq(pages_len(&rw), LEN);
	pages_close(&rw);
}

/* Threads and forks. ---------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 60 };

static void
live_a_life(uint64_t *seed)
{
	struct pages_options o = { .guards = random_next(seed) % 2, .label = "thread" };
	struct pages_rw rw = opened(o), clone = {0};
	struct pages_ro ro = {0};
	struct pages_frozen frozen = {0};

	cr_assert_eq(pages_resize(&rw, 3 * LEN), 0);
	cr_assert_eq(pages_resize(&rw, LEN), 0);
	cr_assert(intact(&rw));
	cr_assert_eq(pages_to_ro(&rw, &ro), 0);
	cr_assert_eq(pages_freeze(&ro, &frozen), 0);
	cr_assert_eq(pages_clone(&frozen, &clone), 0);
	pages_close(&frozen);
	cr_assert(intact(&clone));
	pages_close(&clone);
}

static void *
live(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	for (int i = 0; i < ROUNDS; i++)
		live_a_life(&seed);
	return NULL;
}

Test(threads, with_handles_of_their_own_do_not_meet)
{
	pthread_t t[THREADS];
	size_t files = (size_t)next_fd();

	for (uintptr_t i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&t[i], NULL, live, (void *)(i + 1)), 0);
	/* Meanwhile, children: each inherits what there is, and can go on. */
	for (uint64_t i = 0; i < 10; i++) {
		uint64_t seed = i + 1;
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			live_a_life(&seed);
			_exit(0);
		}
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_assert_eq(status, 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	cr_assert_eq((size_t)next_fd(), files);
}
