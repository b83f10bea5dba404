/* SPDX-License-Identifier: MIT */
/*
 * cgroup.c - finds the process's control groups under /proc and reads their limits
 *
 * /proc/self/cgroup names the group within its hierarchy; /proc/self/mountinfo tells where
 * that hierarchy, or a part of it, is mounted.  Both together give a directory, whose limit
 * files are read, and those of its parent directories up to the mount point.
 */
#include "cgroup.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base.h"
#include "os.h"

enum { GROUP_LEN = 512, PATH_LEN = 1024, LINES_LEN = 2048 };

/* The directory of a group, in a buffer that a file name is appended to. */
struct place {
	char path[PATH_LEN];
	size_t len;
};

/*
 * All that is large, in memory of its own: the first large request may come on a small
 * stack, a fiber's or a signal handler's.
 */
struct search {
	const char *root;
	char v1[GROUP_LEN], v2[GROUP_LEN];	/* the process's groups; "" if it is in none */
	struct place file, group;
	char lines[LINES_LEN];
	struct pages_cgroup_limits limits;
};

/* Limits. ----------------------------------------------------------------- */

/* "max", numbers that overflow and anything that is no number mean no limit: SIZE_MAX. */
static size_t
parse_limit(const char *s)
{
	size_t n = 0;

	if (*s < '0' || *s > '9')
		return SIZE_MAX;
	for (; *s >= '0' && *s <= '9'; s++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (size_t)(*s - '0'), &n))
			return SIZE_MAX;
	return *s == '\n' || *s == '\0' ? n : SIZE_MAX;
}

/* Put s after the first len bytes of path; false if it does not fit.  Leaves len as it is. */
static bool
append(struct place *at, const char *s)
{
	size_t n = strlen(s);

	if (n >= sizeof(at->path) - at->len)
		return false;
	memcpy(at->path + at->len, s, n + 1);
	return true;
}

/* Lower *limit to what the file of this group says, if it can be read. */
static void
lower(size_t *limit, struct place *at, const char *file)
{
	char text[32];

	if (append(at, file) && pages_os_read_file(at->path, text, sizeof(text)) == 0)
		*limit = pages_min(*limit, parse_limit(text));
}

static void
read_group(struct place *at, bool v2, struct pages_cgroup_limits *limits)
{
	if (v2) {
		lower(&limits->memory, at, "/memory.max");
		lower(&limits->high, at, "/memory.high");
		lower(&limits->swap, at, "/memory.swap.max");
	} else {
		lower(&limits->memory, at, "/memory.limit_in_bytes");
		lower(&limits->memory_and_swap, at, "/memory.memsw.limit_in_bytes");
	}
}

/*
 * Read the limits of a group and of all groups above it, up to the mount point.  The group
 * itself may be deleted already; then only the groups above it count.
 */
static void
read_groups(struct search *s, const char *mount, const char *group, bool v2)
{
	struct place *at = &s->group;
	size_t top;

	at->len = 0;
	if (!append(at, s->root))
		return;
	at->len = strlen(at->path);
	if (!append(at, mount))
		return;
	top = at->len = strlen(at->path);
	if (append(at, group))
		at->len = strlen(at->path);
	read_group(at, v2, &s->limits);
	while (at->len > top)
		if (at->path[--at->len] == '/')
			read_group(at, v2, &s->limits);
}

/* Where the process is, and where that can be seen. ----------------------- */

/* Is "memory" in a comma-separated list of len bytes? */
static bool
lists_memory(const char *list, size_t len)
{
	const char *end = list + len;

	while (list < end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		size_t n = (size_t)((comma != NULL ? comma : end) - list);

		if (n == strlen("memory") && memcmp(list, "memory", n) == 0)
			return true;
		list += n + 1;
	}
	return false;
}

static void
copy_group(char *dst, const char *src)
{
	size_t n = pages_min(strlen(src), GROUP_LEN - 1);

	memcpy(dst, src, n);
	dst[n] = '\0';
}

/* A line of /proc/self/cgroup: "0::/user.slice/x" (version 2), "4:cpu,memory:/docker/x" */
static void
visit_group(void *arg, char *line)
{
	struct search *s = arg;
	char *list = strchr(line, ':');
	char *group = list != NULL ? strchr(list + 1, ':') : NULL;

	if (group == NULL)
		return;
	if (strncmp(line, "0::", 3) == 0)
		copy_group(s->v2, group + 1);
	else if (lists_memory(list + 1, (size_t)(group - list - 1)))
		copy_group(s->v1, group + 1);
}

/* Cut the next word off *s, terminate it, and advance *s; "" at the end. */
static char *
next_word(char **s)
{
	char *word = *s;
	size_t n = strcspn(word, " ");

	*s = word + n + (word[n] == ' ');
	word[n] = '\0';
	return word;
}

/* Mountinfo writes blanks and backslashes of paths as \040 and \134: decode in place. */
static void
unescape(char *s)
{
	char *to = s;

	while (*s != '\0') {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/*
 * The path of group relative to root, "" if they are the same; NULL if group is not below
 * root, the part of the hierarchy that is mounted.
 */
static const char *
below(const char *group, const char *root)
{
	size_t n = strcmp(root, "/") == 0 ? 0 : strlen(root);

	if (strncmp(group, root, n) != 0 || (group[n] != '/' && group[n] != '\0'))
		return NULL;
	/* The group lies outside of the cgroup namespace, so the mount does not show it. */
	if (strstr(group + n, "/..") != NULL)
		return NULL;
	return strcmp(group + n, "/") == 0 ? "" : group + n;
}

/*
 * A line of /proc/self/mountinfo:
 * "40 30 0:37 /root /mount rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate"
 */
static void
visit_mount(void *arg, char *line)
{
	struct search *s = arg;
	char *tail = strstr(line, " - "), *root, *mount, *type, *options;
	const char *group;
	bool v2;

	if (tail == NULL)
		return;
	for (int field = 0; field < 3; field++)
		(void)next_word(&line);
	root = next_word(&line);
	mount = next_word(&line);
	tail += 3;
	type = next_word(&tail);
	(void)next_word(&tail);
	options = next_word(&tail);

	v2 = strcmp(type, "cgroup2") == 0;
	if (!v2 && (strcmp(type, "cgroup") != 0 || !lists_memory(options, strlen(options))))
		return;
	unescape(root);
	unescape(mount);
	group = v2 ? s->v2 : s->v1;
	if (*group == '/' && (group = below(group, root)) != NULL)
		read_groups(s, mount, group, v2);
}

void
pages_cgroup_read(const char *root, struct pages_cgroup_limits *ret)
{
	size_t len = pages_round_up(sizeof(struct search), pages_os_page_size());
	struct search *s;
	void *p;

	*ret = (struct pages_cgroup_limits){ SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX };
	if (pages_os_map_lazy(len, &p) != 0)
		return;
	s = p;
	s->root = root;
	s->limits = *ret;
	if (append(&s->file, root)) {
		s->file.len = strlen(root);
		if (append(&s->file, "/proc/self/cgroup"))
			(void)pages_os_read_lines(s->file.path, s->lines, LINES_LEN, visit_group, s);
		if (append(&s->file, "/proc/self/mountinfo"))
			(void)pages_os_read_lines(s->file.path, s->lines, LINES_LEN, visit_mount, s);
	}
	*ret = s->limits;
	pages_os_release(p, len);
}
