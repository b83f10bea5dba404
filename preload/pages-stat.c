/* SPDX-License-Identifier: MIT */
/*
 * pages-stat.c - the program pages-stat(1): the counters of running processes, from outside
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stat_output.h"
#include "stat_select.h"
#include "text.h"

/* Exit status: see pages-stat(1).  The last one is for errors of pages-stat itself. */
enum { ACTIVE, INACTIVE, NO_PROCESS, NOT_READ, OWN_TROUBLE = 125 };

enum format { TABLE, JSON, PROMETHEUS };

struct options {
	enum format format;
	bool all, map;
	double watch;		/* seconds; 0: once */
	char **operands;
};

/* One look at all processes: those in which there is something, in the order of their pids. */
struct round {
	struct pages_sight *seen;
	size_t count;
	size_t unread;		/* others that could not be read, of --all */
	int status;
};

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("pages-stat: ", stderr);
	vfprintf(stderr, format, ap);
	fputc('\n', stderr);
	va_end(ap);
}

__attribute__((noreturn)) static void
fail(const char *what, const char *why)
{
	say("%s: %s", what, why);
	exit(OWN_TROUBLE);
}

/* Options. ---------------------------------------------------------------- */

static void
usage(FILE *f)
{
	fputs("usage: pages-stat [options] PID|NAME ...\n"
	      "       pages-stat [options] --all\n"
	      "Show what pages does in running processes.\n"
	      "  -a, --all                       every process in which it is active\n"
	      "  -w, --watch[=SECONDS]           again and again (every 2 seconds)\n"
	      "  -m, --map                       and draw the arena\n"
	      "  -j, --json                      a line of JSON for each\n"
	      "  -p, --prometheus                Prometheus's text format\n"
	      "  -h, --help; -V, --version       print this text, the version\n\n"
	      "Exits with 0: active, 1: inactive, 2: no such process, 3: may not be read,\n"
	      "125: own trouble.\n", f);
}

static double
parse_seconds(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || !(s >= 0.1 && s <= 86400))
		fail(text, "not a number of seconds: 0.1 to 86400");
	return s;
}

static void
apply(struct options *o, int option)
{
	switch (option) {
	case 'a':
		o->all = true;
		break;
	case 'w':
		o->watch = optarg != NULL ? parse_seconds(optarg) : 2;
		break;
	case 'm':
		o->map = true;
		break;
	case 'j':
		o->format = JSON;
		break;
	case 'p':
		o->format = PROMETHEUS;
		break;
	case 'h':
		usage(stdout);
		exit(0);
	case 'V':
		puts("pages-stat (pages) " PACKAGE_VERSION);
		exit(0);
	default:
		usage(stderr);
		exit(OWN_TROUBLE);
	}
}

static struct options
parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "watch", optional_argument, NULL, 'w' },
		{ "map", no_argument, NULL, 'm' },
		{ "json", no_argument, NULL, 'j' },
		{ "prometheus", no_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .format = TABLE };
	int c;

	while ((c = getopt_long(argc, argv, "aw::mjphV", longs, NULL)) != -1)
		apply(&o, c);
	o.operands = argv + optind;
	if (o.all == (o.operands[0] != NULL)) {
		usage(stderr);
		exit(OWN_TROUBLE);
	}
	if (o.map && o.format != TABLE)
		fail("--map", "is for people, not with --json or --prometheus");
	if (o.watch != 0 && o.format == PROMETHEUS)
		fail("--watch", "not with --prometheus, which is one set of figures");
	return o;
}

/* A look at all of them. -------------------------------------------------- */

static int
status_of(const struct pages_sight *s)
{
	switch (s->state) {
	case PAGES_SIGHT_SEEN:
		return pages_sight_is_active(s) ? ACTIVE : INACTIVE;
	case PAGES_SIGHT_GONE:
		return NO_PROCESS;
	case PAGES_SIGHT_HIDDEN:
	case PAGES_SIGHT_DENIED:
	case PAGES_SIGHT_NO_READING:
	case PAGES_SIGHT_SILENT:
	case PAGES_SIGHT_FAILED:
		return NOT_READ;
	default:
		return INACTIVE;
	}
}

static void
complain(const struct pages_sight *s)
{
	char why[320], name[64];

	pages_sight_explain(s, why, sizeof(why));
	if (s->status.name[0] != '\0')
		say("%s (pid %d) %s%s", pages_text_name_of(s->status.name, name, sizeof(name)),
		    (int)s->pid, strncmp(why, "inactive", 8) == 0 ? "is " : "", why);
	else
		say("pid %d: %s", (int)s->pid, why);
}

/* Look at one.  Only with --all it is no news that another program is inactive. */
static void
look(const struct options *o, pid_t pid, bool quiet, struct round *ret)
{
	struct pages_sight *s = &ret->seen[ret->count];
	int status;

	pages_sight_look(pid, o->map, s);
	status = status_of(s);
	if (status == NOT_READ)
		ret->unread++;
	if (!quiet && status != ACTIVE)
		complain(s);
	ret->status = status > ret->status ? status : ret->status;
	if (s->state == PAGES_SIGHT_SEEN && (status == ACTIVE || !o->all))
		ret->count++;
}

/* The pids that the operands name; those of --all. */
static struct pages_pids
find(const struct options *o, struct round *round)
{
	struct pages_pids pids = { .count = 0 };
	int err = o->all ? pages_pids_find(&pids, NULL) : 0;

	for (char **name = o->operands; err == 0 && *name != NULL; name++) {
		size_t before = pids.count;
		pid_t pid;

		if (pages_pid_of(*name, &pid)) {
			err = pages_pids_add(&pids, pid) ? 0 : -ENOMEM;
			continue;
		}
		err = pages_pids_find(&pids, *name);
		if (err == 0 && pids.count == before) {
			say("%s: no process has that name", *name);
			round->status = NO_PROCESS;
		}
	}
	if (err != 0)
		fail("/proc", strerror(-err));
	return pids;
}

/* Among several, one that is active is enough: the others are in what was printed. */
static bool
is_search(const struct options *o)
{
	pid_t pid;

	return o->all || (o->operands[1] == NULL && !pages_pid_of(o->operands[0], &pid));
}

static struct round
look_at_all(const struct options *o, bool quiet)
{
	struct round round = { .status = ACTIVE };
	struct pages_pids pids = find(o, &round);

	/* One more, because a process that shows nothing is read into the next place, too. */
	round.seen = calloc(pids.count + 1, sizeof(*round.seen));
	if (round.seen == NULL)
		fail("memory", strerror(ENOMEM));
	for (size_t i = 0; i < pids.count; i++)
		look(o, pids.pid[i], quiet || o->all, &round);
	free(pids.pid);
	if (is_search(o)) {
		bool found = false;

		for (size_t i = 0; i < round.count; i++)
			found |= pages_sight_is_active(&round.seen[i]);
		round.status = found ? ACTIVE : round.status != ACTIVE ? round.status : INACTIVE;
	}
	return round;
}

/* Printing. --------------------------------------------------------------- */

static const struct pages_sight *
earlier(const struct round *before, pid_t pid)
{
	for (size_t i = 0; i < before->count; i++)
		if (before->seen[i].pid == pid)
			return &before->seen[i];
	return NULL;
}

static void
print(const struct options *o, const struct round *round, const struct round *before, FILE *out)
{
	bool rows = o->format == TABLE && (o->all || round->count > 1) && !o->map;

	if (o->format == PROMETHEUS)
		pages_stat_prometheus(round->seen, round->count, round->unread, out);
	if (rows && round->count != 0)
		pages_stat_heading(out);
	for (size_t i = 0; i < round->count && o->format != PROMETHEUS; i++) {
		const struct pages_sight *s = &round->seen[i];

		if (o->format == JSON)
			pages_stat_json(s, out);
		else if (rows)
			pages_stat_rows(s, out);
		else
			pages_stat_table(s, earlier(before, s->pid), out);
	}
	if (o->all && o->format == TABLE && round->count == 0)
		fputs("pages is active in no process that can be read.\n", out);
	if (o->all && o->format == TABLE && round->unread != 0)
		fprintf(out, "%zu process%s could not be read%s.\n", round->unread,
			round->unread == 1 ? "" : "es", geteuid() != 0 ? ": ask as root" : "");
}

static void
finish(FILE *out)
{
	if (fflush(out) != 0 || ferror(out))
		fail("output", strerror(errno));
}

/* Over what was there before: line by line, so that nothing flickers. */
static void
refresh(const char *text)
{
	static const char clear_line[] = "\033[K\n";

	fputs("\033[H", stdout);
	for (; *text != '\0'; text++)
		if (*text == '\n')
			fputs(clear_line, stdout);
		else
			fputc(*text, stdout);
	fputs("\033[J", stdout);
}

static void
print_screen(const struct options *o, const struct round *round, const struct round *before)
{
	bool screen = isatty(STDOUT_FILENO) && o->format == TABLE;
	char *text = NULL;
	size_t len;
	FILE *f = screen ? open_memstream(&text, &len) : stdout;

	if (f == NULL)
		fail("memory", strerror(ENOMEM));
	print(o, round, before, f);
	if (screen && fclose(f) == 0)
		refresh(text);
	else if (o->format == TABLE)
		putchar('\n');
	free(text);
	finish(stdout);
}

/* Until all are gone.  Without a process to look at there is nothing to wait for. */
static int
watch(const struct options *o)
{
	struct timespec pause = { (time_t)o->watch, (long)((o->watch - (double)(time_t)o->watch) * 1e9) };
	struct round before = { .count = 0 }, round = look_at_all(o, false);
	int status = round.status;

	if (isatty(STDOUT_FILENO) && o->format == TABLE && round.count != 0)
		fputs("\033[2J", stdout);
	while (o->all || round.count != 0) {
		print_screen(o, &round, &before);
		free(before.seen);
		before = round;
		nanosleep(&pause, NULL);
		round = look_at_all(o, true);
	}
	free(before.seen);
	free(round.seen);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct round round, none = { .count = 0 };
	int status;

	if (o.watch != 0)
		return watch(&o);
	round = look_at_all(&o, false);
	print(&o, &round, &none, stdout);
	finish(stdout);
	status = round.status;
	free(round.seen);
	return status;
}
