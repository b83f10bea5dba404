/* SPDX-License-Identifier: MIT */
/*
 * background.c - tests the shim's background thread: a program that frees much and then idles
 *
 *	background WHAT
 *
 * background.sh runs it under the shim with background:on and a short retain time.  It checks
 * its own threads and its resident memory.  Exits 0 if all is well; 1 if not, and prints why; 77
 * if this cannot be tested here.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preload/enter.h"

#define MIB ((size_t)1 << 20)

#define EXPECT(what)                                                      \
	do {                                                              \
		if (!(what)) {                                            \
			printf("line %d: %s\n", __LINE__, #what);         \
			fflush(stdout);                                   \
			return 1;                                         \
		}                                                         \
	} while (0)

/* Allocates small blocks only, so the heap is not called and cannot purge in passing. */
static size_t
resident(void)
{
	char text[128] = "";
	FILE *f = fopen("/proc/self/statm", "r");
	size_t size, pages = 0;

	if (f != NULL && fgets(text, sizeof(text), f) != NULL)
		(void)sscanf(text, "%zu %zu", &size, &pages);
	if (f != NULL)
		fclose(f);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

/* The number of threads; *other is the id of one that is not the first. */
static int
threads(int *other)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (e->d_name[0] != '.') {
			n++;
			if (atoi(e->d_name) != getpid())
				*other = atoi(e->d_name);
		}
	closedir(d);
	return n;
}

static void
use_and_free_blocks(size_t len)
{
	char *p[10];

	for (int i = 0; i < 10; i++)
		memset(p[i] = malloc(len), 1, len);
	for (int i = 0; i < 10; i++)
		free(p[i]);
}

static void
use_and_free(void)
{
	use_and_free_blocks(10 * MIB);
}

/* Waits until less than 20 MiB is resident and one thread is left, for at most 20 s. */
static bool
calms_down(void)
{
	int id = 0;

	for (int i = 0; i < 200; i++) {
		if (resident() < 20 * MIB && threads(&id) == 1)
			return true;
		usleep(100 * 1000);
	}
	printf("%zu MiB, %d threads\n", resident() / MIB, threads(&id));
	return false;
}

/* Does this field of the thread's status contain want? */
static bool
status_is(int id, const char *field, const char *want)
{
	char path[64], line[256];
	bool is = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", id);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			is = strstr(line, want) != NULL;
	if (f != NULL)
		fclose(f);
	return is;
}

static int
idle(void)
{
	char *p = malloc(30 * MIB);
	int id = 0;

	memset(p, 1, 30 * MIB);
	EXPECT(threads(&id) == 1);	/* nothing was freed yet */
	errno = 1234;
	free(p);
	EXPECT(errno == 1234);
	EXPECT(threads(&id) == 2);
	usleep(50 * 1000);	/* until the new thread has set its name */
	EXPECT(status_is(id, "Name:", "pages"));
	/* All signals are blocked, but the C library's two and those that cannot be. */
	EXPECT(status_is(id, "SigBlk:", "fffffffe7ffbfeff"));
	use_and_free();
	EXPECT(calms_down());
	use_and_free();		/* and once more */
	EXPECT(threads(&id) == 2);
	EXPECT(calms_down());
	return 0;
}

/* The compiler may leave out what is freed at once. */
static void
make_small_request(void)
{
	void *volatile p = calloc(1, 100);

	free(p);
}

/* A few small requests a millisecond, as a server that idles; until little is resident. */
static void *
make_small_requests(void *done)
{
	for (int i = 0; i < 20000 && resident() >= 20 * MIB; i++) {
		for (int k = 0; k < 5; k++)
			make_small_request();
		usleep(1000);
	}
	*(bool *)done = resident() < 20 * MIB;
	return NULL;
}

/* Without background:on. */
static int
small_requests(void)
{
	bool done = false;
	pthread_t thread;
	int id = 0;

	use_and_free();
	usleep(2000 * 1000);
	EXPECT(resident() > 80 * MIB);	/* there was none yet */
	make_small_requests(&done);
	EXPECT(done && threads(&id) == 1);
	done = false;
	use_and_free();
	EXPECT(pthread_create(&thread, NULL, make_small_requests, &done) == 0);
	EXPECT(pthread_join(thread, NULL) == 0);
	EXPECT(done);
	return 0;
}

/* Small requests make no system call where only read(), write() and _exit() are allowed. */
static int
strict(void)
{
	int status = -1;
	pid_t pid;

	use_and_free();
	pid = fork();
	if (pid == 0) {
		use_and_free();
		make_small_request();	/* the first may make calls anywhere */
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(77);
		for (int i = 0; i < 50000000; i++)
			make_small_request();	/* for a second or so, without a clock */
		syscall(SYS_exit, 0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		return 77;
	EXPECT(status == 0);
	return 0;
}

static int
forks(void)
{
	int id = 0;
	int status = -1;
	pid_t pid;

	use_and_free();
	EXPECT(threads(&id) == 2);
	pid = fork();
	if (pid == 0) {
		EXPECT(threads(&id) == 1);
		use_and_free();
		EXPECT(threads(&id) == 2);
		EXPECT(calms_down());
		_exit(0);
	}
	EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	EXPECT(calms_down());
	return 0;
}

/* Many forks, at random moments in the life of the background thread. */
static int
fork_storm(void)
{
	for (int i = 0; i < 300; i++) {
		int status = -1;
		pid_t pid;

		use_and_free_blocks(MIB);
		pid = fork();
		if (pid == 0) {
			use_and_free_blocks(MIB);
			_exit(0);
		}
		EXPECT(waitpid(pid, &status, 0) == pid && status == 0);
	}
	return 0;
}

static int
leaves(void)
{
	use_and_free();
	return 0;
}

static int
executes(void)
{
	use_and_free();
	execl("/proc/self/exe", "background", "leaves", (char *)NULL);
	return 1;
}

static int
main_exits(void)
{
	use_and_free();
	pthread_exit(NULL);
}

/*
 * As in a sandbox, clone and clone3 fail, so that no thread can be created.  The shim does not
 * know if the program enters the kernel by instructions of its own.
 */
static int
without_threads(bool shim_knows)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { sizeof(code) / sizeof(*code), code };
	int id = 0;

	if ((shim_knows ? prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) :
			  (int)pages_enter(SYS_prctl, (long)PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L)) != 0 ||
	    pages_enter(SYS_prctl, (long)PR_SET_SECCOMP, (long)SECCOMP_MODE_FILTER, &filter, 0L, 0L) != 0)
		return 77;
	errno = 1234;
	use_and_free();
	EXPECT(errno == 1234);
	EXPECT(threads(&id) == 1);
	use_and_free();
	return 0;
}

static int
confined(void)
{
	return without_threads(true);
}

static int
refused(void)
{
	return without_threads(false);
}

int
main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*check)(void);
	} checks[] = {
		{ "idle", idle },	  { "forks", forks },	     { "fork_storm", fork_storm },
		{ "leaves", leaves },	  { "executes", executes },  { "main_exits", main_exits },
		{ "confined", confined }, { "refused", refused },    { "small_requests", small_requests },
		{ "strict", strict },
	};

	for (size_t i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (argc == 2 && strcmp(argv[1], checks[i].name) == 0)
			return checks[i].check();
	return 99;
}
