/* SPDX-License-Identifier: MIT */
/*
 * report_file.c - chooses the file of a report at the start, and writes it at the end
 *
 * The path is put together at the end, since a forked child has a pid of its own.  The directory is
 * that of the start: a daemon goes to another, where its report would not be looked for.
 */
#include "report_file.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "os/os.h"
#include "report.h"
#include "text.h"

static uint64_t stderr_at_start;
static char directory[PATH_MAX];

static bool
is_stderr(const char *name)
{
	return strcmp(name, "stderr") == 0;
}

static bool
path_of(const char *name, char ret[PATH_MAX])
{
	return pages_report_path(name, directory, (uint64_t)pages_os_pid(), ret, PATH_MAX);
}

/* strerror() may allocate. */
static const char *
reason(int err)
{
	switch (err) {
	case -ENOENT: case -ENOTDIR: return "no such directory";
	case -EACCES: case -EPERM: return "permission denied";
	case -EROFS: return "the file system is read-only";
	case -EISDIR: return "it is a directory";
	default: return "it cannot be written";
	}
}

void
pages_report_file_choose(const char *name)
{
	char path[PATH_MAX], line[512];
	struct pages_text t = { line, 0, sizeof(line) - 1, false };
	int err;

	if (is_stderr(name)) {
		stderr_at_start = pages_os_file_id(STDERR_FILENO);
		return;
	}
	if (name[0] != '/' && pages_os_directory(directory, sizeof(directory)) != 0)
		directory[0] = '\0';
	err = path_of(name, path) ? pages_os_may_append(path) : -ENAMETOOLONG;
	if (err == 0)
		return;
	pages_text_put(&t, "pages: no report: ");
	pages_text_put(&t, reason(err));
	pages_text_put(&t, ": ");
	pages_text_name(&t, name);
	line[t.len++] = '\n';
	pages_os_say(line, t.len);
}

void
pages_report_file_write(const char *name, const char *text, size_t len)
{
	char path[PATH_MAX];

	if (!is_stderr(name)) {
		if (path_of(name, path))
			(void)pages_os_append_file(path, text, len);
	} else if (stderr_at_start != 0 && stderr_at_start == pages_os_file_id(STDERR_FILENO)) {
		pages_os_say(text, len);	/* a daemon may have opened another file as fd 2 */
	}
}
