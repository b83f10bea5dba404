/* SPDX-License-Identifier: MIT */
/*
 * compare.c - runs a command plainly and under the shim, in turn, and prints what differs
 *
 * On a shared machine the same run takes twice as long a minute later.  So the two take turns, in
 * the order plain, shim, shim, plain, and what is said of the time holds for every single run.
 */
#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

enum { PLAIN, SHIM, WAYS };
enum { WALL, USER, SYSTEM, FAULTS, PEAK, FIGURES };

static const struct {
	const char *name;
	int decimals;
} figures[FIGURES] = {
	{ "wall s", 3 }, { "user s", 3 }, { "sys s", 3 }, { "page faults", 0 }, { "peak MiB", 1 },
};

/*
 * All runs read the same: a file from where it stands now, and of anything else nothing, since the
 * first run would leave nothing to the others.  Returns that place, or -1.
 */
static off_t
prepare_input(void)
{
	off_t place = lseek(STDIN_FILENO, 0, SEEK_CUR);
	int fd;

	if (place >= 0)
		return place;
	fd = open("/dev/null", O_RDONLY);
	if (fd > STDIN_FILENO) {
		(void)dup2(fd, STDIN_FILENO);
		(void)close(fd);
	}
	return -1;
}

static double
seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* One run: its figures go to row[FIGURES]. */
static int
run(const char *path, char **argv, double row[])
{
	struct pages_child c;

	if (!pages_child_run(path, argv, &c))
		return -errno;
	if (!WIFEXITED(c.status) || WEXITSTATUS(c.status) != 0) {
		fprintf(stderr, "pages-run: not compared: %s did not end with status 0\n", argv[0]);
		pages_child_imitate(c.status);
	}
	row[WALL] = c.wall;
	row[USER] = seconds(c.usage.ru_utime);
	row[SYSTEM] = seconds(c.usage.ru_stime);
	row[FAULTS] = (double)(c.usage.ru_minflt + c.usage.ru_majflt);
	row[PEAK] = (double)c.usage.ru_maxrss / 1024;
	return 0;
}

/* The table. -------------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Figure i of all runs in one way, sorted, as rows of FIGURES follow each other in turn. */
static void
sort_column(const double *rows, unsigned runs, size_t i, double *ret)
{
	for (unsigned r = 0; r < runs; r++)
		ret[r] = rows[r * FIGURES + i];
	qsort(ret, runs, sizeof(*ret), by_value);
}

static double
median(const double *sorted, unsigned n)
{
	return (sorted[(n - 1) / 2] + sorted[n / 2]) / 2;
}

/* Below a hundredth of a second, or no faults at all, a ratio says nothing. */
static void
print_ratio(double plain, double shim)
{
	if (plain >= 0.01 && shim >= 0.01)
		fprintf(stderr, "  %8.2f", plain / shim);
	else
		fprintf(stderr, "  %8s", "-");
}

/* What can be said of the time without a word about chance. */
static void
print_verdict(const double *plain, const double *shim, unsigned n)
{
	double ratio = median(plain, n) / median(shim, n);

	if (shim[n - 1] < plain[0])
		fprintf(stderr, "Every run with the shim was faster than every plain one:"
			" %.2f times as fast.\n", ratio);
	else if (shim[0] > plain[n - 1])
		fprintf(stderr, "Every run with the shim was slower than every plain one:"
			" it took %.2f times as long.\n", 1 / ratio);
	else
		fputs("No clear difference in time: the runs of the two ways overlap.\n", stderr);
}

static void
print_table(const char *name, unsigned runs, const double *rows, double *column)
{
	double *plain = column, *shim = column + runs;

	fprintf(stderr, "pages-run: %s, %u runs each, in turn\n\n"
		"               %22s  %22s  %18s\n"
		"               %11s%11s  %11s%11s  %8s  %8s\n", name, runs,
		"plain", "with the shim", "plain / shim",
		"best", "median", "best", "median", "best", "median");
	for (size_t i = 0; i < FIGURES; i++) {
		int d = figures[i].decimals;

		sort_column(rows, runs, i, plain);
		sort_column(rows + (size_t)runs * FIGURES, runs, i, shim);
		fprintf(stderr, "  %-13s%11.*f%11.*f  %11.*f%11.*f", figures[i].name,
			d, plain[0], d, median(plain, runs), d, shim[0], d, median(shim, runs));
		print_ratio(plain[0], shim[0]);
		print_ratio(median(plain, runs), median(shim, runs));
		fputc('\n', stderr);
	}
	sort_column(rows, runs, WALL, plain);
	sort_column(rows + (size_t)runs * FIGURES, runs, WALL, shim);
	fputc('\n', stderr);
	print_verdict(plain, shim, runs);
}

int
pages_compare(const char *path, char **argv, unsigned runs, const struct pages_environment env[2])
{
	double *rows = calloc((size_t)runs * WAYS * (FIGURES + 1), sizeof(*rows));
	off_t place = prepare_input();
	int err = rows != NULL ? 0 : -ENOMEM;

	for (unsigned i = 0; err == 0 && i < runs * WAYS; i++) {
		unsigned way = (i % 2) ^ (i / 2 % 2);

		if (place >= 0)
			(void)lseek(STDIN_FILENO, place, SEEK_SET);
		err = pages_environment_enter(&env[way]);
		if (err == 0)
			err = run(path, argv, rows + ((size_t)way * runs + i / 2) * FIGURES);
	}
	if (err == 0)
		print_table(argv[0], runs, rows, rows + (size_t)runs * WAYS * FIGURES);
	free(rows);
	return err;
}
