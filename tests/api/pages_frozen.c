/* SPDX-License-Identifier: MIT */
/*
 * pages_frozen.c - frozen pages and copy-on-write: what is copied, what is not
 */
#include "pages_support.h"

#include <fcntl.h>

/* KiB of this process's memory of a kind, from /proc/self/status. */
static size_t
status_kib(const char *field)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256], key[64];
	size_t kib = 0;

	snprintf(key, sizeof(key), "%s: ", field);
	while (f != NULL && kib == 0 && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, key, strlen(key)) == 0)
			kib = strtoul(line + strlen(key), NULL, 10);
	if (f != NULL)
		fclose(f);
	return kib;
}

static size_t
count_descriptors(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static struct pages_frozen
frozen_from(struct pages_options options)
{
	struct pages_rw w = {0};
	struct pages_frozen f = {0};
	int err = pages_open_with(&w, &options);

	if (err == -EOPNOTSUPP)
		cr_skip_test("no memory files here");
	cr_assert_eq(err, 0);
	fill(&w);
	cr_assert_eq(pages_freeze(&w, &f), 0);
	cr_assert_eq(pages_len(&w), 0);
	return f;
}

static void
expect_frozen(const struct pages_frozen *f, size_t len)
{
	cr_assert_eq(pages_len(f), len);
	cr_assert(filled(pages_read(f), len));
	cr_assert_eq(fault_of(pages_read(f), true), pages_read(f));
	cr_assert_eq(pages_verify(f), 0);
}

Test(frozen_pages, hold_what_was_there_and_refuse_stores)
{
	const struct pages_options kinds[] = {
		{ .len = 8 * page() }, { .len = 8 * page(), .shared = !disabled("files") },
		{ .len = 8 * page(), .guards = true },
		{ .len = 8 * page(), .align = MIB(2) },
		{ .len = 8 * page(), .reserve = 8 * page(), .guards = true },
		{ .len = 8 * page(), .reserve = 32 * page() },
		{ .len = 8 * page(), .reserve = 32 * page(), .guards = true },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct pages_frozen f = frozen_from(kinds[i]);
		const char *p = pages_read(&f);

		expect_frozen(&f, 8 * page());
		if (kinds[i].guards) {
			cr_assert_eq(fault_of(p - 1, false), p - 1);
			cr_assert_eq(fault_of(p + 8 * page(), false), p + 8 * page());
		}
		pages_close(&f);
		if (kinds[i].reserve != 0)
			cr_assert_eq(count_mappings(p, kinds[i].reserve), 0);
	}
}

Test(frozen_pages, stay_where_they_are)
{
	struct pages_rw w = opened(4 * page());
	struct pages_frozen f = {0};
	const void *p = pages_read(&w);

	cr_assert_eq(pages_freeze(&w, &f), 0);
	cr_assert_eq(pages_read(&f), p);
	pages_close(&f);
}

Test(frozen_pages, may_come_from_read_only_ones)
{
	struct pages_rw w = opened(4 * page());
	struct pages_ro r = {0};
	struct pages_frozen f = {0};

	fill(&w);
	cr_assert_eq(pages_to_ro(&w, &r), 0);
	cr_assert_eq(pages_freeze(&r, &f), 0);
	expect_frozen(&f, 4 * page());
	pages_close(&f);
}

Test(frozen_pages, that_were_mostly_zero_are_mostly_not_copied)
{
	struct pages_rw w = opened(MIB(64)), c = {0};
	struct pages_frozen f = {0};
	size_t shm;

	PAGES_AT(char, &w, MIB(1)) = 1;
	PAGES_AT(char, &w, MIB(63)) = 2;
	shm = status_kib("RssShmem");
	cr_assert_eq(pages_freeze(&w, &f), 0);
	cr_assert_eq(PAGES_AT(char, &f, MIB(1)), 1);
	cr_assert_eq(PAGES_AT(char, &f, MIB(63)), 2);
	cr_assert_leq(status_kib("RssShmem") - shm, 16 * page() >> 10);
	cr_assert_eq(pages_clone(&f, &c), 0);
	cr_assert_eq(PAGES_AT(char, &c, MIB(63)), 2);
	pages_close(&c);
	pages_close(&f);
}

Test(clones, start_equal_and_differ_by_what_is_written)
{
	struct pages_frozen f = frozen_from((struct pages_options){ .len = 8 * page() });
	struct pages_rw a = {0}, b = {0};

	cr_assert_eq(pages_clone(&f, &a), 0);
	cr_assert_eq(pages_clone(&f, &b), 0);
	cr_assert(filled(pages_read(&a), 8 * page()));
	cr_assert(filled(pages_read(&b), 8 * page()));
	memset(pages_write(&a), 0, 8 * page());
	cr_assert(filled(pages_read(&b), 8 * page()));
	expect_frozen(&f, 8 * page());
	cr_assert_eq(pages_verify(&a), 0);
	pages_close(&f);
	cr_assert(filled(pages_read(&b), 8 * page()));	/* outlives its origin */
	pages_close(&a);
	pages_close(&b);
}

/* Two clones of 16 MiB that write one byte each: two pages. */
Test(clones, cost_the_pages_that_they_write)
{
	struct pages_frozen f = frozen_from((struct pages_options){ .len = MIB(16) });
	struct pages_rw a = {0}, b = {0};
	struct pages_range r = {0};
	size_t anon = status_kib("RssAnon"), kib = page() >> 10;

	SKIP_IF_EMULATED("it counts for itself");
	if (disabled("files"))
		cr_skip_test("clones are copies here");
	cr_assert_eq(pages_clone(&f, &a), 0);
	cr_assert_eq(pages_clone(&f, &b), 0);
	PAGES_AT(char, &a, MIB(8)) = 1;
	PAGES_AT(char, &b, MIB(1)) = 1;
	cr_assert(status_kib("RssAnon") - anon <= 2 * kib + 64, "%zu", status_kib("RssAnon") - anon);
	if (!disabled("scan")) {
		cr_assert_eq(pages_resident(&a, &r), 0);
		if (r.len == page()) {	/* the kernel can tell whose pages they are */
			cr_assert_eq(r.offset, MIB(8));
			cr_assert_eq(pages_resident(&a, &r), 0);
			cr_assert_eq(r.len, 0);
		}
	}
	pages_close(&a);
	pages_close(&b);
	pages_close(&f);
}

Test(clones, decommit_to_zero_not_to_what_was_frozen)
{
	struct pages_frozen f = frozen_from((struct pages_options){ .len = 8 * page() });
	struct pages_rw c = {0};

	cr_assert_eq(pages_clone(&f, &c), 0);
	cr_assert_eq(pages_decommit(&c, 2 * page(), 3 * page()), 0);
	cr_assert(all_zero((const char *)pages_read(&c) + 2 * page(), 3 * page()));
	cr_assert(filled(pages_read(&c), 2 * page()));
	cr_assert_eq(pages_prefault(&c, 0, 8 * page()), 0);
	cr_assert(all_zero((const char *)pages_read(&c) + 2 * page(), 3 * page()));
	pages_close(&c);
	pages_close(&f);
}

Test(clones, grow_within_their_reserve)
{
	struct pages_frozen f = frozen_from((struct pages_options){ .len = 8 * page() });
	struct pages_options o = { .reserve = 16 * page() };
	struct pages_rw c = {0}, d = {0};

	cr_assert_eq(pages_clone_with(&f, &c, &o), 0);
	cr_assert_eq(pages_resize(&c, 16 * page()), 0);
	cr_assert(filled(pages_read(&c), 8 * page()));
	cr_assert(all_zero((const char *)pages_read(&c) + 8 * page(), 8 * page()));
	fill(&c);
	cr_assert_eq(pages_resize(&c, 17 * page()), -ERANGE);
	cr_assert_eq(pages_resize(&c, 4 * page()), 0);
	cr_assert_eq(pages_resize(&c, 8 * page()), 0);
	cr_assert(filled(pages_read(&c), 4 * page()));
	cr_assert(all_zero((const char *)pages_read(&c) + 4 * page(), 4 * page()));
	cr_assert_eq(pages_clone(&f, &d), 0);
	cr_assert_eq(pages_resize(&d, 9 * page()), -ERANGE);
	pages_close(&c);
	pages_close(&d);
	pages_close(&f);
}

Test(clones, may_be_of_a_part)
{
	struct pages_frozen f = frozen_from((struct pages_options){ .len = 8 * page() });
	struct pages_options part = { .len = 3 * page() }, more = { .len = 9 * page() };
	struct pages_options odd = { .guards = true };
	struct pages_rw c = {0};

	cr_assert_eq(pages_clone_with(&f, &c, &part), 0);
	cr_assert_eq(pages_len(&c), 3 * page());
	cr_assert(filled(pages_read(&c), 3 * page()));
	cr_assert_eq(pages_clone_with(&f, &c, &part), -EBUSY);
	pages_close(&c);
	FORGET(c);
	cr_assert_eq(pages_clone_with(&f, &c, &more), -EINVAL);
	cr_assert_eq(pages_clone_with(&f, &c, &odd), -EINVAL);
	pages_close(&f);
}

Test(clones, may_be_frozen_and_cloned_again)
{
	struct pages_frozen f = frozen_from((struct pages_options){ .len = 8 * page() }), g = {0};
	struct pages_rw c = {0}, d = {0};

	cr_assert_eq(pages_clone(&f, &c), 0);
	PAGES_AT(char, &c, 0) = 99;
	cr_assert_eq(pages_freeze(&c, &g), 0);
	cr_assert_eq(pages_clone(&g, &d), 0);
	cr_assert_eq(PAGES_AT(char, &d, 0), 99);
	cr_assert_eq(PAGES_AT(unsigned char, &f, 0), pattern(0));
	PAGES_AT(unsigned char, &d, 0) = pattern(0);
	cr_assert(filled(pages_read(&d), 8 * page()));
	pages_close(&d);
	pages_close(&g);
	pages_close(&f);
}

/* The file that is behind them stays the same one. */
Test(shared_pages, are_frozen_without_a_copy)
{
	struct pages_options o = { .len = MIB(4), .shared = true, .label = "original" };
	struct pages_rw w = {0};
	struct pages_frozen f = {0};
	struct pages_mapping m;

	if (pages_open_with(&w, &o) == -EOPNOTSUPP)
		cr_skip_test("no memory files here");
	PAGES_AT(char, &w, 77) = 7;
	cr_assert_eq(pages_query(&w, &m), 0);
	cr_assert(m.shared);
	cr_assert_not_null(strstr(m.name, "original"), "%s", m.name);
	cr_assert_eq(pages_freeze(&w, &f), 0);
	cr_assert_eq(pages_query(&f, &m), 0);
	cr_assert(!m.shared);
	cr_assert_not_null(strstr(m.name, "original"), "%s", m.name);
	cr_assert_eq(PAGES_AT(char, &f, 77), 7);
	pages_close(&f);
}

static int
hold_shared_pages(struct pages_rw *w)
{
	struct pages_options o = { .len = 4 * page(), .shared = true };

	return pages_open_with(w, &o);
}

Test(shared_pages, that_a_child_has_too_cannot_be_frozen)
{
	struct pages_rw w = {0};
	struct pages_frozen f = {0};
	int gate[2], status;
	char byte;
	pid_t pid;

	if (hold_shared_pages(&w) == -EOPNOTSUPP)
		cr_skip_test("no memory files here");
	fill(&w);
	cr_assert_eq(pipe(gate), 0);
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		_exit(read(gate[0], &byte, 1) != 0);
	}
	close(gate[0]);
	cr_assert_eq(pages_freeze(&w, &f), -EBUSY);
	cr_assert_eq(pages_verify(&w), 0);
	cr_assert(filled(pages_read(&w), 4 * page()));
	fill(&w);
	close(gate[1]);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_eq(pages_freeze(&w, &f), 0);
	expect_frozen(&f, 4 * page());
	pages_close(&f);
}

Test(descriptors, are_closed_with_the_pages)
{
	size_t before = count_descriptors();
	struct pages_frozen f = frozen_from((struct pages_options){ .len = page() });
	struct pages_rw c = {0}, w = {0};

	cr_assert_eq(pages_clone(&f, &c), 0);
	pages_close(&f);
	pages_close(&c);
	if (hold_shared_pages(&w) == 0)
		pages_close(&w);
	cr_assert_eq(count_descriptors(), before);
}

/* A program may close every descriptor it does not know. */
static void
close_all_descriptors(void)
{
	struct pages_rw w = opened(4 * page()), s = {0}, c = {0};
	struct pages_frozen f = {0};
	int fd;

	fill(&w);
	if (pages_freeze(&w, &f) != 0 || hold_shared_pages(&s) != 0)
		_exit(1);
	for (fd = 3; fd < 64; fd++)
		close(fd);
	while ((fd = open("/proc/self/exe", O_RDONLY)) < 63)
		if (fd < 0)
			_exit(2);
	if (pages_clone(&f, &c) != -EBADF || pages_resize(&s, 8 * page()) != -EBADF)
		_exit(3);
	if (!filled(pages_read(&f), 4 * page()))
		_exit(4);
	pages_close(&f);
	pages_close(&s);
	for (fd = 3; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) == -1)
			_exit(5);
}

Test(descriptors, that_somebody_closed_are_missed_and_not_closed_again)
{
	/* In 32 bits there is room for four bits of what a file is: take another, then. */
	int tries = sizeof(size_t) > 4 ? 1 : 8, status;
	char said[256];

	if (disabled("files"))
		cr_skip_test("there are none");
	do
		status = run_in_child(close_all_descriptors, said, sizeof(said));
	while (--tries > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 3);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x", status);
}

/* ---- pages of files ---- */

static FILE *
file_of(size_t len)
{
	FILE *f = tmpfile();

	cr_assert_not_null(f);
	for (size_t i = 0; i < len; i++)
		putc(pattern(i), f);
	cr_assert_eq(fflush(f), 0);
	return f;
}

Test(pages_of_a_file, hold_it_and_do_not_write_back)
{
	FILE *f = file_of(3 * page() + 100);
	struct pages_options o = { .len = 3 * page() + 100 };
	struct pages_rw w = {0}, again = {0};

	cr_assert_eq(pages_open_file(&w, &o, fileno(f), 0), 0);
	cr_assert_eq(pages_len(&w), 4 * page());
	cr_assert(filled(pages_read(&w), 3 * page() + 100));
	cr_assert(all_zero((const char *)pages_read(&w) + 3 * page() + 100, page() - 100));
	memset(pages_write(&w), 0, pages_len(&w));
	cr_assert_eq(pages_open_file(&again, &o, fileno(f), 0), 0);
	fclose(f);
	cr_assert(filled(pages_read(&again), 3 * page() + 100));
	pages_close(&w);
	pages_close(&again);
}

Test(pages_of_a_file, may_start_further_on_and_end_before_it_does)
{
	FILE *f = file_of(8 * page());
	struct pages_options o = { .len = page() + 10, .reserve = 8 * page() };
	struct pages_rw w = {0};

	cr_assert_eq(pages_open_file(&w, &o, fileno(f), 2 * page()), 0);
	for (size_t i = 0; i < page() + 10; i++)
		cr_assert_eq(PAGES_AT(unsigned char, &w, i), pattern(2 * page() + i));
	cr_assert(all_zero((const char *)pages_read(&w) + page() + 10, page() - 10));
	cr_assert_eq(pages_resize(&w, 8 * page()), 0);
	cr_assert(all_zero((const char *)pages_read(&w) + 2 * page(), 6 * page()));
	pages_close(&w);
	fclose(f);
}

Test(pages_of_a_file, are_refused_where_there_is_none)
{
	FILE *f = file_of(2 * page());
	struct pages_options o = { .len = 2 * page() }, none = { .len = 0 };
	struct pages_rw w = {0};
	int pipes[2];

	SKIP_IF_EMULATED("other errors");
	cr_assert_eq(pages_open_file(&w, &o, fileno(f), page()), -ERANGE);
	cr_assert_eq(pages_open_file(&w, &o, fileno(f), UINT64_MAX / page() * page()), -ERANGE);
	cr_assert_eq(pages_open_file(&w, &o, fileno(f), 1), -EINVAL);
	cr_assert_eq(pages_open_file(&w, &none, fileno(f), 0), -EINVAL);
	cr_assert_eq(pages_open_file(&w, &o, -1, 0), -EBADF);
	cr_assert_eq(pipe(pipes), 0);
	cr_assert_eq(pages_open_file(&w, &o, pipes[0], 0), -ENODEV);
	cr_assert_eq(pages_len(&w), 0);
	fclose(f);
}
