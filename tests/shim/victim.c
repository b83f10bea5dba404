/* SPDX-License-Identifier: MIT */
/*
 * victim.c - an ordinary program that checks the malloc family, with the shim and without
 *
 * It does not use the library's API.  preload.sh runs it with several thresholds and next
 * allocators.  It prints one line for each check and exits 0 if all hold.  With an argument it
 * runs only the checks whose names contain that.
 */
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KIB ((size_t)1 << 10)
#define MIB ((size_t)1 << 20)

#define EXPECT(what)                                                              \
	do {                                                                      \
		if (!(what)) {                                                    \
			printf("# line %d: %s (errno %d)\n", __LINE__, #what, errno); \
			return false;                                             \
		}                                                                 \
	} while (0)

/* Sizes below and above every threshold, and odd ones. */
static const size_t sizes[] = { 0,	   1,		 100,	       4096,	    60 * KIB,
				64 * KIB,  255 * KIB,	 256 * KIB,    300 * KIB,   1 * MIB + 1,
				2 * MIB,   2 * MIB + 17, 5 * MIB - 1,  16 * MIB,    33 * MIB + 5 };
#define SIZES (sizeof(sizes) / sizeof(*sizes))

/* Not musl's, but the shim's there, too. */
extern void *pvalloc(size_t size) __attribute__((weak));

/* Volatile, to hide impossible sizes from the compiler, which knows malloc(). */
static volatile size_t huge = (size_t)PTRDIFF_MAX + 1, hugest = SIZE_MAX;

static unsigned char
pattern(size_t i, unsigned seed)
{
	return (unsigned char)(i * 131 + (i >> 12) * 17 + seed);
}

static void
fill(unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = pattern(i, seed);
}

static bool
filled(const unsigned char *p, size_t len, unsigned seed)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != pattern(i, seed))
			return false;
	return true;
}

static bool
all_zero(const unsigned char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != 0)
			return false;
	return true;
}

static bool
malloc_gives_separate_aligned_blocks(void)
{
	unsigned char *p[SIZES];

	for (unsigned i = 0; i < SIZES; i++) {
		EXPECT((p[i] = malloc(sizes[i])) != NULL);
		EXPECT((uintptr_t)p[i] % 16 == 0);
		EXPECT(malloc_usable_size(p[i]) >= sizes[i]);
		fill(p[i], malloc_usable_size(p[i]), i);
	}
	for (unsigned i = 0; i < SIZES; i++) {
		EXPECT(filled(p[i], sizes[i], i));
		free(p[i]);
	}
	return true;
}

static bool
calloc_is_zero_after_dirt(void)
{
	for (int round = 0; round < 3; round++)
		for (unsigned i = 0; i < SIZES; i++) {
			unsigned char *p = malloc(sizes[i] + 1);

			EXPECT(p != NULL);
			memset(p, 0xa5, sizes[i] + 1);
			free(p);
			EXPECT((p = calloc(1, sizes[i])) != NULL);
			EXPECT(all_zero(p, sizes[i]));
			memset(p, 0x5a, sizes[i]);
			free(p);
		}
	return true;
}

static bool
realloc_keeps_contents(void)
{
	unsigned char *p = NULL;
	size_t len = 0;

	/* Up and down through all sizes, several rounds. */
	for (unsigned step = 0; step < 6 * SIZES; step++) {
		size_t n = sizes[(step * 7) % SIZES];
		unsigned char *q;

		if (n == 0)
			continue;
		EXPECT((q = realloc(p, n)) != NULL);
		EXPECT(filled(q, len < n ? len : n, 9));
		p = q;
		len = n;
		fill(p, len, 9);
		EXPECT(realloc(p, len) == p);
	}
	free(p);
	return true;
}

static bool
realloc_grows_in_small_steps(void)
{
	unsigned char *p = NULL, *q = NULL;
	size_t step = 100 * KIB + 7, len = 0;

	/* Two blocks grow in turn, so that neither can grow in place for ever. */
	for (; len < 40 * MIB; len += step) {
		EXPECT((p = realloc(p, len + step)) != NULL);
		EXPECT((q = realloc(q, len + step)) != NULL);
		for (size_t i = len; i < len + step; i++) {
			p[i] = pattern(i, 1);
			q[i] = pattern(i, 2);
		}
	}
	EXPECT(filled(p, len, 1));
	EXPECT(filled(q, len, 2));
	free(p);
	free(q);
	return true;
}

static bool
realloc_of_null_and_to_zero(void)
{
	void *p = realloc(NULL, 5 * MIB);

	EXPECT(p != NULL);
	p = realloc(p, 0);	/* glibc frees the block, musl replaces it by another */
	EXPECT((p == NULL) == PAGES_GLIBC);
	free(p);
	EXPECT((p = realloc(NULL, 0)) != NULL);
	free(p);
	free(NULL);
	return true;
}

static bool
impossible_sizes_fail_with_enomem(void)
{
	void *p = malloc(300 * KIB), *q = (void *)1;

	memset(p, 7, 300 * KIB);
	errno = 0;
	EXPECT(malloc(huge) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(malloc(hugest) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(calloc(huge, 2) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(calloc(1, huge) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(realloc(p, huge) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(reallocarray(p, huge, 4) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(memalign(64, huge) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(memalign(4 * MIB, hugest - 2 * MIB) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(aligned_alloc(4096, huge) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(valloc(huge) == NULL && errno == ENOMEM);
	errno = 0;
	EXPECT(pvalloc == NULL || (pvalloc(huge) == NULL && errno == ENOMEM));
	errno = 0;
	EXPECT(posix_memalign(&q, 64, huge) == ENOMEM && q == (void *)1 && errno == ENOMEM);
	EXPECT(((unsigned char *)p)[300 * KIB - 1] == 7);
	free(p);
	return true;
}

static bool
more_than_the_machine_has_fails(void)
{
	size_t machine = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/sys/vm/overcommit_memory", "r");
	int mode = f != NULL ? fgetc(f) : '1';
	void *p;

	if (f != NULL)
		fclose(f);
	if (mode != '0')
		return true;
	errno = 0;
	EXPECT(malloc(machine * 4) == NULL && errno == ENOMEM);
	EXPECT((p = malloc(MIB)) != NULL);
	errno = 0;
	EXPECT(realloc(p, machine * 4) == NULL && errno == ENOMEM);
	free(p);
	return true;
}

static bool
alignment_is_honoured(void)
{
	for (size_t align = sizeof(void *); align <= 64 * MIB; align *= 2)
		for (unsigned i = 1; i < SIZES; i += 3) {
			unsigned char *p = memalign(align, sizes[i]);
			unsigned char *q = aligned_alloc(align, sizes[i]);
			void *r = NULL;

			EXPECT(p != NULL && (uintptr_t)p % align == 0);
			EXPECT(q != NULL && (uintptr_t)q % align == 0);
			EXPECT(posix_memalign(&r, align, sizes[i]) == 0 &&
			       (uintptr_t)r % align == 0);
			p[sizes[i] - 1] = q[sizes[i] - 1] = 1;
			free(p);
			free(q);
			free(r);
		}
	return true;
}

static bool
bad_alignment_is_refused(void)
{
	void *p = (void *)1;

	EXPECT(posix_memalign(&p, 3, MIB) == EINVAL && p == (void *)1);
	EXPECT(posix_memalign(&p, 0, MIB) == EINVAL && p == (void *)1);
	EXPECT(posix_memalign(&p, sizeof(void *) * 3, MIB) == EINVAL && p == (void *)1);
	EXPECT(posix_memalign(&p, 2, MIB) == EINVAL && p == (void *)1);
	return true;
}

static bool
page_functions_align_to_pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *p = valloc(3 * MIB + 1), *q, *r;

	EXPECT(p != NULL && (uintptr_t)p % page == 0);
	free(p);
	if (pvalloc == NULL)
		return true;
	q = pvalloc(3 * MIB + 1);
	r = pvalloc(0);
	EXPECT(q != NULL && (uintptr_t)q % page == 0);
	EXPECT(malloc_usable_size(q) >= 3 * MIB + page);
	EXPECT(r != NULL);
	free(q);
	free(r);
	return true;
}

static bool
errno_is_left_alone(void)
{
	for (unsigned i = 0; i < SIZES; i++) {
		void *p;

		errno = 1234;
		p = malloc(sizes[i]);
		EXPECT(errno == 1234);
		p = realloc(p, sizes[i] + 8 * MIB);
		EXPECT(errno == 1234);
		free(p);
		EXPECT(errno == 1234);
		p = calloc(1, sizes[i]);
		EXPECT(errno == 1234);
		free(p);
		EXPECT(errno == 1234);
	}
	return true;
}

/* musl has no functions that report and tune. */
#if PAGES_GLIBC
static bool
reports_work(void)
{
	void *p = malloc(10 * MIB);
	struct mallinfo2 before, after;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	EXPECT(p != NULL && f != NULL);
	before = mallinfo2();
	EXPECT(before.hblkhd + before.uordblks >= 10 * MIB);
	free(p);
	after = mallinfo2();
	EXPECT(after.hblkhd + after.uordblks < before.hblkhd + before.uordblks);
	(void)malloc_trim(0);
	EXPECT(malloc_info(0, f) == 0);
	fclose(f);
	EXPECT(len > 0);
	if (getenv("VICTIM_SHIM") != NULL)
		EXPECT(strstr(text, "<pages blocks=\"") != NULL &&
		       strcmp(text + len - 10, "</malloc>\n") == 0);
	free(text);
	EXPECT(mallopt(M_MMAP_THRESHOLD, 128 * 1024) == 1);
	return true;
}

/* malloc_stats() writes to standard error: to a file, here. */
static bool
statistics_tell_of_large_blocks(void)
{
	char text[4000] = "";
	void *p = malloc(10 * MIB);
	int file = memfd_create("stats", 0), saved = dup(STDERR_FILENO);

	EXPECT(p != NULL && file >= 0 && dup2(file, STDERR_FILENO) == STDERR_FILENO);
	malloc_stats();
	dup2(saved, STDERR_FILENO);
	EXPECT(pread(file, text, sizeof(text) - 1, 0) > 0);
	if (getenv("VICTIM_SHIM") != NULL)
		EXPECT(strstr(text, "Large blocks") != NULL);
	close(file);
	close(saved);
	free(p);
	return true;
}

static bool
new_blocks_are_perturbed(void)
{
	for (size_t size = 300 * KIB; size < 20 * MIB; size *= 3) {
		unsigned char *p;

		EXPECT(mallopt(M_PERTURB, 0x55) == 1);
		p = malloc(size);
		EXPECT(p != NULL && p[0] == 0xaa && memcmp(p, p + 1, size - 1) == 0);
		free(p);
		p = calloc(1, size);
		EXPECT(p != NULL && all_zero(p, size));
		free(p);
		EXPECT(mallopt(M_PERTURB, 0) == 1);
	}
	return true;
}
#endif

/* Functions of the C library allocate blocks, which the program resizes and frees. */
static bool
libc_callers_get_along(void)
{
	char *line = NULL, *copy;
	size_t cap = 0, len = 3 * MIB;
	FILE *f = tmpfile();

	EXPECT(f != NULL);
	for (size_t i = 0; i < len; i++)
		fputc('a' + (int)(i % 26), f);
	fputc('\n', f);
	rewind(f);
	EXPECT(getline(&line, &cap, f) == (ssize_t)len + 1);
	fclose(f);
	EXPECT((copy = strdup(line)) != NULL);
	EXPECT(strcmp(line, copy) == 0);
	EXPECT((copy = realloc(copy, 2 * len)) != NULL);
	free(line);
	free(copy);
	return true;
}

static void *
churn(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < 300; i++) {
		size_t n = 64 * KIB + (seed = seed * 1103515245 + 12345) % (6 * MIB);
		unsigned char *p = i % 3 == 0 ? calloc(1, n) : malloc(n);

		if (p == NULL || (i % 3 == 0 && (p[0] | p[n / 2] | p[n - 1]) != 0))
			return (void *)1;
		p[0] = p[n / 2] = p[n - 1] = (unsigned char)seed;
		p = realloc(p, n + (seed >> 8) % MIB);
		if (p == NULL || p[n / 2] != (unsigned char)seed)
			return (void *)1;
		free(p);
	}
	return NULL;
}

static bool
threads_and_forks_mix(void)
{
	pthread_t t[4];
	void *failed;
	bool good = true;

	for (uintptr_t i = 0; i < 4; i++)
		EXPECT(pthread_create(&t[i], NULL, churn, (void *)(i + 1)) == 0);
	for (int i = 0; i < 20; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20);
			_exit(churn((void *)(uintptr_t)(i + 99)) != NULL);
		}
		EXPECT(pid > 0 && waitpid(pid, &status, 0) == pid);
		good = good && status == 0;
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(t[i], &failed);
		good = good && failed == NULL;
	}
	EXPECT(good);
	return true;
}

static bool
children_share_and_free_what_they_inherit(void)
{
	unsigned char *p = malloc(20 * MIB), *q = malloc(20 * MIB);
	int status;
	pid_t pid;

	EXPECT(p != NULL && q != NULL);
	fill(p, 20 * MIB, 3);
	fill(q, 20 * MIB, 4);
	free(q);
	pid = fork();
	if (pid == 0) {
		bool good = filled(p, 20 * MIB, 3);

		free(p);
		q = malloc(30 * MIB);
		memset(q, 1, 30 * MIB);
		_exit(!good);
	}
	q = malloc(10 * MIB);
	memset(q, 9, 10 * MIB);
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(filled(p, 20 * MIB, 3));
	free(p);
	free(q);
	return true;
}

static volatile sig_atomic_t signals;
static timer_t timer;
static const struct itimerspec soon = { { 0, 0 }, { 0, 300000 } };

static void
on_signal(int sig)
{
	int saved = errno;
	unsigned char *p;

	(void)sig;
	p = malloc(700 * KIB);
	if (p != NULL)
		p[0] = 1;
	free(p);
	/* Rearm the timer here: with a periodic one a slow handler would leave no time to main. */
	if (++signals < 300)
		timer_settime(timer, 0, &soon, NULL);
	errno = saved;
}

/* Undefined behaviour, but many crash handlers do it.  glibc may hang; the shim must not. */
static bool
signal_handlers_may_use_large_blocks(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };

	if (getenv("VICTIM_SHIM") == NULL)
		return true;
	alarm(60);
	EXPECT(sigaction(SIGUSR1, &sa, NULL) == 0);
	EXPECT(timer_create(CLOCK_MONOTONIC, &ev, &timer) == 0);
	timer_settime(timer, 0, &soon, NULL);
	for (int i = 0; signals < 300; i++) {
		void *p = malloc(1 * MIB + (size_t)i % 977 * 4096);

		free(p);
	}
	timer_delete(timer);
	alarm(0);
	signal(SIGUSR1, SIG_DFL);
	return true;
}

static bool
lowered_address_limit_leaves_room(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct rlimit rl = { 4096 * MIB, 4096 * MIB };
		void *p = malloc(8 * MIB), *q, *r;

		if (setrlimit(RLIMIT_AS, &rl) != 0)
			_exit(errno == EPERM ? 0 : 2);	/* EPERM: the limit is lower already */
		q = mmap(NULL, 64 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
		r = malloc(700 * MIB);
		if (r != NULL)
			memset(r, 1, 64 * MIB);
		free(p);
		_exit(q == MAP_FAILED ? 3 : r == NULL ? 4 : 0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	EXPECT(status == 0);
	return true;
}

static void *
do_nothing(void *unused)
{
	return unused;
}

static int
lower(int resource, const struct rlimit *rl)
{
	return setrlimit((PAGES_RLIMIT_RESOURCE)resource, rl);
}

static int
lower_by_syscall(int resource, const struct rlimit *rl)
{
	return (int)syscall(SYS_prlimit64, 0L, (long)resource, rl, NULL);
}

static _Atomic long other_thread;

static void *
wait_for_end(void *arg)
{
	other_thread = syscall(SYS_gettid);
	pause();
	return arg;
}

/* A limit is the process's, whichever of its threads is named. */
static int
lower_by_thread(int resource, const struct rlimit *rl)
{
	pthread_t t;

	if (pthread_create(&t, NULL, wait_for_end, NULL) != 0)
		return -1;
	while (other_thread == 0)
		usleep(100);
	return prlimit((pid_t)other_thread, (PAGES_RLIMIT_RESOURCE)resource, rl, NULL);
}

static int
lower_from_outside(int resource, const struct rlimit *rl)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(prlimit(getppid(), (PAGES_RLIMIT_RESOURCE)resource, rl, NULL) != 0);
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

static void
use_and_free(size_t len)
{
	char *p = malloc(len);

	for (size_t i = 0; p != NULL && i < len; i += 4096)
		p[i] = 1;
	free(p);
}

/* Use much, free it, lower a limit below that: 0 if there is room for all that is small. */
static int
live_under(int resource, size_t used, size_t limit,
	   int (*set)(int resource, const struct rlimit *rl))
{
	struct rlimit rl = { limit, limit };
	pthread_t t;

	use_and_free(used);
	if (set(resource, &rl) != 0)
		return errno == EPERM ? 0 : 2;
	for (int i = 0; i < 5000; i++)
		if (malloc(4000) == NULL)
			return 3;
	if (malloc(100 * KIB) == NULL || malloc(30 * MIB) == NULL)
		return 4;
	if (mmap(NULL, 4 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	    MAP_FAILED)
		return 5;
	return pthread_create(&t, NULL, do_nothing, NULL) != 0 ? 6 : 0;
}

static bool
lowered_limits_leave_what_they_allow(void)
{
	static const struct {
		int resource;
		size_t used, limit;
		int (*set)(int resource, const struct rlimit *rl);
	} lives[] = {
		{ RLIMIT_AS, 100 * MIB, 400 * MIB, lower },
		{ RLIMIT_AS, 700 * MIB, 400 * MIB, lower },
		{ RLIMIT_AS, 700 * MIB, 400 * MIB, lower_by_syscall },
		{ RLIMIT_AS, 700 * MIB, 400 * MIB, lower_by_thread },
		{ RLIMIT_DATA, 100 * MIB, 300 * MIB, lower },
		{ RLIMIT_DATA, 700 * MIB, 300 * MIB, lower },
	};

	for (size_t i = 0; i < sizeof(lives) / sizeof(*lives); i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(live_under(lives[i].resource, lives[i].used, lives[i].limit, lives[i].set));
		EXPECT(waitpid(pid, &status, 0) == pid);
		EXPECT(status == 0);
	}
	return true;
}

/* The shim has not seen the limit: what it keeps has to go when the next allocator is refused. */
static int
align_under(size_t used, const struct rlimit *rl)
{
	void *p;

	use_and_free(used);
	if (lower_from_outside(RLIMIT_AS, rl) != 0)
		return 0;
	for (int i = 0; i < 100; i++)
		if ((i % 5 == 0 || pvalloc == NULL ? valloc(200 * KIB) : i % 5 == 1 ? pvalloc(200 * KIB) :
		     i % 5 == 2 ? memalign(4096, 200 * KIB) :
		     i % 5 == 3 ? aligned_alloc(4096, 200 * KIB) :
		     posix_memalign(&p, 4096, 200 * KIB) == 0 ? p : NULL) == NULL)
			return i % 5 + 1;
	return 0;
}

static bool
aligned_blocks_get_what_is_free(void)
{
	static const struct rlimit rl = { 400 * MIB, 400 * MIB };

	for (int i = 0; i < 2; i++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(align_under((size_t)(i + 1) * 350 * MIB, &rl));
		EXPECT(waitpid(pid, &status, 0) == pid);
		EXPECT(status == 0);
	}
	return true;
}

/* What is passed is the kernel's to judge. */
static bool
a_limit_that_is_no_pointer_is_refused(void)
{
	const struct rlimit *volatile nowhere = (const struct rlimit *)16;

	errno = 0;
	EXPECT(setrlimit(RLIMIT_AS, nowhere) == -1 && errno == EFAULT);
	EXPECT(prlimit(0, RLIMIT_AS, nowhere, NULL) == -1 && errno == EFAULT);
	return true;
}

/* Blocks of the heap begin with a cache line, unlike those of the C library. */
static bool
memory_that_cannot_be_locked_is_the_heaps(void)
{
	char *p;

	EXPECT(mlockall(0) == -1 && errno == EINVAL);
	EXPECT(syscall(SYS_mlockall, 0L) == -1 && errno == EINVAL);
	EXPECT((p = malloc(40 * MIB)) != NULL);
	EXPECT(getenv("VICTIM_SHIM") == NULL || (uintptr_t)p % 64 == 0);
	free(p);
	return true;
}

/* What was freed before lies on nodes that the thread may not want any more. */
static bool
a_memory_policy_holds_for_what_was_freed(void)
{
	enum { BIND = 2 };
	unsigned long node = 1, page = (unsigned long)sysconf(_SC_PAGESIZE);
	char *p = malloc(40 * MIB), *inner = p + 20 * MIB - (uintptr_t)p % page;
	unsigned char in_memory = 0;

	EXPECT(p != NULL);
	memset(p, 1, 40 * MIB);
	free(p);
	if (syscall(SYS_set_mempolicy, (long)BIND, &node, 65L) != 0)
		return true;
	EXPECT(getenv("VICTIM_SHIM") == NULL || mincore(inner, page, &in_memory) != 0 ||
	       (in_memory & 1) == 0);
	EXPECT(syscall(SYS_set_mempolicy, 0L, NULL, 0L) == 0);
	return true;
}

static bool
double_free_ends_the_process(void)
{
	char text[128] = "";
	int status, fd[2];
	ssize_t n;
	pid_t pid;

	EXPECT(pipe(fd) == 0);
	pid = fork();
	if (pid == 0) {
		void *volatile p = malloc(40 * MIB);

		dup2(fd[1], STDERR_FILENO);
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		free(p);
		free(p);
		_exit(0);
	}
	close(fd[1]);
	n = read(fd[0], text, sizeof(text) - 1);
	close(fd[0]);
	EXPECT(waitpid(pid, &status, 0) == pid);
	/* glibc unmaps such a block and faults at the second free; others abort with a line. */
	EXPECT(WIFSIGNALED(status) && (WTERMSIG(status) == SIGABRT || WTERMSIG(status) == SIGSEGV));
	if (getenv("VICTIM_SHIM") != NULL)
		EXPECT(n > 0 && strncmp(text, "pages: free(): invalid pointer 0x", 33) == 0 &&
		       WTERMSIG(status) == SIGABRT);
	return true;
}

/* In a child: huge pages are switched off for a process that uses them already. */
static int
live_without_huge_pages(void)
{
	unsigned char *p[40] = { NULL };

	fill(p[0] = malloc(9 * MIB), 9 * MIB, 0);
	if (prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0)
		return 0;
	for (unsigned i = 1; i < 400; i++) {
		unsigned j = i * 7 % 40;
		size_t len = 300 * KIB + i * 13 % 40 * 200 * KIB;

		free(p[j]);
		if ((p[j] = i % 2 == 0 ? malloc(len) : calloc(1, len)) == NULL ||
		    (i % 2 != 0 && !all_zero(p[j], len)))
			return 1;
		memset(p[j], (int)i, len);
		if ((p[j] = realloc(p[j], len + MIB)) == NULL || p[j][len - 1] != (unsigned char)i)
			return 2;
	}
	return 0;
}

static bool
huge_pages_may_be_switched_off_meanwhile(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(live_without_huge_pages());
	EXPECT(waitpid(pid, &status, 0) == pid);
	if (status != 0)
		printf("# status %#x\n", (unsigned)status);
	EXPECT(status == 0);
	return true;
}

#define CHECK(name) { #name, name }
static const struct {
	const char *name;
	bool (*run)(void);
} checks[] = {
	/* First: a block that lives above what was freed keeps its address space. */
	CHECK(lowered_limits_leave_what_they_allow),
	CHECK(aligned_blocks_get_what_is_free),
	CHECK(malloc_gives_separate_aligned_blocks),
	CHECK(calloc_is_zero_after_dirt),
	CHECK(realloc_keeps_contents),
	CHECK(realloc_grows_in_small_steps),
	CHECK(realloc_of_null_and_to_zero),
	CHECK(impossible_sizes_fail_with_enomem),
	CHECK(more_than_the_machine_has_fails),
	CHECK(alignment_is_honoured),
	CHECK(bad_alignment_is_refused),
	CHECK(page_functions_align_to_pages),
	CHECK(errno_is_left_alone),
#if PAGES_GLIBC
	CHECK(reports_work),
	CHECK(statistics_tell_of_large_blocks),
	CHECK(new_blocks_are_perturbed),
#endif
	CHECK(libc_callers_get_along),
	CHECK(threads_and_forks_mix),
	CHECK(children_share_and_free_what_they_inherit),
	CHECK(signal_handlers_may_use_large_blocks),
	CHECK(huge_pages_may_be_switched_off_meanwhile),
	CHECK(lowered_address_limit_leaves_room),
	CHECK(a_limit_that_is_no_pointer_is_refused),
	CHECK(memory_that_cannot_be_locked_is_the_heaps),
	CHECK(a_memory_policy_holds_for_what_was_freed),
	CHECK(double_free_ends_the_process),
};

int
main(int argc, char **argv)
{
	int failed = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++) {
		bool good;

		if (argc > 1 && strstr(checks[i].name, argv[1]) == NULL)
			continue;
		fflush(stdout);
		good = checks[i].run();
		printf("%s - %s\n", good ? "ok" : "not ok", checks[i].name);
		failed += !good;
	}
	return failed != 0;
}
