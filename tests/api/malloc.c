/* SPDX-License-Identifier: MIT */
/*
 * <pages/malloc.h> as its users see it: linked with the shared library.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <pages/malloc.h>

#include "support/support.h"

static volatile size_t too_much = (size_t)PTRDIFF_MAX + 1;

static struct pages_stats
stats(void)
{
	struct pages_stats st;

	pages_malloc_stats(&st, sizeof(st));
	return st;
}

/* Without a request, which would be counted. */
static void
needs_an_arena(void)
{
	SKIP_WITHOUT_A_HEAP();
}

Test(malloc, owns_large_blocks_and_leaves_small_ones_to_libc, .init = needs_an_arena)
{
	char *large = pages_malloc(PAGES_THRESHOLD), *small = pages_malloc(PAGES_THRESHOLD - 1);

	cr_assert(pages_owns(large));
	cr_assert(pages_owns(large + PAGES_THRESHOLD - 1));
	cr_assert_not(pages_owns(small));
	cr_assert_not(pages_owns(NULL));
	pages_free(large);
	pages_free(small);
}

Test(malloc, takes_blocks_of_malloc_too, .init = needs_an_arena)
{
	char *p = malloc(1000);

	memset(p, 7, 1000);
	cr_assert_geq(pages_usable_size(p), 1000);
	p = pages_realloc(p, MIB(3));
	cr_assert(pages_owns(p));
	cr_assert_eq(p[999], 7);
	p = pages_realloc(p, 2000);
	cr_assert_not(pages_owns(p));
	cr_assert_eq(p[999], 7);
	pages_free(p);
	pages_free(NULL);
}

Test(malloc, page_aligns_large_blocks_and_may_use_whole_pages, .init = needs_an_arena)
{
	char *volatile p = pages_malloc(MIB(1) + 1);	/* hides the size asked for */
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	cr_assert_eq((uintptr_t)p % page, 0);
	cr_assert_eq(pages_usable_size(p), MIB(1) + page);
	p[MIB(1) + page - 1] = 1;
	pages_free(p);
}

Test(malloc, fails_with_enomem_for_impossible_sizes)
{
	char *p = pages_malloc(MIB(1));

	p[5] = 5;
	errno = 0;
	cr_assert_null(pages_malloc(too_much));
	cr_assert_eq(errno, ENOMEM);
	errno = 0;
	cr_assert_null(pages_calloc(too_much, 2));
	cr_assert_eq(errno, ENOMEM);
	errno = 0;
	cr_assert_null(pages_realloc(p, too_much));
	cr_assert_eq(errno, ENOMEM);
	errno = 0;
	cr_assert_null(pages_aligned_alloc(64, too_much));
	cr_assert_eq(errno, ENOMEM);
	cr_assert_eq(p[5], 5);
	pages_free(p);
}

Test(malloc, refuses_alignments_that_are_no_power_of_two)
{
	errno = 0;
	cr_assert_null(pages_aligned_alloc(48, MIB(1)));
	cr_assert_eq(errno, EINVAL);
	errno = 0;
	cr_assert_null(pages_aligned_alloc(0, MIB(1)));
	cr_assert_eq(errno, EINVAL);
}

Test(malloc, aligns_small_and_large_blocks)
{
	for (size_t align = 1; align <= MIB(4); align *= 2) {
		char *p = pages_aligned_alloc(align, 100), *q = pages_aligned_alloc(align, MIB(1));

		cr_assert_eq((uintptr_t)p % align, 0);
		cr_assert_eq((uintptr_t)q % align, 0);
		pages_free(p);
		pages_free(q);
	}
}

Test(malloc, keeps_the_pointer_when_the_size_is_the_same)
{
	char *p = pages_malloc(MIB(5));

	cr_assert_eq(pages_realloc(p, MIB(5)), p);
	pages_free(p);
}

Test(malloc, frees_with_realloc_to_zero)
{
	cr_assert_null(pages_realloc(pages_malloc(MIB(5)), 0));
	cr_assert_eq(stats().live_objects, 0);
}

Test(malloc, counts_what_it_does, .init = needs_an_arena)
{
	char *p = pages_malloc(MIB(10));
	struct pages_stats st = stats();

	cr_assert_eq(st.requests, 1);
	cr_assert_eq(st.live_bytes, MIB(10));
	pages_free(p);
	st = stats();
	cr_assert_eq(st.live_bytes, 0);
	cr_assert_eq(st.peak_live_bytes, MIB(10));
	cr_assert_eq(st.resident_bytes, st.kept_bytes);
	cr_assert_eq(pages_trim(0), MIB(10));
	cr_assert_eq(stats().kept_bytes, 0);
}

Test(malloc, fills_only_as_much_of_the_stats_as_the_caller_knows, .init = needs_an_arena)
{
	unsigned char part[sizeof(uint64_t) + 1];

	memset(part, 0xee, sizeof(part));
	pages_free(pages_malloc(MIB(1)));
	pages_malloc_stats((struct pages_stats *)part, sizeof(uint64_t));
	cr_assert_eq(part[0], 1);
	cr_assert_eq(part[sizeof(uint64_t)], 0xee);
}

/* The arguments are those of its last words. */
__attribute__((format(printf, 3, 4))) static void
expect_abort(void (*misuse)(char *), char *p, const char *format, ...)
{
	char text[256] = "", expected[256];
	int fd[2], status;
	va_list args;
	pid_t pid;

	cr_assert_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		dup2(fd[1], STDERR_FILENO);
		misuse(p);
		_exit(0);
	}
	close(fd[1]);
	cr_assert_geq(read(fd[0], text, sizeof(text) - 1), 0);
	close(fd[0]);
	waitpid(pid, &status, 0);
	cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	va_start(args, format);
	vsnprintf(expected, sizeof(expected), format, args);
	va_end(args);
	cr_assert_str_eq(text, expected);
}

static void
free_twice(char *p)
{
	pages_free(p);
	pages_free(p);
}

static void
free_twice_after_trim(char *p)
{
	pages_free(p);
	pages_trim(0);
	pages_free(p);
}

static void
free_inner_page(char *p)
{
	pages_free(p + 4 * sysconf(_SC_PAGESIZE));
}

static void
free_inner_byte(char *p)
{
	pages_free(p + 16);
}

static void
free_behind(char *p)
{
	pages_free(p + MIB(1) + 16);
}

static void
realloc_freed(char *p)
{
	pages_free(p);
	(void)!pages_realloc(p, MIB(2));
}

#define WAS_FREED "(): invalid pointer %p: the block of 1048576 bytes there was freed\n"

Test(malloc, ends_the_process_at_a_double_free, .init = needs_an_arena)
{
	char *before = pages_malloc(MIB(1)), *p = pages_malloc(MIB(1)), *after = pages_malloc(MIB(1));

	if (p != before + MIB(1) || after != p + MIB(1))
		cr_skip_test("blocks are not packed");
	expect_abort(free_twice, p, "pages: free" WAS_FREED, p);
	expect_abort(free_twice_after_trim, p, "pages: free(): invalid pointer %p: no block, 0 bytes "
		     "behind one of 1048576 bytes at %p\n", p, before);
	pages_free(before);
	pages_trim(0);
	expect_abort(free_twice_after_trim, p,
		     "pages: free(): invalid pointer %p: there is no block below\n", p);
	pages_free(p);
	pages_free(after);
}

Test(malloc, ends_the_process_when_an_inner_pointer_is_freed, .init = needs_an_arena)
{
	char *p = pages_malloc(MIB(1));
	long inner = 4 * sysconf(_SC_PAGESIZE);

	expect_abort(free_inner_page, p, "pages: free(): invalid pointer %p: byte %ld of the block "
		     "of 1048576 bytes at %p\n", p + inner, inner, p);
	expect_abort(free_inner_byte, p, "pages: free(): invalid pointer %p: byte 16 of the block "
		     "of 1048576 bytes at %p\n", p + 16, p);
	expect_abort(free_behind, p, "pages: free(): invalid pointer %p: no block, 16 bytes behind "
		     "one of 1048576 bytes at %p\n", p + MIB(1) + 16, p);
	pages_free(p);
}

Test(malloc, ends_the_process_when_a_freed_block_is_reallocated, .init = needs_an_arena)
{
	char *p = pages_malloc(MIB(1));

	expect_abort(realloc_freed, p, "pages: realloc" WAS_FREED, p);
}

/* Too little address space to reserve, here; or pages of another size than the arena is made for. */
Test(without_an_arena, everything_is_the_c_library_s)
{
	const struct rlimit tight = { MIB(400), MIB(400) };
	char *p;

	setenv("PAGES_DISABLE", "hint", 1);
	cr_assert_eq(setrlimit(RLIMIT_AS, &tight), 0);
	p = pages_calloc(MIB(1), 2);
	cr_assert(is_zero(p, MIB(2)));
	cr_assert_not(pages_owns(p));
	cr_assert_geq(pages_usable_size(p), MIB(2));
	mark(p, MIB(2), 1);
	p = pages_realloc(p, MIB(9));
	cr_assert(is_marked(p, MIB(2), MIB(2), 1));
	cr_assert_not(pages_owns(p));
	pages_free(p);
	p = pages_aligned_alloc(MIB(2), MIB(3));
	cr_assert_eq((uintptr_t)p % MIB(2), 0);
	cr_assert_not(pages_owns(p));
	pages_free(p);
	cr_assert_eq(pages_trim(0), 0);
	cr_assert_eq(stats().arena_bytes, 0);
}

Test(malloc, works_in_a_forked_child, .init = needs_an_arena)
{
	char *p = pages_malloc(MIB(20)), *q;
	int status;
	pid_t pid;

	mark(p, MIB(20), 1);
	pid = fork();
	if (pid == 0) {
		bool good = is_marked(p, MIB(20), MIB(20), 1);

		pages_free(p);
		q = pages_malloc(MIB(30));
		mark(q, MIB(30), 2);
		good = good && is_marked(q, MIB(30), MIB(30), 2) && stats().requests == 1;
		_exit(good ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	cr_assert_eq(status, 0);
	cr_assert(is_marked(p, MIB(20), MIB(20), 1));
	pages_free(p);
}

/* How deep a large request goes: bytes of a stack that it has written to. */
enum { STACK = 256 * 1024, UNUSED_BYTE = 0x5a };

static void *
request(void *unused)
{
	pages_free(pages_malloc(MIB(8)));
	return unused;
}

static size_t
stack_of_a_request(void)
{
	unsigned char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_t attr;
	pthread_t t;
	size_t unused = 0;

	cr_assert_neq((void *)stack, MAP_FAILED);
	memset(stack, UNUSED_BYTE, STACK);
	cr_assert_eq(pthread_attr_init(&attr), 0);
	cr_assert_eq(pthread_attr_setstack(&attr, stack, STACK), 0);
	cr_assert_eq(pthread_create(&t, &attr, request, NULL), 0);
	pthread_join(t, NULL);
	pthread_attr_destroy(&attr);
	while (unused < STACK && stack[unused] == UNUSED_BYTE)
		unused++;
	munmap(stack, STACK);
	return STACK - unused;
}

/* It may come on the stack of a fiber, or of a signal handler. */
Test(first_request, needs_little_more_stack_than_later_ones)
{
	size_t first, later;

	if (getenv("SANITIZED") != NULL)
		cr_skip_test("a sanitizer's frames are larger");
	pages_free(pages_malloc(1));	/* binds them: that takes stack, too */
	first = stack_of_a_request();
	later = stack_of_a_request();
	cr_assert_leq(first, later + 2048, "%zu bytes, and %zu later", first, later);
}
