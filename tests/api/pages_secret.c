/* SPDX-License-Identifier: MIT */
/*
 * pages_secret.c - pages that are hard to get at, and what was got
 */
#include "pages_support.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>

static struct pages_rw
secret(unsigned *got)
{
	struct pages_rw w = {0};

	*got = 0;
	cr_assert_eq(pages_secret_open(&w, 100, got), 0);
	cr_assert_eq(pages_len(&w), page());
	strcpy(pages_write(&w), "open sesame");
	return w;
}

Test(a_secret, can_be_written_and_read)
{
	unsigned got;
	struct pages_rw w = secret(&got), w2 = {0};
	struct pages_none n = {0};
	struct pages_ro r = {0};

	SKIP_IF_EMULATED("it shows a part of the mappings");
	cr_assert_str_eq(pages_read(&w), "open sesame");
	cr_assert_eq(pages_to_none(&w, &n), 0);
	cr_assert_eq(pages_verify(&n), 0);
	cr_assert_eq(pages_to_ro(&n, &r), 0);
	cr_assert_str_eq(pages_read(&r), "open sesame");
	cr_assert_eq(pages_to_rw(&r, &w2), 0);
	cr_assert_eq(pages_prefault(&w2, 0, page()), 0);
	cr_assert_eq(pages_decommit(&w2, 0, page()), 0);
	cr_assert(all_zero(pages_read(&w2), page()));
	pages_close(&w2);
}

Test(a_secret, is_guarded)
{
	unsigned got;
	struct pages_rw w = secret(&got);
	const char *p = pages_read(&w);

	SKIP_IF_EMULATED("it shows a part of the mappings");
	cr_assert(got & PAGES_SECRET_GUARDED);
	cr_assert_eq(fault_of(p - 1, false), p - 1);
	cr_assert_eq(fault_of(p + page(), false), p + page());
	cr_assert_eq(pages_verify(&w), 0);
	pages_close(&w);
}

/* Reads another process's memory as a debugger does, through /proc. */
Test(a_secret, that_is_hidden_cannot_be_read_through_proc)
{
	unsigned got;
	struct pages_rw w = secret(&got);
	char copy[12] = "";
	int fd = open("/proc/self/mem", O_RDONLY);
	ssize_t n;

	if (!(got & PAGES_SECRET_HIDDEN) || fd < 0)
		cr_skip_test("no memfd_secret here");
	n = pread(fd, copy, sizeof(copy), (off_t)(uintptr_t)pages_read(&w));
	cr_assert_lt(n, 0);
	cr_assert_str_eq(copy, "");
	close(fd);
	pages_close(&w);
}

Test(a_secret, has_what_it_says_it_has)
{
	unsigned got;
	struct pages_rw w = secret(&got);
	const void *p = pages_read(&w);

	SKIP_IF_EMULATED("hints are dropped");
	if (!has_flag(p, " rd"))
		cr_skip_test("no VmFlags here");
	if (locks_are_real())
		cr_assert_eq(has_flag(p, " lo"), (got & PAGES_SECRET_LOCKED) != 0);
	cr_assert_eq(has_flag(p, " dd"), (got & PAGES_SECRET_NOT_DUMPED) != 0);
	cr_assert_eq(has_flag(p, " dc") || has_flag(p, " wf"),
		     (got & PAGES_SECRET_NOT_FORKED) != 0);
	pages_close(&w);
}

/* The child sees zeroes or faults, and may close its handle whatever lies there now. */
Test(a_secret, is_not_the_childs)
{
	unsigned got;
	struct pages_rw w = secret(&got);
	const char *p = pages_read(&w);
	int status;
	pid_t pid;

	SKIP_IF_EMULATED("hints are dropped");
	if (!(got & PAGES_SECRET_NOT_FORKED))
		cr_skip_test("neither DONTFORK nor WIPEONFORK here");
	pid = fork();
	if (pid == 0) {
		char *taken;

		if (fault_of(p, false) == NULL && *p != '\0')
			_exit(1);
		/* Something else comes to lie where the secret is in the parent. */
		munmap((void *)(uintptr_t)p, page());
		taken = mmap((void *)(uintptr_t)p, page(), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		if (taken != p)
			_exit(2);
		*taken = 42;
		pages_close(&w);
		_exit(*taken == 42 ? 0 : 3);
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
	cr_assert_str_eq(pages_read(&w), "open sesame");
	pages_close(&w);
}

Test(a_secret, cannot_be_resized_frozen_or_unlocked)
{
	unsigned got;
	struct pages_rw w = secret(&got);
	struct pages_frozen f = {0};

	cr_assert_eq(pages_resize(&w, 2 * page()), -EOPNOTSUPP);
	cr_assert_eq(pages_freeze(&w, &f), -EOPNOTSUPP);
	cr_assert_eq(pages_unlock(&w), -EOPNOTSUPP);
	cr_assert_str_eq(pages_read(&w), "open sesame");
	pages_close(&w);
}

/* What a page holds when it is unmapped: the library's munmap is this one. */
static const char *watched;
static enum { NOT_SEEN, CLEARED, NOT_CLEARED } seen;

__attribute__((visibility("default"))) int
munmap(void *p, size_t len)
{
	if (watched != NULL && (char *)p <= watched && watched < (char *)p + len)
		seen = all_zero(watched, page()) ? CLEARED : NOT_CLEARED;
	return (int)syscall(SYS_munmap, p, len);
}

Test(a_secret, is_cleared_when_it_is_closed_whatever_its_type)
{
	unsigned got;
	struct pages_rw w = secret(&got), v = secret(&got);
	struct pages_none n = {0};

	watched = pages_read(&w);
	pages_close(&w);
	cr_assert_eq(seen, CLEARED);
	seen = NOT_SEEN;
	watched = pages_read(&v);
	cr_assert_eq(pages_to_none(&v, &n), 0);
	pages_close(&n);
	cr_assert_eq(seen, CLEARED);
}

static void
open_beyond_the_limit(void)
{
	const struct rlimit none = { 0, 0 };
	struct pages_rw w = {0};
	unsigned got = 0;

	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 || setuid(65534) != 0)
		_exit(77);
	if (pages_secret_open(&w, 1, &got) != 0 || (got & PAGES_SECRET_LOCKED) != 0)
		_exit(1);
	if (!(got & PAGES_SECRET_GUARDED))
		_exit(2);
	strcpy(pages_write(&w), "open sesame");
	pages_close(&w);
}

Test(a_secret, says_when_it_is_not_locked)
{
	assert_as_nobody(open_beyond_the_limit);
}

/* The kernel has no hidden pages left, which are locked ones: the others are to be had. */
/* In /proc/self/maps of qemu-i386 the lowest guard is missing. */
static bool
guards_are_shown(void)
{
	struct pages_rw w = {0};
	unsigned got;
	bool shown = pages_secret_open(&w, 1, &got) == 0 && pages_verify(&w) != -EFAULT;

	pages_close(&w);
	return shown;
}

static void
open_more_than_the_limit(void)
{
	enum { PAGES_LOCKED = 16, MORE = 8 };
	struct rlimit few = { PAGES_LOCKED * page(), PAGES_LOCKED * page() };
	struct pages_rw w[PAGES_LOCKED + MORE];
	bool shown = guards_are_shown();
	unsigned got;

	memset(w, 0, sizeof(w));
	if (setrlimit(RLIMIT_MEMLOCK, &few) != 0 || setuid(65534) != 0)
		_exit(77);
	for (int i = 0; i < PAGES_LOCKED + MORE; i++) {
		if (pages_secret_open(&w[i], 1, &got) != 0 ||
		    (shown && pages_verify(&w[i]) != 0))
			_exit(1);
		if (i >= PAGES_LOCKED && (got & (PAGES_SECRET_HIDDEN | PAGES_SECRET_LOCKED)) != 0)
			_exit(2);
		if ((got & PAGES_SECRET_GUARDED) == 0 || (got & PAGES_SECRET_NOT_DUMPED) == 0)
			_exit(3);
		strcpy(pages_write(&w[i]), "open sesame");
	}
	for (int i = 0; i < PAGES_LOCKED + MORE; i++)
		pages_close(&w[i]);
}

Test(a_secret, beyond_the_limit_of_locked_memory_has_all_the_rest)
{
	assert_as_nobody(open_more_than_the_limit);
}

Test(a_secret, of_no_length_or_too_much_is_refused)
{
	struct pages_rw w = {0};
	unsigned got = 77;

	cr_assert_eq(pages_secret_open(&w, unseen(0), &got), -EINVAL);
	cr_assert_eq(pages_secret_open(&w, unseen(SIZE_MAX), &got), -ENOMEM);
	cr_assert_eq(pages_secret_open(&w, unseen(SIZE_MAX - page() + 1), &got), -ENOMEM);
	cr_assert_eq(pages_secret_open(&w, unseen(PTRDIFF_MAX), &got), -ENOMEM);
	cr_assert_eq(got, 77);
	cr_assert_eq(pages_len(&w), 0);
}
