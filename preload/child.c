/* SPDX-License-Identifier: MIT */
/*
 * child.c - runs the command of pages-run as a child, passing signals and status through
 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t child;

void
pages_child_exec(const char *path, char **argv)
{
	int err;

	execvp(path, argv);
	err = errno;
	fprintf(stderr, "pages-run: %s: %s\n", argv[0], strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

static void
forward(int sig)
{
	int saved = errno;

	if (child > 0)
		kill((pid_t)child, sig);
	errno = saved;
}

static void
catch_signals(void)
{
	static const int forwarded[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
	struct sigaction sa = { .sa_handler = forward, .sa_flags = SA_RESTART }, old;

	/* The terminal sends these to the command, too, which decides what to do. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		if (sigaction(forwarded[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(forwarded[i], &sa, NULL);
}

/*
 * Wait in two steps.  The first leaves the child a zombie, so its pid cannot be reused while
 * forward() may still send it signals.
 */
static int
wait_for(pid_t pid)
{
	siginfo_t info;
	int status = 0;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
		;
	child = 0;	/* from the next call on another process may get the pid */
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

int
pages_child_run(const char *path, char **argv, pid_t *ret_pid)
{
	struct sigaction reap = { .sa_handler = SIG_DFL }, old;
	sigset_t all, mask;
	pid_t pid;

	/* If SIGCHLD were ignored, the kernel would discard the status. */
	sigaction(SIGCHLD, &reap, &old);
	/* Signals that arrive now stay pending until the child exists and can get them. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	pid = fork();
	if (pid == 0) {
		sigaction(SIGCHLD, &old, NULL);
		sigprocmask(SIG_SETMASK, &mask, NULL);
		pages_child_exec(path, argv);
	}
	*ret_pid = pid;
	if (pid < 0)
		return 0;
	child = pid;
	catch_signals();
	sigprocmask(SIG_SETMASK, &mask, NULL);
	return wait_for(pid);
}

void
pages_child_imitate(int status)
{
	struct rlimit none = { 0, 0 };
	sigset_t one;

	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);	/* a core_pattern with a pipe ignores the limit */
	signal(WTERMSIG(status), SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, WTERMSIG(status));
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	raise(WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}
