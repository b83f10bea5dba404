/* SPDX-License-Identifier: MIT */
/*
 * clones.c - children of _Fork() and clone(), which call no fork handlers, in the middle of what
 *	other threads do with large blocks
 *
 * Such a child may allocate and free, has the blocks of its parent, and waits for nobody.  The C
 * library's own malloc does not promise that, so this is no test for a program without the shim.
 */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/support.h"

enum { CHILDREN = 40, THREADS = 4, OPERATIONS = 300 };

static _Atomic bool stop;

static void *
work(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		size_t len = KIB(300) + (size_t)(random_next(&seed) % 64) * KIB(64);
		char *p = malloc(len);

		memset(p, 1, len / 8);
		p = realloc(p, 2 * len);
		p[len] = 1;
		free(p);
	}
	return NULL;
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool
is_all(const char *p, size_t len, char c)
{
	for (size_t i = 0; i < len; i += KIB(4))
		if (p[i] != c)
			return false;
	return true;
}

/* In the child: 0, or a number for what is wrong. */
static int
use_blocks(char *inherited, size_t len)
{
	for (int i = 0; i < OPERATIONS; i++) {
		size_t size = MIB(i % 7 + 1) / 2;
		char *p = i % 3 == 0 ? calloc(1, size) : malloc(size);

		if (p == NULL)
			return 2;
		if (i % 3 == 0 && !is_all(p, size, 0))
			return 3;
		memset(p, i, size);
		p = realloc(p, size + MIB(1));
		if (p == NULL || !is_all(p, size, (char)i))
			return 4;
		free(p);
	}
	if (!is_all(inherited, len, 7))
		return 5;
	free(inherited);
	return 0;
}

static int
in_child(char *inherited, size_t len)
{
	uint64_t start = now_ms();
	int wrong = use_blocks(inherited, len), status = 0;
	pid_t pid = wrong == 0 ? fork() : 0;

	if (wrong != 0)
		return wrong;
	if (pid == 0)
		_exit(use_blocks(memset(malloc(MIB(2)), 7, MIB(2)), MIB(2)));
	waitpid(pid, &status, 0);
	if (status != 0)
		return 6;
	/* With a wait for the lock each, it would be 6 s and more. */
	return now_ms() - start < 4000 ? 0 : 7;
}

int
main(void)
{
	size_t len = MIB(5);
	char *block = memset(malloc(len), 7, len);
	pthread_t thread[THREADS];
	int bad = 0;

	for (uintptr_t i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, work, (void *)(i + 1));
	for (int i = 0; i < CHILDREN && bad == 0; i++) {
		int status = -1;
		pid_t pid;

		usleep(1000 + (unsigned)(i * 37 % 900));
		pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
		if (pid == 0)
			_exit(in_child(block, len));
		waitpid(pid, &status, 0);
		if (status != 0) {
			printf("FAIL: child %d: status 0x%x\n", i, (unsigned)status);
			bad = 1;
		}
	}
	atomic_store(&stop, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	return bad;
}
