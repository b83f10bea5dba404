/* SPDX-License-Identifier: MIT */
/*
 * remote.h - another process, read from outside: it is neither attached to nor stopped
 *
 * Only /proc/PID is opened, and memory is copied by process_vm_readv(2).  So no file of another
 * mount namespace is touched.  All that is read is hostile: the owner of the process can write
 * it.
 */
#ifndef PAGES_REMOTE_H
#define PAGES_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

struct pages_remote {
	pid_t pid;
	int dir;		/* /proc/PID, which stays that of this process */
};

struct pages_remote_status {
	char name[64];		/* of the program, as of /proc/PID/comm: any bytes */
	char state;		/* 'Z': it has ended */
	uint64_t uid, rss;	/* the real user; resident bytes, as the kernel counts them */
	bool has_memory;	/* no: a thread of the kernel, or a zombie; rss may be 0 if it has */
	bool other_ids;		/* its user and group ids are not all those of this process */
};

/* 0; -ENOENT if there is none; -errno. */
int pages_remote_open(struct pages_remote *r, pid_t pid);
void pages_remote_close(struct pages_remote *r);

/* Copy all of [from, from + len).  0; -EFAULT: a part is not readable; -ESRCH, -EPERM, ... */
int pages_remote_read(const struct pages_remote *r, uint64_t from, void *to, size_t len);

/* What everybody may know.  0 or -errno; -ESRCH if the process is gone. */
int pages_remote_status(const struct pages_remote *r, struct pages_remote_status *ret);

/*
 * When it started, in ticks since the machine did; 0: not known.  With the pid this tells it from
 * every other process, also from one that has got its pid since.
 */
uint64_t pages_remote_start(const struct pages_remote *r);

/* A file of /proc/PID; NULL with errno if it cannot be opened.  To be closed. */
FILE *pages_remote_file(const struct pages_remote *r, const char *name);

/* A note about counters: heap/published.h.  The place is an address of the process. */
struct pages_remote_note {
	uint64_t place;
	uint32_t version, len;
};

/* A library and the program itself can have one each, and there may be more libraries. */
enum { PAGES_REMOTE_NOTES = 8 };

struct pages_remote_notes {
	struct pages_remote_note note[PAGES_REMOTE_NOTES];
	size_t count;
	size_t mappings;	/* 0: a kernel thread, or it has ended */
	bool is_32_bit;
};

/*
 * Find the notes in the first pages of all that is mapped from a file and can run.  0 or -errno:
 * -EACCES if the list of mappings may not be read, -EPERM if memory may not.
 */
int pages_remote_find(const struct pages_remote *r, struct pages_remote_notes *ret);

#endif /* PAGES_REMOTE_H */
