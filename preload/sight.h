/* SPDX-License-Identifier: MIT */
/*
 * sight.h - what can be seen of pages in another process at this moment
 *
 * The process goes on meanwhile, so the figures are off by the operation in progress.
 */
#ifndef PAGES_SIGHT_H
#define PAGES_SIGHT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "picture.h"
#include "remote.h"
#include "report.h"

/* A process has several heaps if the shim, and programs that link libpages, are in it together. */
enum { PAGES_SIGHT_HEAPS = 4 };

enum pages_sight_state {
	PAGES_SIGHT_SEEN,	/* there is a heap at least */
	PAGES_SIGHT_ABSENT,	/* no library of ours is loaded */
	PAGES_SIGHT_OTHER,	/* ... but one with another layout */
	PAGES_SIGHT_32_BIT,
	PAGES_SIGHT_NO_MEMORY,	/* a kernel thread, or a zombie */
	PAGES_SIGHT_NONSENSE,	/* what is there makes no sense */
	PAGES_SIGHT_GONE,
	PAGES_SIGHT_HIDDEN,	/* it is there, but /proc does not show it */
	PAGES_SIGHT_DENIED,	/* by the list of mappings */
	PAGES_SIGHT_NO_READING,	/* ... which can be read; memory cannot */
	PAGES_SIGHT_SILENT,	/* reading took too long */
	PAGES_SIGHT_CRASHED,	/* the child that read it ended before it was done */
	PAGES_SIGHT_FAILED,	/* err says why */
};

struct pages_sight_heap {
	char library[24];
	struct pages_report report;
	struct pages_picture picture;	/* if it was asked for */
};

struct pages_sight {
	enum pages_sight_state state;
	int err;
	uint64_t time_ms;		/* of CLOCK_REALTIME, as people read it */
	uint64_t clock_ms;		/* of clock.h */
	pid_t pid;
	uint64_t start;			/* set by the caller: of pages_remote_start() */
	struct pages_remote_status status;
	bool not_dumpable;		/* its files in /proc are not its user's */
	char version[24];		/* of the library, if OTHER */
	size_t heaps;
	struct pages_sight_heap heap[PAGES_SIGHT_HEAPS];
};

/*
 * Look at a process.  A child does the reading, and is given up after patience_ms: a process can
 * arrange that reading its memory waits for ever.  A child that cannot even be killed is reaped by
 * a later call, which takes all children that have ended: the caller has no others.  Text in *ret is
 * as that process wrote it, which may be any bytes.
 */
void pages_sight_look(pid_t pid, bool picture, unsigned patience_ms, struct pages_sight *ret);

/* Is pages active in a process that was seen? */
bool pages_sight_is_active(const struct pages_sight *s);

/* One line: why s is not SEEN, or not active, and what helps. */
void pages_sight_explain(const struct pages_sight *s, char *ret, size_t size);

#endif /* PAGES_SIGHT_H */
