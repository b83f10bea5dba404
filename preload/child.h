/* SPDX-License-Identifier: MIT */
/*
 * child.h - runs a command so that its caller sees the same signals and exit status as
 * without pages-run in between; used by pages-run only
 */
#ifndef PAGES_CHILD_H
#define PAGES_CHILD_H

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

struct pages_child {
	pid_t pid;
	int status;		/* as of wait(2) */
	double wall;		/* seconds */
	struct rusage usage;	/* with that of its own children for which it has waited */
};

/*
 * Replace this process by the command.  If it cannot be run, prints one line and exits with
 * 127 or 126, as env(1) does.  path contains a slash.
 */
__attribute__((noreturn)) void pages_child_exec(const char *path, char **argv);

/*
 * Run the command as a child and wait for it.  It gets the signal mask and dispositions of
 * this process.  Meanwhile this process passes on all signals that can be caught, real-time ones
 * with their values, and stops when the command stops.  What the terminal sends to both is not
 * passed on.  If this process is killed by SIGKILL, so is the command.
 *
 * False with errno set if fork failed.
 */
bool pages_child_run(const char *path, char **argv, struct pages_child *ret);

/* End this process as the child ended: same exit status or signal, but no second core dump. */
__attribute__((noreturn)) void pages_child_imitate(int status);

#endif /* PAGES_CHILD_H */
