/* SPDX-License-Identifier: MIT */
/*
 * stat_select.c - finds processes by number and by name
 */
#include "stat_select.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remote.h"

enum { NAME_MAX_LEN = 15 };

bool
pages_pid_of(const char *text, pid_t *ret)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || n < 1 || n > INT_MAX)
		return false;
	*ret = (pid_t)n;
	return true;
}

static bool
append(struct pages_pids *p, pid_t pid, uint64_t start)
{
	if (p->count == p->room) {
		size_t room = p->room * 2 + 16;
		struct pages_process *more = reallocarray(p->process, room, sizeof(*more));

		if (more == NULL)
			return false;
		p->process = more;
		p->room = room;
	}
	p->process[p->count++] = (struct pages_process){ pid, start };
	return true;
}

bool
pages_pids_add(struct pages_pids *p, pid_t pid, uint64_t start)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->process[i].pid == pid)
			return true;
	return append(p, pid, start);
}

uint64_t
pages_start_of(pid_t pid)
{
	struct pages_remote r;
	uint64_t start;

	if (pages_remote_open(&r, pid) != 0)
		return 0;
	start = pages_remote_start(&r);
	pages_remote_close(&r);
	return start;
}

/* Threads of the kernel have no memory. */
static bool
is_wanted(pid_t pid, const char *name, uint64_t *ret_start)
{
	struct pages_remote_status status;
	struct pages_remote r;
	bool wanted;

	if (pid == getpid() || pages_remote_open(&r, pid) != 0)
		return false;
	wanted = pages_remote_status(&r, &status) == 0 &&
		 (name != NULL ? strncmp(status.name, name, NAME_MAX_LEN) == 0 : status.has_memory);
	*ret_start = pages_remote_start(&r);
	pages_remote_close(&r);
	return wanted;
}

int
pages_pids_find(struct pages_pids *p, const char *name, size_t *ret_found)
{
	DIR *d = opendir("/proc");
	const struct dirent *e;
	uint64_t start;
	int err = 0;
	pid_t pid;

	*ret_found = 0;
	if (d == NULL)
		return -errno;
	/* cppcheck-suppress readdirCalled ; there is one thread */
	while (err == 0 && (e = readdir(d)) != NULL) {
		if (!pages_pid_of(e->d_name, &pid) || !is_wanted(pid, name, &start))
			continue;
		++*ret_found;
		/* All of them are different: to compare each with each would cost a square. */
		if (!(name != NULL ? pages_pids_add : append)(p, pid, start))
			err = -ENOMEM;
	}
	closedir(d);
	return err;
}
