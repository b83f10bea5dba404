/* SPDX-License-Identifier: MIT */
/*
 * sandbox.c - a program that enters a sandbox and then needs much memory
 *
 *	sandbox RULES [before | raw | exec | dies]
 *
 * The rules are those of programs that are known for them, with what they say of arguments; or
 * "landlock", or "chroot".  77: cannot be had here.
 * before: large blocks are in use when it enters.  raw: it enters by syscall().  exec: it executes itself, so that the loader
 * and all constructors run in the sandbox.  dies: makes a call that the rules forbid.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/support.h"

/* The same with libpages linked, and no shim. */
#ifdef LINKED
#include <pages/malloc.h>
#define malloc pages_malloc
#define calloc pages_calloc
#define realloc pages_realloc
#define free pages_free
#define malloc_trim pages_trim
#define posix_memalign(ret, align, size) ((*(ret) = pages_aligned_alloc(align, size)) == NULL)
#define before_sandbox pages_malloc_before_sandbox
#else
static void
before_sandbox(void)
{
}
#endif

static _Noreturn void
fail(const char *what)
{
	printf("FAIL: %s\n", what);
	fflush(stdout);
	_exit(1);
}

/* Rules. ------------------------------------------------------------------ */

enum { ANY = -1, MOST = 12 };
enum { KILL, REFUSE };

/* A system call: allowed, or refused with an errno, or allowed with certain arguments only. */
struct rule {
	int nr;
	unsigned refuse;	/* an errno: never allowed */
	int arg;		/* which argument counts, or ANY */
	uint32_t mask;		/* not 0: the bits that it may have */
	uint32_t ignored;	/* else bits that do not count, and the values it may have: */
	uint32_t values[MOST];
	unsigned count;
	unsigned otherwise;	/* an errno; 0: the process is killed */
};

#define CALL(name) { .nr = SYS_##name, .arg = ANY }
#define NO_CALL(name, errno_) { .nr = SYS_##name, .refuse = errno_ }
#define BITS(name, arg_, bits, errno_)                                                          \
	{ .nr = SYS_##name, .arg = arg_, .mask = bits, .otherwise = errno_ }
#define VALUES(name, arg_, ignored_, errno_, ...)                                               \
	{ .nr = SYS_##name, .arg = arg_, .ignored = ignored_, .values = { __VA_ARGS__ },        \
	  .count = sizeof((uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t), .otherwise = errno_ }

#define ANONYMOUS (MAP_PRIVATE | MAP_ANONYMOUS)
#define READ_WRITE (PROT_READ | PROT_WRITE)

/* What glibc's malloc needs, and to say how it went. */
#define MALLOC                                                                                  \
	CALL(brk), CALL(munmap), CALL(mremap), CALL(futex), CALL(read), CALL(write),            \
	CALL(exit), CALL(exit_group), CALL(rt_sigreturn), CALL(getrandom)

static const struct rule strict[] = {
	MALLOC, CALL(mprotect),
	BITS(mmap, 3, ANONYMOUS | MAP_FIXED | MAP_NORESERVE | MAP_STACK, 0),
	VALUES(madvise, 2, 0, 0, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE),
	{ .nr = -1 },
};

/* OpenSSH 9.3, before authentication. */
#define OPENSSH                                                                                 \
	MALLOC, CALL(getpid), CALL(getuid), CALL(gettid), CALL(close), CALL(clock_gettime),     \
	CALL(nanosleep), CALL(rt_sigprocmask), CALL(poll),                                      \
	NO_CALL(openat, EACCES), NO_CALL(newfstatat, EACCES), NO_CALL(open, EACCES),            \
	NO_CALL(shmat, EACCES), NO_CALL(ioctl, EINVAL),                                         \
	BITS(mprotect, 2, READ_WRITE, 0),                                                       \
	VALUES(madvise, 2, 0, EINVAL, MADV_NORMAL, MADV_FREE, MADV_DONTNEED, MADV_DONTFORK,     \
	       MADV_DONTDUMP, MADV_WIPEONFORK)

static const struct rule openssh[] = {
	OPENSSH,
	BITS(mmap, 3, ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE, EINVAL),
	{ .nr = -1 },
};

/* The same in its later versions. */
static const struct rule openssh_noreserve[] = {
	OPENSSH,
	BITS(mmap, 3, ANONYMOUS | MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_NORESERVE, EINVAL),
	{ .nr = -1 },
};

#define THREADS                                                                                 \
	CALL(set_robust_list), CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(gettid),          \
	CALL(sched_getaffinity),                                                                \
	NO_CALL(clone3, ENOSYS), CALL(rseq)

/* Chromium's renderers. */
static const struct rule chromium[] = {
	MALLOC, THREADS, CALL(getpid), CALL(clock_gettime), CALL(close),
	NO_CALL(openat, EPERM), NO_CALL(newfstatat, EPERM), NO_CALL(prlimit64, EPERM),
	VALUES(clone, 0, 0, EPERM, CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
	       CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID),
	BITS(mmap, 3, MAP_SHARED | ANONYMOUS | MAP_STACK | MAP_NORESERVE | MAP_FIXED |
	     MAP_DENYWRITE | MAP_LOCKED, 0),
	BITS(mprotect, 2, READ_WRITE | PROT_EXEC, 0),
	VALUES(madvise, 2, 0, EPERM, MADV_DONTNEED, MADV_RANDOM, MADV_NORMAL, MADV_FREE),
	VALUES(prctl, 0, 0, 0, PR_GET_NAME, PR_SET_NAME, PR_GET_DUMPABLE, PR_SET_DUMPABLE),
	{ .nr = -1 },
};

/* Firefox's: any other advice ends the process. */
static const struct rule firefox[] = {
	MALLOC, THREADS, CALL(getpid), CALL(clock_gettime), CALL(clone), CALL(mmap), CALL(mprotect),
	CALL(wait4), NO_CALL(openat, EACCES),
	VALUES(madvise, 2, 0, 0, MADV_DONTNEED, MADV_FREE, MADV_HUGEPAGE, MADV_NOHUGEPAGE,
	       MADV_DONTDUMP),
	{ .nr = -1 },
};

/* What a dynamically linked program needs to start. */
#define START                                                                                   \
	CALL(execve), CALL(openat), CALL(close), CALL(newfstatat), CALL(pread64), CALL(access),  \
	CALL(arch_prctl), CALL(set_tid_address), CALL(set_robust_list), CALL(prlimit64), CALL(rseq)

/* systemd: SystemCallFilter=@system-service, MemoryDenyWriteExecute=yes. */
static const struct rule systemd[] = {
	MALLOC, START, CALL(rt_sigprocmask), CALL(rt_sigaction), CALL(getpid), CALL(gettid),
	CALL(sched_yield), CALL(sysinfo), CALL(personality), CALL(prctl), CALL(sched_getaffinity),
	CALL(clock_gettime), CALL(clone), CALL(clone3), CALL(wait4), CALL(madvise), CALL(ioctl),
	CALL(readlink), CALL(sched_getparam), CALL(sched_getscheduler),
	BITS(mprotect, 2, READ_WRITE, EPERM),
	BITS(mmap, 2, READ_WRITE | PROT_EXEC, 0),
	{ .nr = -1 },
};

/* As little as a program can start with. */
static const struct rule start[] = {
	MALLOC, START, CALL(mprotect), CALL(mmap), CALL(madvise), CALL(getpid),
	CALL(readlink),	/* the loader, for the $LIB in LD_PRELOAD */
	{ .nr = -1 },
};

/* Landlock (Linux 5.13): no file can be opened any more. */
static int
enter_landlock(void)
{
	struct {
		uint64_t handled_access_fs;
	} attr = { 0x1fff };
	int fd = (int)syscall(444 /* landlock_create_ruleset */, &attr, sizeof(attr), 0);

	return fd < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ?
		       -1 : (int)syscall(446 /* landlock_restrict_self */, fd, 0);
}

/* An empty directory: no /proc, no /sys. */
static int
enter_chroot(void)
{
	static char empty[] = "/tmp/sandbox.XXXXXX";
	int err = mkdtemp(empty) != NULL ? chroot(empty) : -1;

	return err == 0 ? chdir("/") : err;
}

static const struct {
	const char *name;
	const struct rule *rules;
	int (*enter)(void);	/* instead of rules */
	bool maps;		/* MAP_NORESERVE is allowed: the heap can map memory */
	bool threads, forks;
} sandboxes[] = {
	{ "strict", strict, NULL, true, false, false },
	{ "openssh", openssh, NULL, false, false, false },
	{ "openssh-noreserve", openssh_noreserve, NULL, true, false, false },
	{ "chromium", chromium, NULL, true, true, false },
	{ "firefox", firefox, NULL, true, true, true },
	{ "systemd", systemd, NULL, true, true, true },
	{ "start", start, NULL, true, false, false },
	{ "landlock", NULL, enter_landlock, true, true, true },
	{ "chroot", NULL, enter_chroot, true, true, true },
};
enum { SANDBOXES = sizeof(sandboxes) / sizeof(sandboxes[0]) };

/* Rules to a program for the kernel. -------------------------------------- */

static struct sock_filter code[400];
static unsigned short length;

static void
emit(unsigned short what, uint32_t k, unsigned char yes, unsigned char no)
{
	if (length == sizeof(code) / sizeof(code[0]))
		fail("the rules are too long");
	code[length++] = (struct sock_filter){ what, yes, no, k };
}

static void
answer(uint32_t with)
{
	emit(BPF_RET | BPF_K, with, 0, 0);
}

static void
answer_errno(unsigned number)
{
	answer(number != 0 ? SECCOMP_RET_ERRNO | number : SECCOMP_RET_KILL_PROCESS);
}

/* The argument's low half: none of these takes more. */
static void
compile_argument(const struct rule *r)
{
	emit(BPF_LD | BPF_W | BPF_ABS,
	     (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)r->arg), 0, 0);
	if (r->mask != 0) {
		emit(BPF_ALU | BPF_AND | BPF_K, ~r->mask, 0, 0);
		emit(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1);
		answer(SECCOMP_RET_ALLOW);
	} else {
		emit(BPF_ALU | BPF_AND | BPF_K, ~r->ignored, 0, 0);
		for (unsigned i = 0; i < r->count; i++) {
			emit(BPF_JMP | BPF_JEQ | BPF_K, r->values[i], 0, 1);
			answer(SECCOMP_RET_ALLOW);
		}
	}
	answer_errno(r->otherwise);
}

static void
compile_rule(const struct rule *r)
{
	unsigned short skip = length;

	emit(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)r->nr, 0, 0);
	if (r->refuse != 0)
		answer_errno(r->refuse);
	else if (r->arg == ANY)
		answer(SECCOMP_RET_ALLOW);
	else
		compile_argument(r);
	code[skip].jf = (unsigned char)(length - skip - 1);
}

/* Without privileges the kernel refuses the first one. */
static int
enter_raw(const struct sock_fprog *program)
{
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0L, program) == 0)
		return 0;
	return syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0 ?
		       -1 : (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0L, program);
}

static int
enter_rules(const struct rule *rules, bool raw)
{
	struct sock_fprog program = { 0, code };

	length = 0;
	emit(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	for (; rules->nr != -1; rules++)
		compile_rule(rules);
	answer(SECCOMP_RET_KILL_PROCESS);
	program.len = length;
	if (raw)
		return enter_raw(&program);
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ?
		       -1 : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* What it does inside. ---------------------------------------------------- */

static void
grow(void)
{
	size_t len = KIB(300), more;
	char *p = malloc(len);

	memset(p, 1, len);
	for (; len < MIB(30); len = more) {
		more = len + len / 2;
		p = realloc(p, more);
		if (p == NULL)
			fail("a block does not grow");
		memset(p + len, 1, more - len);
	}
	for (size_t i = 0; i < len; i += 4096)
		if (p[i] != 1)
			fail("a block that grew lost its contents");
	free(p);
}

static void
clear(size_t len)
{
	for (int round = 0; round < 3; round++) {
		char *p = calloc(1, len);

		if (p == NULL)
			fail("no zeroed block");
		for (size_t i = 0; i < len; i += 4096)
			if (p[i] != 0)
				fail("a calloc is not zero");
		for (size_t i = 0; i < len; i += len / 4)
			p[i] = 1;
		free(p);
	}
}

/* Blocks of all sizes come and go, and their contents stay. */
static void
churn(uint64_t seed)
{
	enum { BLOCKS = 24 };
	uint64_t *block[BLOCKS] = { NULL };
	size_t len[BLOCKS];

	for (int i = 0; i < 200; i++) {
		unsigned at = (unsigned)(random_next(&seed) % BLOCKS);

		if (block[at] != NULL &&
		    (block[at][0] != at || block[at][len[at] / 8 - 1] != at))
			fail("a block was overwritten");
		free(block[at]);
		len[at] = KIB(256) + (size_t)(random_next(&seed) % 1500) * 4096;
		block[at] = random_next(&seed) % 4 == 0 ? calloc(1, len[at]) : malloc(len[at]);
		if (block[at] == NULL)
			fail("no block");
		memset(block[at], 7, len[at]);
		block[at][0] = block[at][len[at] / 8 - 1] = at;
	}
	for (int i = 0; i < BLOCKS; i++)
		free(block[i]);
}

static void *
churn_thread(void *arg)
{
	churn((uintptr_t)arg);
	return NULL;
}

static void
use_threads(void)
{
	pthread_t thread[4];

	for (uintptr_t i = 0; i < 4; i++)
		if (pthread_create(&thread[i], NULL, churn_thread, (void *)(i + 1)) != 0)
			fail("no thread");
	for (int i = 0; i < 4; i++)
		pthread_join(thread[i], NULL);
}

static void
use_memory(void)
{
	void *aligned;

	grow();
	churn(99);
	clear(MIB(2));
	clear(MIB(16));
	clear(MIB(48));
	if (posix_memalign(&aligned, MIB(2), MIB(5)) != 0)
		fail("no aligned block");
	memset(aligned, 1, MIB(5));
	free(aligned);
	malloc_trim(0);
	grow();
}

static void
use_children(void)
{
	int status;
	pid_t pid;

	free(memset(malloc(MIB(20)), 1, MIB(20)));
	pid = fork();
	if (pid == 0) {
		use_memory();
		_exit(42);
	}
	use_memory();
	if (wait4(pid, &status, 0, NULL) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 42)
		fail("a child of fork() ended otherwise");
}

/* Blocks of the heap begin with a cache line, unlike those of the C library. */
static bool
is_of_the_heap(const char *p)
{
	return (uintptr_t)p % 64 == 0;
}

static void
use_all(unsigned sandbox)
{
	char *p = malloc(MIB(3));

	if (getenv("VICTIM_SHIM") != NULL && sandboxes[sandbox].maps && !is_of_the_heap(p))
		fail("the heap serves no requests");
	free(p);
	use_memory();
	if (sandboxes[sandbox].threads)
		use_threads();
	if (sandboxes[sandbox].forks)
		use_children();
	printf("ok %s\n", sandboxes[sandbox].name);
	fflush(stdout);
	_exit(0);
}

int
main(int argc, char **argv)
{
	const char *how = argc > 2 ? argv[2] : "";
	static char inside[] = "inside";
	unsigned i = 0;
	int err;

	while (argc > 1 && i < SANDBOXES && strcmp(sandboxes[i].name, argv[1]) != 0)
		i++;
	if (argc < 2 || i == SANDBOXES)
		fail("sandbox RULES [before | raw | exec | dies]");
	if (strcmp(how, "inside") == 0)
		use_all(i);
	if (strcmp(how, "before") == 0)
		use_memory();
	printf("entering %s\n", sandboxes[i].name);
	fflush(stdout);
	before_sandbox();
	err = sandboxes[i].enter != NULL ? sandboxes[i].enter() :
	      enter_rules(sandboxes[i].rules, strcmp(how, "raw") == 0);
	if (err != 0) {
		printf("not possible here\n");
		return 77;
	}
	if (strcmp(how, "exec") == 0) {
		execv("/proc/self/exe", (char *[]){ argv[0], argv[1], inside, NULL });
		fail("exec");
	}
	if (strcmp(how, "dies") == 0)
		(void)syscall(SYS_mincore, &length, 0, NULL);
	use_all(i);
}
