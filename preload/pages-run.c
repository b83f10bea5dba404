/* SPDX-License-Identifier: MIT */
/*
 * pages-run.c - run a command with the shim in front of its malloc
 *
 * Without a report it replaces itself by the command.  With one it stays, like
 * time(1), because a process that is killed or leaves by _exit() cannot report,
 * and one that never loaded the shim cannot say so.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elf_inspect.h"
#include "report.h"

enum { EXIT_OURS = 125 };

struct options {
	bool report, dry_run, quiet;
	const char *report_file;	/* NULL: standard error */
	char conf[1024];		/* what to append to PAGES_CONF */
};

static void
fail(const char *what, const char *why)
{
	fprintf(stderr, "pages-run: %s: %s\n", what, why);
	exit(EXIT_OURS);
}

static void
usage(FILE *f)
{
	fputs("usage: pages-run [options] [--] command [argument ...]\n"
	      "Run a command with its large allocations on paged regions.\n\n"
	      "  --report[=FILE]       say at the end what it did (standard error; FILE.json: JSON)\n"
	      "  -t, --threshold=SIZE  what is large (256K; from 64K)\n"
	      "  -c, --conf=KEY:VALUE  any setting of PAGES_CONF (help:true lists them)\n"
	      "  -n, --dry-run         print the environment it would set\n"
	      "  -q, --quiet           no warnings\n"
	      "  -h, --help            this text\n"
	      "  -V, --version         the version\n\n"
	      "Exits as the command does; 127 not found, 126 not executable, 125 own trouble.\n",
	      f);
}

static void
append(char *list, size_t size, const char *prefix, const char *item)
{
	size_t n = strlen(list);

	if ((size_t)snprintf(list + n, size - n, "%s%s%s", n != 0 ? "," : "", prefix, item) >= size - n)
		fail("settings", "too long");
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
	struct options o = { .report = false };
	int c;

	while ((c = getopt_long(argc, argv, "+t:c:nqhV", longs, NULL)) != -1) {
		switch (c) {
		case 'r':
			o.report = true;
			o.report_file = optarg != NULL && strcmp(optarg, "-") != 0 ? optarg : NULL;
			break;
		case 't':
			append(o.conf, sizeof(o.conf), "threshold:", optarg);
			break;
		case 'c':
			append(o.conf, sizeof(o.conf), "", optarg);
			break;
		case 'n':
			o.dry_run = true;
			break;
		case 'q':
			o.quiet = true;
			break;
		case 'h':
			usage(stdout);
			exit(0);
		case 'V':
			puts("pages-run (pages) " PACKAGE_VERSION);
			exit(0);
		default:
			usage(stderr);
			exit(EXIT_OURS);
		}
	}
	return o;
}

/* The shim: as told, beside us in a build tree, or where it was installed. */
static void
find_shim(char *ret)
{
	static const char *const beside[] = { ".libs/libpages_malloc.so", "libpages_malloc.so",
					      "../libpages_malloc.so" };
	const char *told = getenv("PAGES_SHIM");
	char dir[PATH_MAX], path[2 * PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	if (told != NULL) {
		if (realpath(told, ret) == NULL)
			fail(told, strerror(errno));
		return;
	}
	dir[n > 0 ? n : 0] = '\0';
	if (strrchr(dir, '/') != NULL)
		strrchr(dir, '/')[1] = '\0';
	for (size_t i = 0; i < sizeof(beside) / sizeof(*beside); i++) {
		snprintf(path, sizeof(path), "%s%s", dir, beside[i]);
		if (realpath(path, ret) != NULL)
			return;
	}
	if (realpath(PAGES_SHIM_PATH, ret) == NULL)
		fail(PAGES_SHIM_PATH, "the shim is not there; is pages installed?");
}

/* LD_PRELOAD with the shim first, once, and everything else kept. */
static void
set_preload(const char *shim)
{
	const char *old = getenv("LD_PRELOAD");
	size_t size = strlen(shim) + (old != NULL ? strlen(old) : 0) + 2;
	char *list = malloc(size), *copy = strdup(old != NULL ? old : ""), *save, *item;
	char path[PATH_MAX];

	if (list == NULL || copy == NULL)
		fail("LD_PRELOAD", strerror(ENOMEM));
	strcpy(list, shim);
	for (item = strtok_r(copy, " :", &save); item != NULL; item = strtok_r(NULL, " :", &save)) {
		if (realpath(item, path) != NULL && strcmp(path, shim) == 0)
			continue;
		strcat(list, ":");
		strcat(list, item);
	}
	if (setenv("LD_PRELOAD", list, 1) != 0)
		fail("LD_PRELOAD", strerror(errno));
	free(list);
	free(copy);
}

static void
set_conf(const char *extra)
{
	const char *old = getenv("PAGES_CONF");
	char conf[4096];

	if (extra[0] == '\0')
		return;
	if ((size_t)snprintf(conf, sizeof(conf), "%s%s%s", old != NULL ? old : "",
			     old != NULL && old[0] != '\0' ? "," : "", extra) >= sizeof(conf))
		fail("PAGES_CONF", "too long");
	if (setenv("PAGES_CONF", conf, 1) != 0)
		fail("PAGES_CONF", strerror(errno));
}

static bool
preloads_sanitizer(void)
{
	const char *old = getenv("LD_PRELOAD");

	return old != NULL && (strstr(old, "libasan") != NULL || strstr(old, "libtsan") != NULL ||
			       strstr(old, "libclang_rt.asan") != NULL);
}

static void
run(char **argv)
{
	int err;

	execvp(argv[0], argv);
	err = errno;
	fprintf(stderr, "pages-run: %s: %s\n", argv[0], strerror(err));
	_exit(err == ENOENT ? 127 : 126);
}

/* With a report. ---------------------------------------------------------- */

static volatile pid_t child;

static void
forward(int sig)
{
	if (child > 0)
		kill(child, sig);
}

static int
wait_for_child(void)
{
	static const int forwarded[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
	struct sigaction sa = { .sa_handler = forward, .sa_flags = SA_RESTART };
	int status = 0;

	/* The terminal sends these to the child too: it decides. */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	for (size_t i = 0; i < sizeof(forwarded) / sizeof(*forwarded); i++)
		sigaction(forwarded[i], &sa, NULL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* What all processes of the command wrote, added up; their lines go to list. */
static struct pages_report
collect(const char *path, FILE *list)
{
	struct pages_report sum = { 0 }, one;
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t cap = 0;

	while (f != NULL && getline(&line, &cap, f) > 0) {
		if (!pages_report_parse(line, &one))
			continue;
		line[strcspn(line, "\n")] = '\0';
		fprintf(list, "%s%s", sum.processes != 0 ? "," : "", line);
		/* The facts of the first to report, until one that had an effect comes. */
		if (sum.processes == 0 || (sum.affected == 0 && one.affected != 0)) {
			memcpy(sum.mode, one.mode, sizeof(sum.mode));
			memcpy(sum.provider, one.provider, sizeof(sum.provider));
		}
		pages_report_add(&sum, &one);
	}
	free(line);
	if (f != NULL)
		fclose(f);
	return sum;
}

static void
write_report(const struct options *o, const struct pages_report *sum, const char *list)
{
	FILE *f = o->report_file != NULL ? fopen(o->report_file, "w") : stderr;
	size_t n = o->report_file != NULL ? strlen(o->report_file) : 0;
	char text[8192];

	if (f == NULL)
		fail(o->report_file, strerror(errno));
	if (n >= 5 && strcmp(o->report_file + n - 5, ".json") == 0) {
		size_t len = pages_report_json(sum, text, sizeof(text));

		/* Into the object, before its closing brace. */
		fprintf(f, "%.*s,\"each\":[%s]}\n", (int)(len - 2), text, list);
	} else {
		pages_report_text(sum, text, sizeof(text));
		fputs(text, f);
	}
	if (f != stderr)
		fclose(f);
}

static void
report(const struct options *o, const char *records, const char *command, const char *problem)
{
	char *list = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&list, &len);
	struct pages_report sum;

	if (f == NULL)
		fail("report", strerror(errno));
	sum = collect(records, f);
	fclose(f);
	sum.pid = (uint64_t)child;
	snprintf(sum.exe, sizeof(sum.exe), "%s", command);
	if (sum.processes == 0)
		snprintf(sum.mode, sizeof(sum.mode), "inactive: %s",
			 problem != NULL ? problem
					 : "no process loaded the shim, or all were killed or left by _exit");
	write_report(o, &sum, list);
	free(list);
}

/* End as the command did, so that our parent sees no difference. */
static void
end_like(int status)
{
	struct rlimit none = { 0, 0 };

	if (WIFEXITED(status))
		exit(WEXITSTATUS(status));
	setrlimit(RLIMIT_CORE, &none);
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	exit(128 + WTERMSIG(status));
}

/* A file for the processes to append their reports to. */
static void
make_records(char *ret, size_t size)
{
	const char *dir = getenv("TMPDIR");
	int fd;

	if (dir == NULL || strchr(dir, ',') != NULL)
		dir = "/tmp";
	snprintf(ret, size, "%s/pages-run-XXXXXX.json", dir);
	fd = mkstemps(ret, 5);
	if (fd < 0)
		fail(ret, strerror(errno));
	close(fd);
}

static void
run_and_report(struct options *o, char **argv, const char *problem)
{
	char records[PATH_MAX];
	int status;

	/* Before the command has done its work, not after. */
	if (o->report_file != NULL) {
		int fd = open(o->report_file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

		if (fd < 0)
			fail(o->report_file, strerror(errno));
		close(fd);
	}
	make_records(records, sizeof(records));
	append(o->conf, sizeof(o->conf), "report:", records);
	set_conf(o->conf);
	fflush(NULL);
	child = fork();
	if (child < 0)
		fail("fork", strerror(errno));
	if (child == 0)
		run(argv);
	status = wait_for_child();
	report(o, records, argv[0], problem);
	unlink(records);
	end_like(status);
}

int
main(int argc, char **argv)
{
	struct options o = parse(argc, argv);
	struct pages_elf_verdict v = { NULL, false };
	char shim[PATH_MAX], command[PATH_MAX];
	int err;

	find_shim(shim);
	argv += optind;
	if (argv[0] == NULL && !o.dry_run) {
		usage(stderr);
		return EXIT_OURS;
	}
	if (argv[0] != NULL) {
		err = pages_find_command(argv[0], command, sizeof(command));
		if (err != 0) {
			fprintf(stderr, "pages-run: %s: %s\n", argv[0],
				err == 127 ? "not found" : "cannot be executed");
			return err;
		}
		v = pages_elf_inspect(command);
	}
	if (preloads_sanitizer())
		v = (struct pages_elf_verdict){ "LD_PRELOAD holds a sanitizer", true };
	if (v.problem != NULL && !o.quiet)
		fprintf(stderr, "pages-run: %s: no effect: %s\n", argv[0] != NULL ? argv[0] : "-",
			v.problem);
	if (!v.harmful)
		set_preload(shim);
	if (o.dry_run) {
		set_conf(o.conf);
		printf("LD_PRELOAD=%s\n", getenv("LD_PRELOAD") != NULL ? getenv("LD_PRELOAD") : "");
		printf("PAGES_CONF=%s\n", getenv("PAGES_CONF") != NULL ? getenv("PAGES_CONF") : "");
		return 0;
	}
	if (o.report)
		run_and_report(&o, argv, v.problem);
	set_conf(o.conf);
	run(argv);
}
