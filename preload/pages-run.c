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
#include "elf_inspect.h"
#include "environment.h"
#include "find_command.h"
#include "find_shim.h"
#include "find_small.h"
#include "output.h"
#include "sampler.h"
#include "say.h"
#include "settings.h"
#include "tally.h"
#include "text.h"

enum { DEFAULT_RUNS = 5, MAX_RUNS = 1000 };

struct options {
	bool report, dry_run, for_unit, quiet;
	unsigned compare;		/* number of runs, or 0 */
	const char *report_file;	/* NULL: standard error */
	const char *record_file;	/* of samples over time, or NULL */
	const char *small;		/* the allocator behind the shim, or NULL */
	struct pages_environment env;	/* its settings; they are appended to PAGES_CONF */
};

struct command {
	char **argv;
	char path[PATH_MAX];
	struct pages_elf_verdict verdict;
};

/* Options. ---------------------------------------------------------------- */

static void
usage(FILE *f)
{
	fputs("usage: pages-run [options] [--] command [argument ...]\n"
	      "Run a command with its large allocations on paged regions.\n"
	      "      --report[=FILE]             say at the end what it did (FILE.json: JSON)\n"
	      "      --record=FILE               samples of its memory over time, to plot\n"
	      "      --compare[=RUNS]            run it plainly and with the shim in turn (5 times)\n"
	      "      --small=ALLOCATOR           what serves the small requests: jemalloc, mimalloc,\n"
	      "                                  tcmalloc, tbbmalloc or a library\n"
	      "  -t, --threshold=SIZE            what is large (256K; from 64K)\n"
	      "  -c, --conf=KEY:VALUE[,...]      settings (see -c help:true)\n"
	      "  -n, --dry-run[=shell|systemd]   print the environment it would set\n"
	      "  -q, --quiet                     no warnings\n"
	      "  -h, --help; -V, --version       print this text, the version\n\n"
	      "Exits as the command does; 127: not found, 126: not executable, 125: own trouble.\n",
	      f);
}

static void
set_threshold(struct options *o, const char *size)
{
	char *setting;

	if (strchr(size, ',') != NULL)
		pages_fail(size, "not a size");
	if (asprintf(&setting, "threshold:%s", size) < 0)
		pages_fail("memory", strerror(ENOMEM));
	pages_environment_add(&o->env, setting);
	free(setting);
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

/* With %p as the pid of this process, since that of the command does not exist yet. */
static const char *
file_name(const char *option, const char *name, char ret[PATH_MAX])
{
	if (name[0] == '\0')
		pages_fail(option, "the name of the file is empty");
	if (!pages_report_path(name, "", (uint64_t)getpid(), ret, PATH_MAX))
		pages_fail(name, "too long, or another percent sign than %p, the pid, and %%");
	return ret;
}

static void
apply(struct options *o, int option)
{
	static char report[PATH_MAX], record[PATH_MAX];

	switch (option) {
	case 'r':
		o->report = true;
		o->report_file = optarg != NULL && strcmp(optarg, "-") != 0
					 ? file_name("--report", optarg, report) : NULL;
		break;
	case 'R':
		o->record_file = file_name("--record", optarg, record);
		break;
	case 'C':
		o->compare = optarg != NULL ? parse_runs(optarg) : DEFAULT_RUNS;
		break;
	case 'S':
		if (optarg[0] == '\0')
			pages_fail("--small", "the name of the allocator is empty");
		o->small = optarg;
		break;
	case 't':
		set_threshold(o, optarg);
		break;
	case 'c':
		pages_environment_add(&o->env, optarg);
		break;
	case 'n':
		o->dry_run = true;
		o->for_unit = optarg != NULL && strcmp(optarg, "systemd") == 0;
		if (optarg != NULL && !o->for_unit && strcmp(optarg, "shell") != 0)
			pages_fail(optarg, "--dry-run prints for shell or systemd");
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
		{ "small", required_argument, NULL, 'S' },
		{ "threshold", required_argument, NULL, 't' },
		{ "conf", required_argument, NULL, 'c' },
		{ "dry-run", optional_argument, NULL, 'n' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	struct options o = { .report = false };
	int c;

	while ((c = getopt_long(argc, argv, "+t:c:nqhV", longs, NULL)) != -1)
		apply(&o, c);
	if (o.compare != 0 && (o.report || o.record_file != NULL || o.dry_run))
		pages_fail("--compare", "not together with --report, --record or --dry-run");
	if (argv[optind] == NULL && !o.dry_run) {
		usage(stderr);
		exit(PAGES_TROUBLE);
	}
	pages_settings_check(o.env.conf);
	return o;
}

/* What is preloaded. ------------------------------------------------------ */

static void
find_shim(char *ret)
{
	const char *why = pages_find_shim(getenv("PAGES_SHIM"), ret);

	if (why != NULL)
		pages_fail(ret, why);
}

/* Two allocators behind the shim would be one too many: which one serves depends on their order. */
static void
find_small(const struct options *o, const struct command *c, const char *shim, char *ret)
{
	char other[PATH_MAX];
	const char *why = pages_find_small(o->small, ret);

	if (why == NULL && pages_is_entry_of(ret, shim))
		why = "it is the shim";
	if (why != NULL)
		pages_fail(ret, why);
	if (pages_find_other_allocator(shim, ret, other) != NULL)
		pages_fail("--small: LD_PRELOAD has an allocator already", other);
	if (c->verdict.harmful)
		pages_fail("--small: nothing can be preloaded", c->verdict.problem);
}

/* What the command gets.  The shim stays where it is if the user has listed it. */
static struct pages_environment
environment_for(const struct options *o, const struct command *c, const char *shim)
{
	struct pages_environment e = pages_environment_now();
	char small[PATH_MAX];

	if (o->small != NULL)
		find_small(o, c, shim, small);
	if (!c->verdict.harmful)
		pages_environment_prepend(&e, shim);
	if (o->small != NULL)
		pages_environment_append(&e, small);
	if (o->env.conf != NULL)
		pages_environment_add(&e, o->env.conf);
	return e;
}

/* The report. ------------------------------------------------------------- */

/* Without a record the command runs all the same, and the report says what is missing. */
static void
make_record(struct pages_environment *e, struct pages_tally *t)
{
	int err = pages_tally_open(t);

	if (err != 0)
		pages_say("no record of counters: %s", strerror(-err));
	else
		pages_environment_add(e, t->setting);
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

/* Opened before the command runs, so that an error does not come after all its work. */
static FILE *
open_report(const struct options *o)
{
	FILE *f = o->report_file != NULL ? pages_output_open(o->report_file) : stderr;

	if (f == NULL)
		pages_fail(o->report_file, strerror(errno));
	return f;
}

static void
open_samples(const struct options *o, const struct command *c, struct pages_sampler *ret)
{
	char of[200] = "";
	int err;

	for (char **a = c->argv; *a != NULL; a++) {
		size_t n = strlen(of);

		snprintf(of + n, sizeof(of) - n, "%s%s", n != 0 ? " " : "", *a);
	}
	err = pages_sampler_open(ret, o->record_file, of);
	if (err != 0)
		pages_fail(o->record_file, strerror(-err));
}

static void
warn(const struct options *o, const struct command *c)
{
	if (c->verdict.problem != NULL && !o->quiet)
		pages_say("the shim %s %s: %s", c->verdict.harmful ? "is not put in front of"
								   : "will have no effect on",
			  c->argv[0] != NULL ? c->argv[0] : "anything", c->verdict.problem);
}

__attribute__((noreturn)) static void
run(const struct options *o, const struct command *c, struct pages_environment env[2])
{
	struct pages_tally tally = { .record = NULL };
	struct pages_sampler sampler = { .pid = 0 };
	FILE *out = NULL;
	int err;

	pages_settings_check_report(env[1].conf);
	if (o->compare != 0)
		compare(o, c, env);
	if (o->report)
		out = open_report(o);
	if (o->record_file != NULL)
		open_samples(o, c, &sampler);
	if (o->report || o->record_file != NULL)
		make_record(&env[1], &tally);
	err = pages_environment_enter(&env[1]);
	if (err != 0)
		pages_fail("environment", strerror(-err));
	if (o->report || o->record_file != NULL)
		run_and_report(o, c, out, &tally, &sampler);
	pages_child_exec(c->path, c->argv);
}

int
main(int argc, char **argv)
{
	struct pages_environment env[2];	/* as it is, and as it will be */
	struct options o;
	struct command c;
	char shim[PATH_MAX];

	pages_say_as("pages-run");
	o = parse(argc, argv);
	c = (struct command){ .argv = argv + optind };
	find_shim(shim);
	if (c.argv[0] != NULL)
		c = find_command(c.argv);
	env[0] = pages_environment_now();
	if (pages_environment_lists_sanitizer(&env[0]))
		c.verdict = (struct pages_elf_verdict){ "LD_PRELOAD lists a sanitizer", true };
	if (o.small == NULL || !c.verdict.harmful)
		warn(&o, &c);
	env[1] = environment_for(&o, &c, shim);
	if (!o.dry_run)
		run(&o, &c, env);
	pages_environment_print(&env[1], o.for_unit);
	pages_environment_free(&env[0]);
	pages_environment_free(&env[1]);
	pages_environment_free(&o.env);
	return 0;
}
