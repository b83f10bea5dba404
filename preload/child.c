/* SPDX-License-Identifier: MIT */
/*
 * child.c - runs the command of pages-run as a child, passing signals and status through
 *
 * While the command runs all signals are blocked here, and taken one by one by sigwaitinfo().
 * So no signal can end this process alone, none is lost between two calls, and none is sent to
 * a pid that may be another process's by then.  A blocked signal is also delivered if it is
 * ignored: the command may have a handler, and decides.
 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

void
pages_child_exec(const char *path, char **argv)
{
	int err;

	execvp(path, argv);
	err = errno;
	fprintf(stderr, "pages-run: %s: %s\n", argv[0], strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

/*
 * Did the terminal send it, to all processes in the foreground?  Then the command has it, if it
 * still is in the same process group.  Not SIGHUP, which the terminal sends to the leader of a
 * session alone, too.
 */
static bool
has_it_already(pid_t child, const siginfo_t *info)
{
	switch (info->si_signo) {
	case SIGINT: case SIGQUIT: case SIGTSTP: case SIGTTIN: case SIGTTOU: case SIGWINCH:
		return info->si_code == SI_KERNEL && getpgid(child) == getpgrp();
	default:
		return false;
	}
}

/*
 * The command sees this process as the sender.  What it sends to its own process group it does
 * not get twice.
 */
static void
forward(pid_t child, const siginfo_t *info)
{
	if (has_it_already(child, info) || (info->si_code <= 0 && info->si_pid == child))
		return;
	if (info->si_code == SI_QUEUE)
		(void)sigqueue(child, info->si_signo, info->si_value);
	else
		(void)kill(child, info->si_signo);
}

/* Let a signal that is blocked do what it does to a program without a handler. */
static void
suffer(int sig)
{
	sigset_t one;

	signal(sig, SIG_DFL);
	sigemptyset(&one);
	sigaddset(&one, sig);
	(void)kill(getpid(), sig);
	sigprocmask(SIG_UNBLOCK, &one, NULL);
	sigprocmask(SIG_BLOCK, &one, NULL);
}

/* The command has stopped, so stop, too: a shell waits for this process. */
static void
stop(int sig)
{
	sigset_t pending;

	/* Continued already: that signal would be lost, and the shell believe that this runs. */
	if (sigpending(&pending) == 0 && sigismember(&pending, SIGCONT) == 1)
		return;
	suffer(sig);
}

/* Has the child ended?  It stays a zombie, so its pid stays its own. */
static bool
has_ended(pid_t child)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)child, &info, WSTOPPED | WNOHANG) == 0 && info.si_pid == child)
		stop(info.si_status);
	info.si_pid = 0;
	return waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       info.si_pid == child;
}

/* Pass signals on until the child has ended.  What came too late for it is dropped. */
static void
wait_for(struct pages_child *c, const sigset_t *all)
{
	static const struct timespec at_once;
	siginfo_t info;
	pid_t child = c->pid;

	do {
		if (sigwaitinfo(all, &info) < 0)
			continue;
		/* One SIGCHLD may stand for several; one that was sent by hand hides others. */
		if (info.si_signo != SIGCHLD || info.si_code <= 0)
			forward(child, &info);
	} while (info.si_signo != SIGCHLD || !has_ended(child));
	while (wait4(child, &c->status, 0, &c->usage) < 0 && errno == EINTR)
		;
	while (sigtimedwait(all, &info, &at_once) > 0)
		;
}

/* In the child: as if this process were not there, whose end by SIGKILL is the command's, too. */
__attribute__((noreturn)) static void
become(const char *path, char **argv, pid_t parent, const sigset_t *mask)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(128 + SIGKILL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	pages_child_exec(path, argv);
}

bool
pages_child_run(const char *path, char **argv, struct pages_child *ret)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL }, old;
	pid_t parent = getpid();
	sigset_t all, mask;
	int err;

	*ret = (struct pages_child){ .wall = (double)pages_clock_ns() / 1e9 };
	/* If SIGCHLD were ignored, the kernel would discard the status. */
	sigaction(SIGCHLD, &dfl, &old);
	/* Signals that arrive now stay pending until the child exists and can get them. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &mask);
	ret->pid = fork();
	err = errno;
	if (ret->pid == 0) {
		sigaction(SIGCHLD, &old, NULL);
		become(path, argv, parent, &mask);
	}
	if (ret->pid > 0)
		wait_for(ret, &all);
	ret->wall = (double)pages_clock_ns() / 1e9 - ret->wall;
	sigprocmask(SIG_SETMASK, &mask, NULL);
	sigaction(SIGCHLD, &old, NULL);
	errno = err;
	return ret->pid > 0;
}

void
pages_child_imitate(int status)
{
	struct rlimit none = { 0, 0 };

	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);	/* a core_pattern with a pipe ignores the limit */
	suffer(WTERMSIG(status));
	_exit(128 + WTERMSIG(status));
}
