/* SPDX-License-Identifier: MIT */
/*
 * child.h - run a command so that nobody can tell there is something in between
 *
 * Used by pages-run only.
 */
#ifndef PAGES_CHILD_H
#define PAGES_CHILD_H

#include <sys/types.h>

/*
 * Become the command.  If it cannot be run, says so in one line and ends with 127
 * or 126, as env(1) does.  path has a slash in it.
 */
__attribute__((noreturn)) void pages_child_exec(const char *path, char **argv);

/*
 * Run the command and wait for it.  It gets the signal mask and dispositions of
 * this process; meanwhile this process leaves it to the command to end by SIGINT
 * or SIGQUIT, and passes on SIGTERM, SIGHUP, SIGUSR1 and SIGUSR2.
 *
 * Returns the wait status and the pid, which is negative if there was no fork.
 */
int pages_child_run(const char *path, char **argv, pid_t *ret_pid);

/* End as a process with this wait status did, but without a second core dump. */
__attribute__((noreturn)) void pages_child_imitate(int status);

#endif /* PAGES_CHILD_H */
