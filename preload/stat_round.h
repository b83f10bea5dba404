/* SPDX-License-Identifier: MIT */
/*
 * stat_round.h - one look of pages-stat at all processes that it was asked for
 */
#ifndef PAGES_STAT_ROUND_H
#define PAGES_STAT_ROUND_H

#include <stdbool.h>
#include <stddef.h>

#include "sight.h"

/* Exit status: see pages-stat(1), and say.h. */
enum {
	PAGES_STAT_ACTIVE,
	PAGES_STAT_INACTIVE,
	PAGES_STAT_NO_PROCESS,
	PAGES_STAT_NOT_READ,
};

struct pages_asked {
	char **operands;	/* pids and names of programs, NULL after the last; NULL: all */
	uint64_t *start;	/* for each, 0 at first: when a pid's process started */
};

struct pages_round {
	struct pages_sight *seen;	/* the processes in which there is something; to be freed */
	size_t count;
	size_t unread;			/* others that could not be read */
	size_t silent;			/* of these, those of which reading took too long */
	size_t there;			/* seen, or there and only now not to be read */
	int status;
};

/*
 * Look at the processes that were asked for; of all, only those count in which it is active.  In
 * the rounds after the first, a pid that another process has got by then is that of none.  Unless
 * quiet, each in which it is not active gets a line on standard error.
 */
struct pages_round pages_round_look(const struct pages_asked *asked, bool picture, bool quiet);

#endif /* PAGES_STAT_ROUND_H */
