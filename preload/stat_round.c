/* SPDX-License-Identifier: MIT */
/*
 * stat_round.c - looks at all processes that pages-stat was asked for, and says what is not there
 */
#include "stat_round.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "stat_select.h"
#include "text.h"

/* How long a process may keep this one waiting, and from the fourth on that does. */
enum { PATIENCE_MS = 1000, SILENT_MAX = 3, SHORT_PATIENCE_MS = 50 };

static int
status_of(const struct pages_sight *s)
{
	switch (s->state) {
	case PAGES_SIGHT_SEEN:
		return pages_sight_is_active(s) ? PAGES_STAT_ACTIVE : PAGES_STAT_INACTIVE;
	case PAGES_SIGHT_GONE:
		return PAGES_STAT_NO_PROCESS;
	case PAGES_SIGHT_HIDDEN:
	case PAGES_SIGHT_DENIED:
	case PAGES_SIGHT_NO_READING:
	case PAGES_SIGHT_SILENT:
	case PAGES_SIGHT_CRASHED:
	case PAGES_SIGHT_FAILED:
		return PAGES_STAT_NOT_READ;
	default:
		return PAGES_STAT_INACTIVE;
	}
}

/* Could the next look see more? */
static bool
may_be_seen_later(const struct pages_sight *s)
{
	return s->state == PAGES_SIGHT_SILENT || s->state == PAGES_SIGHT_CRASHED ||
	       s->state == PAGES_SIGHT_FAILED || s->state == PAGES_SIGHT_NONSENSE;
}

static void
complain(const struct pages_sight *s)
{
	char why[320], name[64];

	pages_sight_explain(s, why, sizeof(why));
	if (s->status.name[0] != '\0')
		pages_say("%s (pid %d) %s%s", pages_text_name_of(s->status.name, name, sizeof(name)),
			  (int)s->pid, strncmp(why, "inactive", 8) == 0 ? "is " : "", why);
	else
		pages_say("pid %d: %s", (int)s->pid, why);
}

/* Has its pid been given to another process?  Then what was read may be that one's. */
static bool
is_replaced(const struct pages_process *p)
{
	uint64_t now = pages_start_of(p->pid);

	return p->start != 0 && now != 0 && now != p->start;
}

/* Look at one.  With active_only, those in which pages is inactive are left out. */
static void
look(const struct pages_process *p, bool picture, bool quiet, bool active_only,
     struct pages_round *ret)
{
	unsigned patience = ret->silent < SILENT_MAX ? PATIENCE_MS : SHORT_PATIENCE_MS;
	struct pages_sight *s = &ret->seen[ret->count];
	int status;

	pages_sight_look(p->pid, picture, patience, s);
	s->start = p->start;
	if (is_replaced(p))
		s->state = PAGES_SIGHT_GONE;
	status = status_of(s);
	ret->silent += s->state == PAGES_SIGHT_SILENT;
	ret->there += s->state == PAGES_SIGHT_SEEN || may_be_seen_later(s);
	if (status == PAGES_STAT_NOT_READ)
		ret->unread++;
	if (!quiet && status != PAGES_STAT_ACTIVE)
		complain(s);
	ret->status = status > ret->status ? status : ret->status;
	if (s->state == PAGES_SIGHT_SEEN && (status == PAGES_STAT_ACTIVE || !active_only))
		ret->count++;
}

/* The pids that the operands name, each once: two may name the same; those of --all. */
static struct pages_pids
find(const struct pages_asked *asked, bool quiet, struct pages_round *round)
{
	struct pages_pids pids = { .count = 0 };
	size_t found;
	char **names = asked->operands;
	int err = names == NULL ? pages_pids_find(&pids, NULL, &found) : 0;

	for (size_t i = 0; err == 0 && names != NULL && names[i] != NULL; i++) {
		pid_t pid;

		if (pages_pid_of(names[i], &pid)) {
			if (asked->start[i] == 0)
				asked->start[i] = pages_start_of(pid);
			err = pages_pids_add(&pids, pid, asked->start[i]) ? 0 : -ENOMEM;
			continue;
		}
		err = pages_pids_find(&pids, names[i], &found);
		if (err == 0 && found == 0) {
			if (!quiet)
				pages_say("%s: no process has that name", names[i]);
			round->status = PAGES_STAT_NO_PROCESS;
		}
	}
	if (err != 0)
		pages_fail("/proc", strerror(-err));
	return pids;
}

/* Among several, one that is active is enough: the others are in what was printed. */
static bool
is_search(char **operands)
{
	pid_t pid;

	return operands == NULL || (operands[1] == NULL && !pages_pid_of(operands[0], &pid));
}

struct pages_round
pages_round_look(const struct pages_asked *asked, bool picture, bool quiet)
{
	bool all = asked->operands == NULL;
	struct pages_round round = { .status = PAGES_STAT_ACTIVE };
	struct pages_pids pids = find(asked, quiet, &round);

	/* One more, because a process that shows nothing is read into the next place, too. */
	round.seen = calloc(pids.count + 1, sizeof(*round.seen));
	if (round.seen == NULL)
		pages_fail("memory", strerror(ENOMEM));
	for (size_t i = 0; i < pids.count; i++)
		look(&pids.process[i], picture, quiet || all, all, &round);
	free(pids.process);
	if (is_search(asked->operands)) {
		bool found = false;

		for (size_t i = 0; i < round.count; i++)
			found |= pages_sight_is_active(&round.seen[i]);
		if (found)
			round.status = PAGES_STAT_ACTIVE;
		else if (round.status == PAGES_STAT_ACTIVE)
			round.status = PAGES_STAT_INACTIVE;
	}
	return round;
}
