/* SPDX-License-Identifier: MIT */
/*
 * pages-run.c - the program pages-run(1): runs a command with the shim preloaded
 *
 * Without --report it replaces itself by the command.  With it, it stays as the parent, like
 * time(1), and prints the report.  The command could not do that alone: a process that is
 * killed or calls _exit() writes none, nor does one that never loaded the shim.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "compare.h"
#include "conf.h"
#include "elf_inspect.h"
#include "find_shim.h"
#include "sampler.h"
#include "say.h"
#include "tally.h"
#include "text.h"

enum { DEFAULT_RUNS = 5, MAX_RUNS = 1000 };

struct options {
	bool report, dry_run, quiet;
	unsigned compare;		/* number of runs, or 0 */
	const char *report_file;	/* NULL: standard error */
	const char *record_file;	/* of samples over time, or NULL */
	char *conf;			/* settings to append to PAGES_CONF, or NULL */
};

struct command {
	char **argv;
	char path[PATH_MAX];
	struct pages_elf_verdict verdict;
};

static char *
join(const char *a, const char *separator, const char *b)
{
	char *s;

	if (asprintf(&s, "%s%s%s", a, separator, b) < 0)
		pages_fail("memory", strerror(ENOMEM));
	return s;
}

/* Options. ---------------------------------------------------------------- */

static void
usage(FILE *f)
{
	fputs("usage: pages-run [options] [--] command [argument ...]\n"
	      "Run a command with its large allocations on paged regions.\n"
	      "      --report[=FILE]             say at the end what it did (FILE.json: JSON)\n"
	      "      --record=FILE               samples of its memory over time, to plot\n"
	      "      --compare[=RUNS]            run it plainly and with the shim in turn (5 times)\n"
	      "  -t, --threshold=SIZE            what is large (256K; from 64K)\n"
	      "  -c, --conf=KEY:VALUE[,...]      settings (see -c help:true)\n"
	      "  -n, --dry-run                   print the environment it would set\n"
	      "  -q, --quiet                     no warnings\n"
	      "  -h, --help; -V, --version       print this text, the version\n\n"
	      "Exits as the command does; 127: not found, 126: not executable, 125: own trouble.\n",
	      f);
}

static void
add_setting(char **conf, const char *prefix, const char *setting)
{
	char *piece = join(prefix, "", setting), *old = *conf;

	*conf = old != NULL && old[0] != '\0' ? join(old, ",", piece) : join(piece, "", "");
	free(piece);
	free(old);
}

__attribute__((noreturn)) static void
refuse(const char *setting, size_t len, const char *why)
{
	pages_say("%.*s: %s", (int)len, setting, why);
	exit(PAGES_TROUBLE);
}

/* Settings that the shim would leave out are refused before anything runs. */
static void
check_settings(const char *text)
{
	struct pages_conf conf = PAGES_CONF_DEFAULTS;

	pages_conf_parse(&conf, text, refuse);
}

static unsigned
parse_runs(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end != '\0' || n < 1 || n > MAX_RUNS)
		pages_fail(text, "not a number of runs: 1 to 1000");
	return (unsigned)n;
}

static void
apply(struct options *o, int option)
{
	switch (option) {
	case 'r':
		if (optarg != NULL && optarg[0] == '\0')
			pages_fail("--report", "the name of the file is empty");
		o->report = true;
		o->report_file = optarg != NULL && strcmp(optarg, "-") != 0 ? optarg : NULL;
		break;
	case 'R':
		o->record_file = optarg;
		break;
	case 'C':
		o->compare = optarg != NULL ? parse_runs(optarg) : DEFAULT_RUNS;
		break;
	case 't':
		if (strchr(optarg, ',') != NULL)
			pages_fail(optarg, "not a size");
		add_setting(&o->conf, "threshold:", optarg);
		break;
	case 'c':
		add_setting(&o->conf, "", optarg);
		break;
	case 'n':
		o->dry_run = true;
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'h':
		usage(stdout);
		exit(0);
	case 'V':
		puts("pages-run (pages) " PACKAGE_VERSION);
		exit(0);
	default:
		usage(stderr);
		exit(PAGES_TROUBLE);
	}
}

static struct options
parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "report", optional_argument, NULL, 'r' },
		{ "record", required_argument, NULL, 'R' },
		{ "compare", optional_argument, NULL, 'C' },
		{ "threshold", required_argument, NULL, 't' },
		{ "conf", required_argument, NULL, 'c' },
		{ "dry-run", no_argument, NULL, 'n' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .conf = NULL };
	int c;

	while ((c = getopt_long(argc, argv, "+t:c:nqhV", longs, NULL)) != -1)
		apply(&o, c);
	if (o.compare != 0 && (o.report || o.record_file != NULL || o.dry_run))
		pages_fail("--compare", "not together with --report, --record or --dry-run");
	if (argv[optind] == NULL && !o.dry_run) {
		usage(stderr);
		exit(PAGES_TROUBLE);
	}
	check_settings(o.conf);
	return o;
}

/* The environment. -------------------------------------------------------- */

static void
find_shim(char *ret)
{
	const char *why = pages_find_shim(getenv("PAGES_SHIM"), ret);

	if (why != NULL)
		pages_fail(ret, why);
	if (strpbrk(ret, " :") != NULL)
		pages_fail(ret, "cannot be preloaded: there is a space or a colon in its path");
}

/* Is this item of LD_PRELOAD the shim, or, if shim is NULL, a sanitizer's runtime? */
static bool
is_it(const char *item, const char *shim)
{
	const char *name = strrchr(item, '/') != NULL ? strrchr(item, '/') + 1 : item;

	if (shim == NULL)
		return pages_elf_is_sanitizer(name) || strncmp(name, "libubsan.", 9) == 0;
	return pages_is_shim(item, shim);
}

/* Does LD_PRELOAD list the shim, or, if shim is NULL, a sanitizer's runtime? */
static bool
preloads(const char *shim)
{
	const char *list = getenv("LD_PRELOAD");
	char *copy = join(list != NULL ? list : "", "", ""), *save;
	bool found = false;

	for (char *i = strtok_r(copy, " :", &save); i != NULL; i = strtok_r(NULL, " :", &save))
		found |= is_it(i, shim);
	free(copy);
	return found;
}

/* Set a variable for the command, or only print it for --dry-run. */
static void
set(const struct options *o, const char *name, const char *value)
{
	if (o->dry_run)
		printf("%s=%s\n", name, value);
	else if (setenv(name, value, 1) != 0)
		pages_fail(name, strerror(errno));
}

/*
 * Put the shim first in LD_PRELOAD, before what is there already.  If the user has listed the
 * shim, the order is left as it is.
 */
static void
set_preload(const struct options *o, const char *shim)
{
	const char *old = getenv("LD_PRELOAD");
	char entry[PATH_MAX], *list;

	pages_shim_entry(shim, entry);
	list = old != NULL && old[0] != '\0' ? join(entry, ":", old) : join(entry, "", "");
	set(o, "LD_PRELOAD", old != NULL && preloads(shim) ? old : list);
	free(list);
}

static void
set_conf(const struct options *o)
{
	const char *old = getenv("PAGES_CONF");
	char *conf = join(old != NULL ? old : "", "", "");

	if (o->conf != NULL) {
		add_setting(&conf, "", o->conf);
		set(o, "PAGES_CONF", conf);
	}
	free(conf);
}

/* The report. ------------------------------------------------------------- */

/* Without a record the command runs all the same, and the report says what is missing. */
static void
make_record(struct options *o, struct pages_tally *t)
{
	int err = pages_tally_open(t);

	if (err != 0)
		pages_say("no record of counters: %s", strerror(-err));
	else
		add_setting(&o->conf, "", t->setting);
}

static uint64_t
microseconds(struct timeval t)
{
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_usec;
}

static struct pages_usage
usage_of(const struct pages_child *c)
{
	return (struct pages_usage){
		.known = true,
		.wall_us = (uint64_t)(c->wall * 1e6),
		.user_us = microseconds(c->usage.ru_utime),
		.system_us = microseconds(c->usage.ru_stime),
		.page_faults = (uint64_t)(c->usage.ru_minflt + c->usage.ru_majflt),
		.peak_bytes = (uint64_t)c->usage.ru_maxrss * 1024,
	};
}

static void
report(const struct options *o, const struct command *c, const struct pages_child *child, FILE *out,
       struct pages_tally *t)
{
	const char *file = o->report_file;
	bool json = file != NULL && pages_text_names_json(file);

	t->sum.usage = usage_of(child);
	pages_tally_collect(t, child->pid, c->path, c->verdict.problem);
	if (!pages_tally_print(t, out, json))
		pages_say("report: %s", strerror(ENOMEM));
	if (fflush(out) != 0 || ferror(out))
		pages_say("%s: %s", file != NULL ? file : "report", strerror(errno));
}

/* out: where to report to, or NULL. */
__attribute__((noreturn)) static void
run_and_report(const struct options *o, const struct command *c, FILE *out, struct pages_tally *t,
	       struct pages_sampler *sampler)
{
	struct pages_child child;
	int err = 0;

	if (sampler->samples.file != NULL && t->record != NULL)
		err = pages_sampler_start(sampler, t);
	if (!pages_child_run(c->path, c->argv, &child))
		pages_fail("fork", strerror(errno));
	signal(SIGXFSZ, SIG_IGN);	/* a limit on files costs the report, not the status */
	if (sampler->samples.file != NULL && err == 0)
		err = pages_sampler_stop(sampler);
	if (err != 0)
		pages_say("%s: %s", o->record_file, strerror(-err));
	if (out != NULL)
		report(o, c, &child, out, t);
	pages_child_imitate(child.status);
}

__attribute__((noreturn)) static void
compare(const struct options *o, const struct command *c, const struct pages_environment env[2])
{
	int err = pages_compare(c->path, c->argv, o->compare, env);

	if (err != 0)
		pages_fail("compare", strerror(-err));
	exit(0);
}

static struct command
find_command(char **argv)
{
	struct command c = { .argv = argv };
	int err = pages_find_command(argv[0], c.path, sizeof(c.path));

	if (err != 0) {
		pages_say("%s: %s", argv[0], err == -ENOENT ? "command not found" : "cannot be executed");
		exit(err == -ENOENT ? 127 : 126);	/* as env(1) does */
	}
	c.verdict = pages_elf_inspect(c.path);
	return c;
}

/*
 * Opened before the command runs, so that an error does not come after all its work.  To open
 * /dev/stdout would cut off the file that it is.
 */
static FILE *
open_report(const struct options *o)
{
	bool to_stdout = o->report_file != NULL && strcmp(o->report_file, "/dev/stdout") == 0;
	FILE *f = to_stdout ? stdout : o->report_file != NULL ? fopen(o->report_file, "we") : stderr;

	if (f == NULL)
		pages_fail(o->report_file, strerror(errno));
	return f;
}

static void
open_samples(const struct options *o, const struct command *c, struct pages_sampler *ret)
{
	char of[200] = "";
	int err;

	if (o->record_file[0] == '\0')
		pages_fail("--record", "the name of the file is empty");
	for (char **a = c->argv; *a != NULL; a++) {
		size_t n = strlen(of);

		snprintf(of + n, sizeof(of) - n, "%s%s", n != 0 ? " " : "", *a);
	}
	err = pages_sampler_open(ret, o->record_file, of);
	if (err != 0)
		pages_fail(o->record_file, strerror(-err));
}

int
main(int argc, char **argv)
{
	struct options o;
	struct command c;
	struct pages_environment env[2] = { pages_environment_now() };
	struct pages_tally tally = { .record = NULL };
	char shim[PATH_MAX];
	struct pages_sampler sampler = { .pid = 0 };
	FILE *out = NULL;

	pages_say_as("pages-run");
	o = parse(argc, argv);
	c = (struct command){ .argv = argv + optind };
	find_shim(shim);
	if (c.argv[0] != NULL)
		c = find_command(c.argv);
	if (preloads(NULL))
		c.verdict = (struct pages_elf_verdict){ "LD_PRELOAD lists a sanitizer", true };
	if (c.verdict.problem != NULL && !o.quiet)
		pages_say("the shim %s %s: %s", c.verdict.harmful ? "is not put in front of"
								  : "will have no effect on",
			  c.argv[0] != NULL ? c.argv[0] : "anything", c.verdict.problem);

	/* These are of no use to a command that is run later. */
	if (o.report && !o.dry_run)
		out = open_report(&o);
	if (o.record_file != NULL && !o.dry_run)
		open_samples(&o, &c, &sampler);
	if (out != NULL || sampler.samples.file != NULL)
		make_record(&o, &tally);
	if (!c.verdict.harmful)
		set_preload(&o, shim);
	set_conf(&o);
	if (o.dry_run) {
		free(o.conf);
		return 0;
	}
	if (o.compare != 0) {
		env[1] = pages_environment_now();
		compare(&o, &c, env);
	}
	if (out != NULL || sampler.samples.file != NULL)
		run_and_report(&o, &c, out, &tally, &sampler);
	pages_child_exec(c.path, c.argv);
}
