/* SPDX-License-Identifier: MIT */
/*
 * recorded.c - programs whose counters record.sh reads: recorded WHAT [N]
 *
 * Whatever they do, the number of large requests is known beforehand.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MIB = 1 << 20, THREADS = 8, ROUNDS = 20000, REQUESTS = 500 };

static void
temporary(size_t size)
{
	char *volatile p = malloc(size);

	if (p == NULL)
		_exit(9);
	p[0] = 1;
	free(p);
}

/* REQUESTS requests, of which one stays live. */
static void
work(void)
{
	static char *volatile kept;
	char *volatile p;

	for (int i = 0; i < REQUESTS - 3; i++)
		temporary((size_t)(1 + i % 7) * MIB);
	kept = malloc(5 * MIB);
	kept[0] = 1;
	p = calloc(3, MIB);
	free(p);
	temporary(MIB);
}

static void *
storm(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		temporary(MIB);
	return arg;
}

static void
run_threads(void)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&t[i], NULL, storm, NULL) != 0)
			_exit(9);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

/* A tree of processes, two children each, all of them at work and killed. */
static void
grow_tree(int depth)
{
	for (int i = 0; i < 2 && depth > 0; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			grow_tree(depth - 1);
			work();
			raise(SIGKILL);
		}
		waitpid(pid, NULL, 0);
	}
}

static void
fork_often(int n)
{
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			temporary(MIB);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
}

/* The mapping of the record is in /proc/self/maps: write nonsense into it. */
static void
scribble(unsigned seed)
{
	char line[512], *start = NULL, *end = NULL;
	FILE *f = fopen("/proc/self/maps", "re");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "pages-record") != NULL &&
		    sscanf(line, "%p-%p", (void **)&start, (void **)&end) != 2)
			_exit(9);
	if (start == NULL)
		_exit(9);
	srand(seed);
	for (char *p = start; p < end; p++)
		*p = (char)(seed == 0 ? 0xff : rand());
	_exit(0);
}

/* Does anything of a record remain with a process?  Prints mappings and descriptors. */
static void
show(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");
	struct stat st;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strstr(line, "pages-record") != NULL)
			puts("mapped");
	for (int fd = 3; fd < 256; fd++)
		if (fstat(fd, &st) == 0 && (f == NULL || fd != fileno(f)))
			printf("descriptor %d\n", fd);
}

/* A file that is no record, for which PAGES_CONF of the next program is set: then exec that. */
static void
deceive(const char *how, char **argv)
{
	char conf[128];
	int fd = memfd_create("pages-record", MFD_ALLOW_SEALING);
	off_t len = (off_t)strtoll(argv[0], NULL, 10);

	if (strcmp(how, "short") == 0)
		len /= 2;
	if (fd < 0 || ftruncate(fd, len) != 0)
		_exit(9);
	if (strcmp(how, "unsealed") != 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0)
		_exit(9);
	if (strcmp(how, "fifo") == 0 || strcmp(how, "tty") == 0) {
		close(fd);
		if (strcmp(how, "fifo") == 0 && mkfifo("fifo", 0600) != 0)
			_exit(9);
		fd = open(strcmp(how, "fifo") == 0 ? "fifo" : "/dev/ptmx", O_RDWR | O_NOCTTY);
	}
	snprintf(conf, sizeof(conf), "record:%d.%d.0", (int)getpid(), fd);
	setenv("PAGES_CONF", conf, 1);
	setenv("LD_PRELOAD", argv[1], 1);
	if (fork() == 0) {
		execv(argv[2], argv + 2);
		_exit(9);
	}
	wait(&(int){ 0 });
	for (uint64_t word, at = 0; strcmp(how, "zeros") == 0 && pread(fd, &word, 8, (off_t)at) == 8;
	     at += 8)
		if (word != 0)
			_exit(8);
}

int
main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int n = argc > 2 ? atoi(argv[2]) : 0;
	char next[16];

	if (strcmp(what, "exec") == 0) {
		work();
		snprintf(next, sizeof(next), "%d", n - 1);
		if (n > 1)
			execl(argv[0], argv[0], "exec", next, (char *)NULL);
		_exit(3);
	}
	if (strcmp(what, "threads") == 0)
		run_threads();
	else if (strcmp(what, "tree") == 0)
		grow_tree(n);
	else if (strcmp(what, "often") == 0)
		fork_often(n);
	else if (strcmp(what, "scribble") == 0)
		scribble((unsigned)n);
	else if (strcmp(what, "large") == 0)
		for (int i = 0; i < n; i++)
			temporary(48 * MIB);
	else if (strcmp(what, "show") == 0)
		show();
	else if (strcmp(what, "deceive") == 0 && argc > 5)
		deceive(argv[2], argv + 3);
	if (strcmp(what, "exit") == 0 || strcmp(what, "_exit") == 0 || strcmp(what, "kill") == 0 ||
	    strcmp(what, "tree") == 0)
		work();
	if (strcmp(what, "_exit") == 0)
		_exit(3);
	if (strcmp(what, "exit") != 0 && strcmp(what, "show") != 0 && strcmp(what, "often") != 0 &&
	    strcmp(what, "deceive") != 0)
		raise(SIGKILL);
	return 0;
}
