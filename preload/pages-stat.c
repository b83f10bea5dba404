/* SPDX-License-Identifier: MIT */
/*
 * pages-stat.c - the program pages-stat(1): the counters of running processes, from outside
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "plot.h"
#include "samples.h"
#include "say.h"
#include "stat_output.h"
#include "stat_round.h"

enum format { TABLE, JSON, PROMETHEUS };

struct options {
	enum format format;
	bool all, map;
	uint64_t watch;		/* milliseconds; 0: once */
	uint64_t interval;	/* of --record */
	const char *record, *plot;	/* files, or NULL */
	char **operands;
	uint64_t *start;	/* of struct pages_asked */
};

/* Options. ---------------------------------------------------------------- */

static void
usage(FILE *f)
{
	fputs("usage: pages-stat [options] PID|NAME ...\n"
	      "       pages-stat [options] --all\n"
	      "       pages-stat --plot=FILE [PICTURE]\n"
	      "Show what pages does in running processes.\n"
	      "  -a, --all                       every process in which it is active\n"
	      "  -w, --watch[=SECONDS]           again and again (every 2 seconds)\n"
	      "  -m, --map                       and draw the arena\n"
	      "  -j, --json                      a line of JSON for each\n"
	      "  -p, --prometheus                Prometheus's text format\n"
	      "      --record=FILE               write samples over time to FILE\n"
	      "      --interval=SECONDS          between samples (0.2)\n"
	      "      --plot=FILE                 draw them by gnuplot: FILE.svg, or PICTURE\n"
	      "  -h, --help; -V, --version       print this text, the version\n\n"
	      "Exits with 0: active, 1: inactive, 2: no such process, 3: may not be read,\n"
	      "125: own trouble.\n", f);
}

/* In milliseconds. */
static uint64_t
parse_seconds(const char *text)
{
	char *end;
	double s = strtod(text, &end);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || !(s >= 0.01 && s <= 86400))
		pages_fail(text, "not a number of seconds: 0.01 to 86400");
	return (uint64_t)(s * 1000 + 0.5);
}

static void
apply(struct options *o, int option)
{
	switch (option) {
	case 'a':
		o->all = true;
		break;
	case 'w':
		o->watch = optarg != NULL ? parse_seconds(optarg) : 2000;
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
	case 'r':
		o->record = optarg;
		break;
	case 'i':
		o->interval = parse_seconds(optarg);
		break;
	case 'P':
		o->plot = optarg;
		break;
	case 'h':
		usage(stdout);
		exit(0);
	case 'V':
		puts("pages-stat (pages) " PACKAGE_VERSION);
		exit(0);
	default:
		usage(stderr);
		exit(PAGES_TROUBLE);
	}
}

/* The first that is wrong ends the program. */
static void
check(const struct options *o)
{
	bool looks = o->all || o->map || o->watch != 0 || o->format != TABLE;

	if (o->plot != NULL && (looks || o->record != NULL))
		pages_fail("--plot", "not with options that look at processes");
	if (o->record != NULL && (o->watch != 0 || o->map || o->format != TABLE))
		pages_fail("--record", "not with --watch, --map, --json or --prometheus");
	if (o->map && o->format != TABLE)
		pages_fail("--map", "is for people, not with --json or --prometheus");
	if (o->watch != 0 && o->format == PROMETHEUS)
		pages_fail("--watch", "not with --prometheus, which is one set of figures");
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
		{ "record", required_argument, NULL, 'r' },
		{ "interval", required_argument, NULL, 'i' },
		{ "plot", required_argument, NULL, 'P' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .format = TABLE, .interval = 200 };
	int c;

	while ((c = getopt_long(argc, argv, "aw::mjphV", longs, NULL)) != -1)
		apply(&o, c);
	o.operands = argv + optind;
	o.start = calloc((size_t)argc, sizeof(*o.start));
	if (o.start == NULL)
		pages_fail("memory", strerror(ENOMEM));
	check(&o);
	if (o.plot != NULL ? o.operands[0] != NULL && o.operands[1] != NULL :
			     o.all == (o.operands[0] != NULL)) {
		usage(stderr);
		exit(PAGES_TROUBLE);
	}
	return o;
}

static struct pages_round
look(const struct options *o, bool quiet)
{
	struct pages_asked asked = { o->all ? NULL : o->operands, o->start };

	return pages_round_look(&asked, o->map, quiet);
}

/* Printing. --------------------------------------------------------------- */

static const struct pages_sight *
earlier(const struct pages_round *before, const struct pages_sight *s)
{
	for (size_t i = 0; i < before->count; i++)
		if (before->seen[i].pid == s->pid && before->seen[i].start == s->start)
			return &before->seen[i];
	return NULL;
}

static void
print(const struct options *o, const struct pages_round *round, const struct pages_round *before,
      FILE *out)
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
			pages_stat_table(s, earlier(before, s), out);
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
		pages_fail("output", strerror(errno));
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
print_screen(const struct options *o, const struct pages_round *round,
	     const struct pages_round *before)
{
	bool screen = isatty(STDOUT_FILENO) && o->format == TABLE;
	char *text = NULL;
	size_t len;
	FILE *f = screen ? open_memstream(&text, &len) : stdout;

	if (f == NULL)
		pages_fail("memory", strerror(ENOMEM));
	print(o, round, before, f);
	if (screen && fclose(f) == 0)
		refresh(text);
	else if (o->format == TABLE)
		putchar('\n');
	free(text);
	finish(stdout);
}

/* Samples over time. ------------------------------------------------------- */

static struct pages_sample
sum_up(const struct pages_round *round)
{
	struct pages_sample sum = { .processes = round->count };

	for (size_t i = 0; i < round->count; i++) {
		const struct pages_sight *s = &round->seen[i];

		sum.process += s->status.rss;
		for (size_t k = 0; k < s->heaps; k++) {
			const struct pages_stats *st = &s->heap[k].report.stats;

			sum.live += st->live_bytes;
			sum.kept += st->kept_bytes;
			sum.resident += st->resident_bytes;
			sum.requests += st->requests;
		}
	}
	return sum;
}

/* Until all are gone, or this process is interrupted: each line is written when it is known. */
static int
record(const struct options *o)
{
	uint64_t due = pages_clock_ms();
	struct pages_round round = look(o, false);
	const struct pages_sight *first = &round.seen[0];
	struct pages_samples samples;
	int status = round.status, err;
	char of[128];

	if (round.there == 0 && !o->all) {
		free(round.seen);
		return status;
	}
	if (o->all || round.count != 1)
		snprintf(of, sizeof(of), "%s", o->all ? "all processes" : o->operands[0]);
	else
		snprintf(of, sizeof(of), "%s (pid %d)", first->status.name, (int)first->pid);
	err = pages_samples_open(&samples, o->record, of);
	while (err == 0 && (o->all || round.there != 0)) {
		struct pages_sample sum = sum_up(&round);

		if (o->all || round.count != 0)
			err = pages_samples_add(&samples, &sum);
		free(round.seen);
		pages_samples_wait(&due, o->interval);
		round = look(o, true);
	}
	free(round.seen);
	if (err != 0)
		pages_fail(o->record, strerror(-err));
	err = pages_samples_close(&samples);
	if (err != 0)
		pages_fail(o->record, strerror(-err));
	return status;
}

static int
plot(const struct options *o)
{
	char why[512], svg[4096];
	const char *to;

	if ((size_t)snprintf(svg, sizeof(svg), "%s.svg", o->plot) >= sizeof(svg))
		pages_fail(o->plot, strerror(ENAMETOOLONG));
	to = o->operands[0] != NULL ? o->operands[0] : svg;
	if (pages_plot(o->plot, to, to != svg, why, sizeof(why)) != 0) {
		pages_say("%s", why);
		return PAGES_TROUBLE;
	}
	return 0;
}

/* Until all are gone.  Without a process to look at there is nothing to wait for. */
static int
watch(const struct options *o)
{
	uint64_t due = pages_clock_ms();
	struct pages_round before = { .count = 0 }, round = look(o, false);
	int status = round.status;

	if (isatty(STDOUT_FILENO) && o->format == TABLE && (o->all || round.there != 0))
		fputs("\033[2J", stdout);
	while (o->all || round.there != 0) {
		if (o->all || round.count != 0)
			print_screen(o, &round, &before);
		free(before.seen);
		before = round;
		pages_samples_wait(&due, o->watch);
		round = look(o, true);
	}
	free(before.seen);
	free(round.seen);
	return status;
}

/* Files are not opened in place of a standard one that is closed, and children are waited for. */
static void
prepare(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
	signal(SIGCHLD, SIG_DFL);
}

static int
look_once(const struct options *o)
{
	struct pages_round round = look(o, false), none = { .count = 0 };
	int status = round.status;

	print(o, &round, &none, stdout);
	finish(stdout);
	free(round.seen);
	return status;
}

int
main(int argc, char **argv)
{
	struct options o;
	int status;

	pages_say_as("pages-stat");
	prepare();
	o = parse(argc, argv);
	if (o.plot != NULL)
		status = plot(&o);
	else if (o.record != NULL)
		status = record(&o);
	else
		status = o.watch != 0 ? watch(&o) : look_once(&o);
	free(o.start);
	return status;
}
