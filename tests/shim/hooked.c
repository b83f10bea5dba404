/* SPDX-License-Identifier: MIT */
/*
 * hooked.c - tests the shim in a program that hooks mremap and madvise, as MPI and RDMA stacks do
 *
 * Its mremap has only four parameters, like the hook of one such stack.  So the kernel gets as
 * destination whatever is in that register; here that is the address of one of the program's
 * mappings.  Its madvise learns of ranges that change.  It may call the allocator, and it may
 * wait for a lock that another thread holds while allocating.  The program does not use the
 * library's API.  It prints one line for each check and exits 0 if all hold.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
enum { PAGE = 4096 };

#define EXPECT(what)                                                    \
	do {                                                            \
		if (!(what)) {                                          \
			printf("# line %d: %s\n", __LINE__, #what);     \
			return false;                                   \
		}                                                       \
	} while (0)

static char *own;			/* the program's mapping, which no move may replace */
static void (*told)(char *p, size_t len);	/* called by the hook of madvise */
static _Thread_local bool inside;

/* Exported, so that the dynamic linker binds the shim's calls to them. */
#pragma GCC visibility push(default)

void *
mremap(void *p, size_t len, size_t new_len, int flags, ...)
{
	return (void *)syscall(SYS_mremap, p, len, new_len, flags, own);
}

int
madvise(void *p, size_t len, int advice)
{
	if (advice == MADV_DONTNEED && told != NULL && !inside) {
		inside = true;
		told(p, len);
		inside = false;
	}
	return (int)syscall(SYS_madvise, p, len, advice);
}

#pragma GCC visibility pop

static bool
holds(const char *p, size_t len, char value)
{
	for (size_t i = 0; i < len; i += PAGE)
		if (p[i] != value)
			return false;
	return true;
}

/* A block; the next one lies right behind it, so that it has to move in order to grow. */
static char *
get_hemmed_in(size_t len, char value)
{
	char *p = malloc(len);

	free(p);
	p = malloc(len);
	if (p != NULL)
		memset(p, value, len);
	return p;
}

static bool
grow_beside(char **ret_old, char **ret_new)
{
	char *p = get_hemmed_in(8 * MIB, 1), *q = get_hemmed_in(8 * MIB, 2);

	EXPECT(p != NULL && q != NULL);
	*ret_old = p;
	p = realloc(p, 40 * MIB);
	EXPECT(p != NULL);
	EXPECT(holds(p, 8 * MIB, 1) && holds(q, 8 * MIB, 2) && holds(own, 64 * MIB, 9));
	*ret_new = p;
	free(p);
	free(q);
	return true;
}

/* Ranges that the hook was told of: an MPI stack would drop them from its registration cache. */
static struct { uintptr_t start, end; } ranges[1024];
static size_t ranges_count;

static void
remember(char *p, size_t len)
{
	if (ranges_count < 1024) {
		ranges[ranges_count].start = (uintptr_t)p;
		ranges[ranges_count++].end = (uintptr_t)p + len;
	}
}

static bool
was_told_of(const char *p)
{
	for (size_t i = 0; i < ranges_count; i++)
		if ((uintptr_t)p >= ranges[i].start && (uintptr_t)p < ranges[i].end)
			return true;
	return false;
}

/* In qemu-user what was moved cannot be discarded where it came from: there the shim copies. */
static bool
can_move(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool can;

	/* Not by the functions, which are the hooks. */
	if (p == MAP_FAILED || syscall(SYS_mremap, p, page, page, (long)(MREMAP_MAYMOVE | MREMAP_FIXED |
				       MREMAP_DONTUNMAP), p + page) == -1)
		return false;
	*(volatile char *)p = 1;
	can = syscall(SYS_madvise, p, page, (long)MADV_DONTNEED) == 0 && *(volatile char *)p == 0;
	munmap(p, 2 * page);
	return can;
}

static bool
both_ends_of_a_move_are_told(void)
{
	char *from, *to;

	if (!can_move()) {
		printf("# nothing is moved here\n");
		return true;
	}
	told = remember;
	EXPECT(grow_beside(&from, &to));
	told = NULL;
	EXPECT(from != to);
	/* Look at the middle, because pages at the ends of a block may be copied. */
	EXPECT(was_told_of(from + 4 * MIB));
	EXPECT(was_told_of(to + 4 * MIB));
	return true;
}

static _Atomic unsigned calls;

static void
come_back(char *p, size_t len)
{
	char *a = malloc(3 * MIB), *b;

	(void)p;
	(void)len;
	calls++;
	if (a == NULL)
		abort();
	a[0] = 5;
	b = realloc(a, 20 * MIB);
	if (b == NULL || b[0] != 5)
		abort();
	free(b);
	free(calloc(1, 5 * MIB));
}

static bool
a_hook_may_come_back(void)
{
	char *from, *to;

	told = come_back;
	for (int i = 0; i < 50; i++)
		EXPECT(grow_beside(&from, &to));
	told = NULL;
	/* What a hook frees during a purge must not keep that purge going. */
	EXPECT(calls != 0 && calls < 20000);
	return true;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic bool stop;

static void
wait_for_lock(char *p, size_t len)
{
	(void)p;
	(void)len;
	calls++;
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
}

/* Holds the lock while it allocates, as code that registers memory does. */
static void *
allocate_locked(void *unused)
{
	while (!stop) {
		char *p;

		pthread_mutex_lock(&mutex);
		inside = true;		/* the mutex is not recursive */
		p = malloc(3 * MIB);
		if (p == NULL)
			abort();
		p[0] = 1;
		p = realloc(p, 9 * MIB);
		free(p);
		inside = false;
		pthread_mutex_unlock(&mutex);
		usleep(100);		/* a mutex is not fair to who waits for it */
	}
	return unused;
}

static bool
a_hook_may_wait_for_who_allocates(void)
{
	pthread_t thread;
	char *from, *to;
	bool good = true;

	calls = 0;
	EXPECT(pthread_create(&thread, NULL, allocate_locked, NULL) == 0);
	told = wait_for_lock;
	for (int i = 0; i < 50 && good; i++)
		good = grow_beside(&from, &to);
	told = NULL;
	stop = true;
	pthread_join(thread, NULL);
	EXPECT(good && calls != 0);
	return true;
}

int
main(void)
{
	static const struct {
		const char *name;
		bool (*run)(void);
	} checks[] = {
		{ "both ends of a move are told", both_ends_of_a_move_are_told },
		{ "a hook may come back", a_hook_may_come_back },
		{ "a hook may wait for who allocates", a_hook_may_wait_for_who_allocates },
	};
	int failed = 0;

	alarm(100);
	own = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(own, 9, 64 * MIB);
	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		bool good = checks[i].run();

		printf("%s - %s\n", good ? "ok" : "not ok", checks[i].name);
		failed += !good;
	}
	return failed != 0;
}
