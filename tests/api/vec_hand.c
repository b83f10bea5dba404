/* SPDX-License-Identifier: MIT */
/*
 * vec_hand.c - vectors that become pages, clones and files, and come back
 */
#include <pages/paged_vec.h>

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "support/support.h"

PAGED_VEC(longs, long);
PAGED_VEC_ORDER(longs, PAGED_VEC_ASCENDING);

struct triple {
	long a, b, c;
};
PAGED_VEC(triples, struct triple);

static struct longs
counted(size_t n, bool shared)
{
	struct paged_vec_options o = { .shared = shared };
	struct longs v = {0};

	/* Without memory files vectors are what they are without the wish. */
	if (longs_open(&v, &o) != 0)
		cr_assert(shared && getenv("PAGES_DISABLE") != NULL);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(longs_push(&v, (long)i), 0);
	return v;
}

static void
check(const struct longs *v, size_t n)
{
	cr_assert_eq(longs_len(v), n);
	for (size_t i = 0; i < n; i++)
		cr_assert_eq(*longs_get(v, i), (long)i);
}

Test(vec_hand, freezes_and_thaws_in_place)
{
	struct longs v = counted(MIB(1), false);
	const long *place = longs_cdata(&v);
	struct pages_ro ro = {0};
	size_t n;

	cr_assert_eq(longs_freeze(&v, &ro, &n), 0);
	cr_assert(n == MIB(1) && longs_capacity(&v) == 0);
	cr_assert(pages_read(&ro) == place && PAGES_AT(long, &ro, 77) == 77);
	cr_assert_eq(pages_verify(&ro), 0);
	cr_assert_eq(longs_thaw(&ro, pages_len(&ro) / sizeof(long) + 1, &v), -ERANGE);
	cr_assert_eq(longs_thaw(&ro, n, &v), 0);
	cr_assert(longs_cdata(&v) == place && pages_len(&ro) == 0);
	check(&v, MIB(1));
	cr_assert_eq(longs_resize(&v, MIB(3), 1), 0);
	longs_free(&v);
}

Test(vec_hand, cannot_be_written_to_while_frozen, .signal = SIGSEGV)
{
	struct longs v = counted(100, false);
	struct pages_ro ro = {0};
	long *x;
	size_t n;

	cr_assert_eq(longs_freeze(&v, &ro, &n), 0);
	x = (long *)(uintptr_t)pages_read(&ro);
	*x = 1;
}

Test(vec_hand, leaves_both_sides_alone_if_the_target_is_taken)
{
	struct longs v = counted(10, false), w = counted(5, false);
	struct pages_ro ro = {0}, other = {0};
	size_t n = 77;

	cr_assert_eq(longs_freeze(&w, &other, &n), 0);
	cr_assert_eq(longs_freeze(&v, &other, &n), -EBUSY);
	check(&v, 10);
	cr_assert_eq(longs_thaw(&other, 5, &v), -EBUSY);
	cr_assert_eq(PAGES_AT(long, &other, 4), 4);
	cr_assert_eq(longs_freeze(&w, &ro, &n), 0);
	cr_assert_eq(n, 0);
	pages_close(&ro);
	pages_close(&other);
	longs_free(&v);
}

/* Before, what is in memory counts, whoever has brought it there: see pages_resident(3). */
static bool
linux_since(int major, int minor)
{
	struct utsname name;
	int a = 0, b = 0;

	uname(&name);
	sscanf(name.release, "%d.%d", &a, &b);
	return a > major || (a == major && b >= minor);
}

static size_t
resident_bytes(const struct longs *v)
{
	struct pages_range r = {0};
	size_t n = 0;

	while (longs_resident(v, &r) == 0 && r.len != 0)
		n += r.len;
	return n;
}

Test(vec_hand, has_clones_that_cost_what_they_write)
{
	struct longs v = counted(MIB(1), true), a = {0}, b = {0};
	struct pages_frozen frozen = {0};
	size_t n;

	cr_assert_eq(longs_snapshot(&v, &frozen, &n), 0);
	cr_assert_eq(longs_clone_cow(&frozen, n, &a), 0);
	cr_assert_eq(longs_clone_cow(&frozen, n, &b), 0);
	cr_assert_eq(longs_clone_cow(&frozen, n, &b), -EBUSY);
	{
		struct longs c = {0};

		cr_assert_eq(longs_clone_cow(&frozen, pages_len(&frozen) / 8 + 1, &c), -ERANGE);
		cr_assert(longs_is_empty(&c) && longs_capacity(&c) == 0);
	}
	*longs_at(&a, 5) = -1;
	if (getenv("PAGES_DISABLE") == NULL && linux_since(6, 7))
		cr_assert_leq(resident_bytes(&a), KIB(128));
	check(&b, MIB(1));
	cr_assert_eq(PAGES_AT(long, &frozen, 5), 5);
	pages_close(&frozen);
	/* Clones outlive their origin, grow in place, and beyond that all the same. */
	for (size_t i = MIB(1); i < MIB(5); i++)
		cr_assert_eq(longs_push(&b, (long)i), 0);
	check(&b, MIB(5));
	cr_assert_eq(*longs_get(&a, 5), -1);
	longs_free(&a);
	longs_free(&b);
}

/* Under the pages that are given up lies the file, not zeroes. */
Test(vec_hand, has_clones_that_can_give_memory_back)
{
	struct longs v = counted(MIB(1), false), a = {0};
	struct pages_frozen frozen = {0};
	size_t n;

	cr_assert_eq(longs_snapshot(&v, &frozen, &n), 0);
	cr_assert_eq(longs_clone_cow(&frozen, n, &a), 0);
	cr_assert_eq(longs_clear_decommit(&a), 0);
	cr_assert_eq(longs_resize_zeroed(&a, MIB(2)), 0);
	for (size_t i = 0; i < MIB(2); i++)
		cr_assert_eq(*longs_at(&a, i), 0);
	cr_assert_eq(PAGES_AT(long, &frozen, 5), 5);
	pages_close(&frozen);
	longs_free(&a);
}

static int
scratch_file(void)
{
	char path[] = "/tmp/vector-XXXXXX";
	int fd = mkstemp(path);

	cr_assert(fd >= 0);
	unlink(path);
	return fd;
}

Test(vec_hand, maps_what_was_saved)
{
	struct longs v = counted(MIB(1), false), w = {0};
	struct pages_mapping mapping;
	int fd = scratch_file();

	cr_assert_eq(longs_save(&v, fd), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), (off_t)MIB(8));
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	cr_assert_eq(longs_load(&w, fd), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_CUR), (off_t)MIB(8));
	cr_assert_eq(pages_query_address(longs_cdata(&w), &mapping), 0);
	cr_assert_eq(strncmp(mapping.name, "/tmp/vector-", 12), 0, "it was read");
	cr_assert(longs_eq(&v, &w));
	/* What is written stays private. */
	*longs_at(&w, 3) = -3;
	for (size_t i = MIB(1); i < MIB(3); i++)
		cr_assert_eq(longs_push(&w, (long)i), 0);
	longs_free(&v);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	cr_assert_eq(longs_load(&v, fd), 0);
	check(&v, MIB(1));
	*longs_at(&w, 3) = 3;
	check(&w, MIB(3));
	close(fd);
	longs_free(&v);
	longs_free(&w);
}

Test(vec_hand, reads_from_where_the_file_stands)
{
	struct longs v = counted(MIB(1), false), w = {0};
	int fd = scratch_file();

	cr_assert_eq(write(fd, "header ", 8), 8);
	cr_assert_eq(longs_save(&v, fd), 0);
	cr_assert_eq(lseek(fd, 8, SEEK_SET), 8);
	cr_assert_eq(longs_load(&w, fd), 0);
	check(&w, MIB(1));
	cr_assert_eq(longs_load(&w, fd), -EBUSY);
	longs_free(&w);
	cr_assert_eq(longs_load(&w, fd), 0);
	cr_assert_eq(longs_len(&w), 0);
	close(fd);
	longs_free(&v);
	longs_free(&w);
}

Test(vec_hand, refuses_a_part_of_an_element)
{
	struct longs v = counted(MIB(1), false);
	struct triples w = {0};
	int fd = scratch_file();

	cr_assert_eq(longs_save(&v, fd), 0);
	cr_assert_eq(lseek(fd, 0, SEEK_SET), 0);
	cr_assert_eq(triples_load(&w, fd), -EINVAL);	/* by its length */
	cr_assert_eq(lseek(fd, 8, SEEK_SET), 8);
	cr_assert_eq(ftruncate(fd, 8 + 24 + 8), 0);
	cr_assert_eq(triples_load(&w, fd), -EINVAL);	/* by reading */
	cr_assert_eq(triples_capacity(&w), 0);
	close(fd);
	longs_free(&v);
}

static void *
write_end(void *fd)
{
	struct longs v = counted(MIB(1), false);

	cr_assert_eq(longs_save(&v, *(int *)fd), 0);
	close(*(int *)fd);
	longs_free(&v);
	return NULL;
}

Test(vec_hand, goes_through_a_pipe)
{
	struct longs w = {0};
	pthread_t writer;
	int fd[2];

	cr_assert_eq(pipe(fd), 0);
	cr_assert_eq(pthread_create(&writer, NULL, write_end, &fd[1]), 0);
	cr_assert_eq(longs_load(&w, fd[0]), 0);
	pthread_join(writer, NULL);
	check(&w, MIB(1));
	close(fd[0]);
	longs_free(&w);
}

Test(vec_hand, says_what_is_wrong_with_a_descriptor)
{
	struct longs v = counted(100, false), w = {0};

	cr_assert_eq(longs_save(&v, -1), -EBADF);
	cr_assert_eq(longs_load(&w, -1), -EBADF);
	check(&v, 100);
	longs_free(&v);
}
