/* SPDX-License-Identifier: MIT */
/*
 * remote.c - reads another process's memory, and what /proc tells everybody about it
 */
#include "remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "text.h"

int
pages_remote_open(struct pages_remote *r, pid_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	r->pid = pid;
	r->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->dir >= 0 ? 0 : -errno;
}

void
pages_remote_close(struct pages_remote *r)
{
	close(r->dir);
}

FILE *
pages_remote_file(const struct pages_remote *r, const char *name)
{
	int fd = openat(r->dir, name, O_RDONLY | O_CLOEXEC), err;
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (f != NULL || fd < 0)
		return f;
	err = errno;
	close(fd);
	errno = err;
	return NULL;
}

int
pages_remote_read(const struct pages_remote *r, uint64_t from, void *to, size_t len)
{
	struct iovec here = { to, len }, there;
	ssize_t n;

	memcpy(&there.iov_base, &from, sizeof(from));
	there.iov_len = len;
	n = process_vm_readv(r->pid, &here, 1, &there, 1, 0);
	if (n < 0)
		return -errno;
	return (size_t)n == len ? 0 : -EFAULT;
}

/* The four user or group ids of a line: are they all id?  The first is the real one. */
static bool
are_all(const char *line, uint64_t id, uint64_t *ret_real)
{
	uint64_t n[4];

	for (size_t i = 0; i < 4; i++)
		if (!pages_text_take(&line, 10, &n[i]))
			return false;
	*ret_real = n[0];
	return n[0] == id && n[1] == id && n[2] == id && n[3] == id;
}

/* What follows a key, or NULL if it is another one. */
static const char *
after(const char *line, const char *key)
{
	size_t n = strlen(key);

	return strncmp(line, key, n) == 0 ? line + n : NULL;
}

static void
note_line(const char *line, struct pages_remote_status *ret)
{
	uint64_t n = 0;
	const char *s;

	if ((s = after(line, "State:\t")) != NULL)
		ret->state = s[0];
	else if ((s = after(line, "Uid:")) != NULL)
		ret->other_ids |= !are_all(s, geteuid(), &ret->uid);
	else if ((s = after(line, "Gid:")) != NULL)
		ret->other_ids |= !are_all(s, getegid(), &n);
	else if ((s = after(line, "VmRSS:")) != NULL && pages_text_take(&s, 10, &n)) {
		ret->has_memory = true;
		ret->rss = n * 1024;
	}
}

/* All of a short file, as a string.  False if there is none. */
static bool
read_text(const struct pages_remote *r, const char *name, char *ret, size_t size)
{
	FILE *f = pages_remote_file(r, name);
	size_t n;

	if (f == NULL)
		return false;
	n = fread(ret, 1, size - 1, f);
	ret[n] = '\0';
	fclose(f);
	return n != 0;
}

/* Not that of the file status, in which some bytes are escaped. */
static void
read_name(const struct pages_remote *r, char *ret, size_t size)
{
	size_t n;

	if (!read_text(r, "comm", ret, size))
		ret[0] = '\0';
	n = strlen(ret);
	if (n != 0 && ret[n - 1] == '\n')
		ret[n - 1] = '\0';
}

uint64_t
pages_remote_start(const struct pages_remote *r)
{
	char text[1024];
	const char *s = read_text(r, "stat", text, sizeof(text)) ? strrchr(text, ')') : NULL;
	uint64_t start = 0;

	/* Field 22.  The second one is a name in parentheses, which may have some, and blanks. */
	for (int field = 2; s != NULL && field < 22; field++)
		s = strchr(s + 1, ' ');
	if (s != NULL)
		(void)pages_text_take(&s, 10, &start);
	return start;
}

int
pages_remote_status(const struct pages_remote *r, struct pages_remote_status *ret)
{
	FILE *f = pages_remote_file(r, "status");
	char line[512];
	int err = 0;

	*ret = (struct pages_remote_status){ .state = 0 };
	if (f == NULL)
		return -errno;
	while (fgets(line, sizeof(line), f) != NULL)
		note_line(line, ret);
	if (ferror(f) || ret->state == 0)
		err = -ESRCH;
	fclose(f);
	read_name(r, ret->name, sizeof(ret->name));
	return err;
}
