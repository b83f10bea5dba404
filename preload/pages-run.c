/* SPDX-License-Identifier: MIT */
/*
 * pages-run.c - the program pages-run(1): runs a command with the shim preloaded
 *
 * Without --report it replaces itself by the command.  With it, it stays as the parent, like
 * time(1), and prints the report.  The command could not do that alone: a process that is
 * killed or calls _exit() writes no report, nor does one that never loaded the shim.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "elf_inspect.h"
#include "find_shim.h"
#include "report.h"
#include "text.h"

enum { OWN_TROUBLE = 125 };	/* exit status for errors of pages-run itself, as of env(1) */

struct options {
	bool report, dry_run, quiet;
	const char *report_file;	/* NULL: standard error */
	char *conf;			/* settings to append to PAGES_CONF, or NULL */
};

struct command {
	char **argv;
	char path[PATH_MAX];
	struct pages_elf_verdict verdict;
};

__attribute__((format(printf, 1, 2))) static void
say(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("pages-run: ", stderr);
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

static char *
join(const char *a, const char *separator, const char *b)
{
	char *s;

	if (asprintf(&s, "%s%s%s", a, separator, b) < 0)
		fail("memory", strerror(ENOMEM));
	return s;
}

/* Options. ---------------------------------------------------------------- */

static void
usage(FILE *f)
{
	fputs("usage: pages-run [options] [--] command [argument ...]\n"
	      "Run a command with its large allocations on paged regions.\n"
	      "      --report[=FILE]             say at the end what it did (FILE.json: JSON)\n"
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

static void
apply(struct options *o, int option)
{
	switch (option) {
	case 'r':
		if (optarg != NULL && optarg[0] == '\0')
			fail("--report", "the name of the file is empty");
		o->report = true;
		o->report_file = optarg != NULL && strcmp(optarg, "-") != 0 ? optarg : NULL;
		break;
	case 't':
		if (optarg[0] < '0' || optarg[0] > '9' || strchr(optarg, ',') != NULL)
			fail(optarg, "not a size");
		add_setting(&o->conf, "threshold:", optarg);
		break;
	case 'c':
		if (strpbrk(optarg, ":=") == NULL)
			fail(optarg, "not a setting: KEY:VALUE[,KEY:VALUE...]");
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
		exit(OWN_TROUBLE);
	}
}

static struct options
parse(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "report", optional_argument, NULL, 'r' },
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
	if (argv[optind] == NULL && !o.dry_run) {
		usage(stderr);
		exit(OWN_TROUBLE);
	}
	return o;
}

/* The environment. -------------------------------------------------------- */

static void
find_shim(char *ret)
{
	const char *why = pages_find_shim(getenv("PAGES_SHIM"), ret);

	if (why != NULL)
		fail(ret, why);
	if (strpbrk(ret, " :") != NULL)
		fail(ret, "cannot be preloaded: there is a space or a colon in its path");
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
		fail(name, strerror(errno));
}

/*
 * Put the shim first in LD_PRELOAD, before what is there already.  If the user has listed the
 * shim, the order is left as it is.
 */
static void
set_preload(const struct options *o, const char *shim)
{
	const char *old = getenv("LD_PRELOAD");

	char *list = old != NULL && old[0] != '\0' ? join(shim, ":", old) : join(shim, "", "");

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

/*
 * Create a directory for the file to which all processes append their reports.  A directory,
 * because it is removed after the command has ended: then processes that still run in the
 * background cannot create the file again.  The path is part of PAGES_CONF, so it must not
 * contain a comma.
 */
static char *
make_records(struct options *o)
{
	static const char dir_name[] = "/pages-run.XXXXXX", file_name[] = "/report.json";
	const char *tmp = getenv("TMPDIR");
	char *dir, *file;

	if (tmp == NULL || tmp[0] != '/' || strchr(tmp, ',') != NULL ||
	    strlen(tmp) + sizeof(dir_name) + sizeof(file_name) > 256)	/* the limit of the shim */
		tmp = "/tmp";
	dir = join(tmp, "", dir_name);
	if (!o->dry_run && mkdtemp(dir) == NULL)
		fail(tmp, strerror(errno));
	file = join(dir, "", file_name);
	add_setting(&o->conf, "report:", file);
	free(file);
	return dir;
}

/* The report. ------------------------------------------------------------- */

/*
 * Read the reports of all processes of the command from in (NULL: there are none).  Their
 * numbers are added to sum, and their lines written to list, with commas in between.
 */
static void
collect(FILE *in, struct pages_report *sum, FILE *list)
{
	struct pages_report one;
	unsigned unreadable = 0;
	char *line = NULL;
	size_t cap = 0;

	while (in != NULL && getline(&line, &cap, in) > 0) {
		if (!pages_text_ends_in(line, "\n") || !pages_report_parse(line, &one)) {
			unreadable++;
			continue;
		}
		line[strcspn(line, "\n")] = '\0';
		fprintf(list, "%s%s", sum->processes != 0 ? "," : "", line);
		/* Mode and provider are those of the first process with an active shim, if any. */
		if (sum->processes == 0 ||
		    (strcmp(sum->mode, "active") != 0 && strcmp(one.mode, "active") == 0)) {
			memcpy(sum->mode, one.mode, sizeof(sum->mode));
			memcpy(sum->provider, one.provider, sizeof(sum->provider));
		}
		pages_report_add(sum, &one);
	}
	if (unreadable != 0)
		say("%u reports of processes could not be read", unreadable);
	free(line);
}

/* Write the sum as JSON, with the list of reports in place of the number of processes. */
static void
write_json(FILE *f, const struct pages_report *sum, const char *list)
{
	static const char key[] = "\"processes\":";
	char text[8192], *value;

	pages_report_json(sum, text, sizeof(text));
	value = strstr(text, key);
	if (value == NULL)
		fail("report", "internal error");
	value += sizeof(key) - 1;
	fprintf(f, "%.*s[%s]%s", (int)(value - text), text, list,
		value + strspn(value, "0123456789"));
}

/* Add up the reports, remove their directory, and print the sum to out. */
static void
report(const struct options *o, FILE *out, const char *dir, struct pages_report *sum,
       const char *problem)
{
	char *path = join(dir, "", "/report.json"), *list = NULL, text[8192];
	FILE *in = fopen(path, "re"), *lines;
	size_t len;

	lines = open_memstream(&list, &len);
	if (lines == NULL)
		fail("report", strerror(errno));
	collect(in, sum, lines);
	fclose(lines);
	if (in != NULL)
		fclose(in);
	unlink(path);
	rmdir(dir);
	if (sum->processes == 0)
		snprintf(sum->mode, sizeof(sum->mode), "inactive: %s", problem);

	if (o->report_file != NULL && pages_text_ends_in(o->report_file, ".json")) {
		write_json(out, sum, list);
	} else {
		pages_report_text(sum, text, sizeof(text));
		fputs(text, out);
	}
	if (fflush(out) != 0 || ferror(out))
		say("%s: %s", o->report_file != NULL ? o->report_file : "report", strerror(errno));
	free(list);
	free(path);
}

__attribute__((noreturn)) static void
run_and_report(const struct options *o, const struct command *c, FILE *out, const char *dir)
{
	const char *problem = c->verdict.problem;
	struct pages_report sum = { 0 };
	pid_t pid;
	int status = pages_child_run(c->path, c->argv, &pid);

	if (pid < 0) {
		say("fork: %s", strerror(errno));
		rmdir(dir);
		exit(OWN_TROUBLE);
	}
	if (problem == NULL)
		problem = "no process loaded the shim (static, setuid, killed or left by _exit)";
	signal(SIGXFSZ, SIG_IGN);	/* a limit on files costs the report, not the status */
	sum.pid = (uint64_t)pid;
	snprintf(sum.exe, sizeof(sum.exe), "%.*s", (int)sizeof(sum.exe) - 1, c->path);
	report(o, out, dir, &sum, problem);
	pages_child_imitate(status);
}

static struct command
find_command(char **argv)
{
	struct command c = { .argv = argv };
	int err = pages_find_command(argv[0], c.path, sizeof(c.path));

	if (err != 0) {
		say("%s: %s", argv[0], err == -ENOENT ? "command not found" : "cannot be executed");
		exit(err == -ENOENT ? 127 : 126);	/* as env(1) does */
	}
	c.verdict = pages_elf_inspect(c.path);
	return c;
}

/* Opened before the command runs, so that an error does not come after all its work. */
static FILE *
open_report(const struct options *o)
{
	FILE *f = o->report_file != NULL ? fopen(o->report_file, "we") : stderr;

	if (f == NULL)
		fail(o->report_file, strerror(errno));
	return f;
}

int
main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct command c = { .argv = argv + optind };
	char shim[PATH_MAX], *dir = NULL;
	FILE *out = NULL;

	find_shim(shim);
	if (c.argv[0] != NULL)
		c = find_command(c.argv);
	if (preloads(NULL))
		c.verdict = (struct pages_elf_verdict){ "LD_PRELOAD lists a sanitizer", true };
	if (c.verdict.problem != NULL && !o.quiet)
		say("the shim %s %s: %s", c.verdict.harmful ? "is not put in front of"
							     : "will have no effect on",
		    c.argv[0] != NULL ? c.argv[0] : "anything", c.verdict.problem);

	if (o.report && !o.dry_run)
		out = open_report(&o);
	if (o.report)
		dir = make_records(&o);
	if (!c.verdict.harmful)
		set_preload(&o, shim);
	set_conf(&o);
	if (o.dry_run) {
		free(dir);
		free(o.conf);
		return 0;
	}
	if (o.report)
		run_and_report(&o, &c, out, dir);
	pages_child_exec(c.path, c.argv);
}
