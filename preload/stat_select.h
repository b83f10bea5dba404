/* SPDX-License-Identifier: MIT */
/*
 * stat_select.h - which processes pages-stat looks at
 */
#ifndef PAGES_STAT_SELECT_H
#define PAGES_STAT_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct pages_process {
	pid_t pid;
	uint64_t start;		/* as of pages_remote_start() */
};

struct pages_pids {
	struct pages_process *process;
	size_t count, room;
};

/* Is it a number that a process can have? */
bool pages_pid_of(const char *text, pid_t *ret);

/* Add one, unless it is in it already.  False: not enough memory. */
bool pages_pids_add(struct pages_pids *p, pid_t pid, uint64_t start);

/* When it started; 0: not known, or there is none. */
uint64_t pages_start_of(pid_t pid);

/*
 * Add all processes of this machine, as far as /proc shows them, that are called name, or to an
 * empty list all that have memory if it is NULL; never this one.  *ret_found: how many there are,
 * with those that were in the list already.  The kernel cuts names off after 15 bytes, and so does
 * this.  0 or -errno.
 */
int pages_pids_find(struct pages_pids *p, const char *name, size_t *ret_found);

#endif /* PAGES_STAT_SELECT_H */
