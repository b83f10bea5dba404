/* SPDX-License-Identifier: MIT */
/*
 * plot.c - reads a file of samples, and has gnuplot draw it
 *
 * Anybody may have written the file.  So gnuplot gets no line of it, only numbers that were read
 * here and text in quotes; and no file names, but the script on its standard input and the
 * picture as its standard output.
 */
#include "plot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text.h"

enum { COLUMNS = 5, NO_GNUPLOT = 127 };	/* seconds, live, kept, resident, process */

struct samples {
	double (*row)[COLUMNS];
	size_t count, room;
	double end, most;		/* the last time; the most bytes */
	char of[256], machine[256], start[64];
};

__attribute__((format(printf, 3, 4))) static int
fail(char *why, size_t size, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, size, format, ap);
	va_end(ap);
	return -1;
}

/* Reading. ---------------------------------------------------------------- */

static bool
add_row(struct samples *s, const double row[COLUMNS])
{
	if (s->count == s->room) {
		size_t room = s->room * 2 + 256;
		void *more = reallocarray(s->row, room, sizeof(*s->row));

		if (more == NULL)
			return false;
		s->row = more;
		s->room = room;
	}
	memcpy(s->row[s->count++], row, sizeof(*s->row));
	s->end = row[0];
	for (size_t i = 1; i < COLUMNS; i++)
		s->most = row[i] > s->most ? row[i] : s->most;
	if (row[1] + row[2] > s->most)
		s->most = row[1] + row[2];
	return true;
}

/* A number without sign, in the C locale, which this program does not leave. */
static bool
read_number(char **at, double *ret)
{
	char *end;

	*at += strspn(*at, " \t");
	*ret = strtod(*at, &end);
	if (**at < '0' || **at > '9' || end == *at || *ret > 2e19)
		return false;
	*at = end;
	return true;
}

/* The rest of a comment that begins like that, as it can be shown. */
static void
take_text(const char *line, const char *key, char *ret, size_t size)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) == 0)
		pages_text_name_of(line + n, ret, size);
}

/* 0; -1: no sample; -ENOMEM. */
static int
read_line(struct samples *s, char *line)
{
	double row[COLUMNS];

	line[strcspn(line, "\n")] = '\0';
	take_text(line, "# of: ", s->of, sizeof(s->of));
	take_text(line, "# machine: ", s->machine, sizeof(s->machine));
	take_text(line, "# start: ", s->start, sizeof(s->start));
	if (line[0] == '#' || line[0] == '\0')
		return 0;
	for (size_t i = 0; i < COLUMNS; i++)
		if (!read_number(&line, &row[i]))
			return -1;
	return add_row(s, row) ? 0 : -ENOMEM;
}

static int
read_samples(FILE *f, const char *from, struct samples *s, char *why, size_t size)
{
	static const char first[] = "# pages-stat record, version 1\n";
	char line[512];
	size_t n = 1;
	int err;

	if (fgets(line, sizeof(line), f) == NULL || strcmp(line, first) != 0)
		return fail(why, size, "%s: not a record of pages-stat", from);
	while (fgets(line, sizeof(line), f) != NULL) {
		n++;
		/* The last line may be half a line, while the file is being written. */
		if (strchr(line, '\n') == NULL && feof(f))
			break;
		err = read_line(s, line);
		if (err == -ENOMEM)
			return fail(why, size, "%s: %s", from, strerror(ENOMEM));
		if (err != 0)
			return fail(why, size, "%s: line %zu is no sample", from, n);
	}
	if (ferror(f))
		return fail(why, size, "%s: %s", from, strerror(errno));
	if (s->count < 2)
		return fail(why, size, "%s: there are fewer than two samples in it", from);
	return 0;
}

/* The script. ------------------------------------------------------------- */

struct scale {
	const char *name;
	double by;
};

static struct scale
scale_of(double most, const struct scale *all, size_t n)
{
	size_t i = 0;

	while (i + 1 < n && most >= all[i + 1].by * 2)
		i++;
	return all[i];
}

/* In single quotes, where only they are special. */
static void
put_text(const char *before, const char *s, FILE *out)
{
	fputs(before, out);
	for (; *s != '\0'; s++) {
		size_t n = pages_text_utf8_len(s);

		if (*s == '\'')
			fputc('\'', out);
		fputc(n == 0 ? '?' : *s, out);
		for (size_t i = 1; i < n; i++)
			fputc(*++s, out);
	}
	fputs("'", out);
}

static void
write_head(const struct samples *s, const char *time, const char *memory, FILE *out)
{
	fputs("set terminal svg noenhanced size 960,480 font 'sans-serif,13' background 'white'\n"
	      "set key outside bottom center horizontal samplen 2 noenhanced\n"
	      "set grid lc '#dddddd'\n"
	      "set tics nomirror out\n"
	      "set border 3\n"
	      "set style fill solid noborder\n"
	      "set yrange [0:*]\n"
	      "set lmargin 10\n", out);
	put_text("set label 1 'Memory of ", s->of, out);
	fputs(" at graph 0, screen 0.955 left font 'sans-serif,16' noenhanced\n", out);
	put_text("set label 2 '", s->machine, out);
	fputs(" at graph 0, screen 0.91 left textcolor '#666666' noenhanced\n", out);
	put_text("set label 3 '", s->start, out);
	fputs(" at graph 1, screen 0.91 right textcolor '#666666' noenhanced\n"
	      "set tmargin at screen 0.86\n", out);
	fprintf(out, "set xlabel '%s' offset 0,0.4\nset ylabel '%s'\n", time, memory);
}

static void
write_script(const struct samples *s, FILE *out)
{
	static const struct scale sizes[] = { { "KiB", 0x1p10 }, { "MiB", 0x1p20 }, { "GiB", 0x1p30 },
					      { "TiB", 0x1p40 } };
	static const struct scale times[] = { { "seconds", 1 }, { "minutes", 60 }, { "hours", 3600 },
					      { "days", 86400 } };
	struct scale size = scale_of(s->most, sizes, 4), time = scale_of(s->end, times, 4);

	write_head(s, time.name, size.name, out);
	fprintf(out, "set xrange [0:%.9g]\n$samples << END\n", s->end > 0 ? s->end / time.by : 1);
	for (size_t i = 0; i < s->count; i++) {
		fprintf(out, "%.9g", s->row[i][0] / time.by);
		for (size_t c = 1; c < COLUMNS; c++)
			fprintf(out, " %.9g", s->row[i][c] / size.by);
		fputc('\n', out);
	}
	fputs("END\n"
	      "plot $samples using 1:($2 + $3) with fillsteps lc '#9ecae1' \\\n"
	      "  title 'kept, above live', \\\n"
	      " $samples using 1:2 with fillsteps lc '#3182bd' title 'live', \\\n"
	      " $samples using 1:5 with steps lw 1.5 lc '#888888' \\\n"
	      "  title 'resident, whole process', \\\n"
	      " $samples using 1:4 with steps lw 2 lc '#d00000' \\\n"
	      "  title 'resident in the arena (<=)'\n", out);
}

/* gnuplot. ---------------------------------------------------------------- */

__attribute__((noreturn)) static void
become_gnuplot(int in, int out)
{
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	execlp("gnuplot", "gnuplot", "-d", "-", (char *)NULL);
	_exit(errno == ENOENT ? NO_GNUPLOT : 126);
}

/* Its exit status, or -errno. */
static int
run_gnuplot(const struct samples *s, int out)
{
	int ends[2], status;
	FILE *script;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		become_gnuplot(ends[0], out);
	close(ends[0]);
	script = pid > 0 ? fdopen(ends[1], "w") : NULL;
	if (script == NULL) {
		status = -errno;
		close(ends[1]);
		return status;
	}
	write_script(s, script);
	fclose(script);		/* a script that is cut off makes gnuplot fail */
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* 0 or -errno. */
static int
copy(FILE *picture, FILE *to)
{
	char buf[8192];
	size_t n;

	rewind(picture);
	while ((n = fread(buf, 1, sizeof(buf), picture)) != 0)
		if (fwrite(buf, 1, n, to) != n)
			return -errno;
	return ferror(picture) || fflush(to) != 0 ? -errno : 0;
}

/* A part of a picture, on a full disk, is removed; but not a device that is no file. */
static void
remove_part(const char *name)
{
	struct stat st;

	if (lstat(name, &st) == 0 && S_ISREG(st.st_mode))
		(void)unlink(name);
}

/*
 * What gnuplot has written comes first to a file without a name, so if it fails there is none.
 * A name that the user has not given is not followed: the owner of the directory may have put a
 * link there.
 */
static int
save(FILE *picture, const char *to, bool follow, char *why, size_t size)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
	int fd, err;
	FILE *f;

	if (strcmp(to, "-") == 0) {
		err = copy(picture, stdout);
		return err == 0 ? 0 : fail(why, size, "%s: %s", to, strerror(-err));
	}
	fd = open(to, flags, 0666);
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (f == NULL) {
		err = errno;
		if (fd >= 0)
			close(fd);
		return fail(why, size, "%s: %s", to, !follow && err == ELOOP ?
			    "is a symbolic link: name the picture to have it followed" : strerror(err));
	}
	err = copy(picture, f);
	if (fclose(f) != 0 && err == 0)
		err = -errno;
	if (err == 0)
		return 0;
	remove_part(to);
	return fail(why, size, "%s: %s", to, strerror(-err));
}

static int
draw(const struct samples *s, const char *to, bool follow, char *why, size_t size)
{
	FILE *picture = tmpfile();
	int status;

	if (picture == NULL)
		return fail(why, size, "temporary file: %s", strerror(errno));
	signal(SIGPIPE, SIG_IGN);
	status = run_gnuplot(s, fileno(picture));
	if (status == 0)
		status = save(picture, to, follow, why, size);
	else if (status == NO_GNUPLOT)
		status = fail(why, size, "gnuplot is not installed; in Debian it is in gnuplot-nox");
	else if (status < 0)
		status = fail(why, size, "gnuplot: %s", strerror(-status));
	else
		status = fail(why, size, "gnuplot could not draw it: exit status %d", status);
	fclose(picture);
	return status;
}

int
pages_plot(const char *from, const char *to, bool follow, char *why, size_t size)
{
	struct samples s = { .count = 0 };
	FILE *f = fopen(from, "re");
	int err;

	if (f == NULL)
		return fail(why, size, "%s: %s", from, strerror(errno));
	err = read_samples(f, from, &s, why, size);
	fclose(f);
	if (err == 0)
		err = draw(&s, to, follow, why, size);
	free(s.row);
	return err;
}
