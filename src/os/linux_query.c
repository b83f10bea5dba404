/* SPDX-License-Identifier: MIT */
/*
 * linux_query.c - os.h on Linux: which mappings exist, and which pages are resident
 *
 * The answers come from /proc/self/maps and /proc/self/pagemap.  Some of this runs in
 * signal handlers, so files are read into buffers on the stack, and nothing allocates.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base.h"
#include "os.h"
#include "linux.h"

/* Copies of struct procmap_query (Linux 6.11) and struct pm_scan_arg (6.7) of linux/fs.h. */
struct procmap_query {
	uint64_t size, flags, address;
	uint64_t start, end, vma_flags, page_size, offset, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name, build_id;
};
struct scan_arg {
	uint64_t size, flags, start, end, walk_end, regions, regions_len, max_pages;
	uint64_t inverted, mask, any_of, wanted;
};
struct scan_region {
	uint64_t start, end, categories;
};
#define QUERY _IOWR('f', 17, struct procmap_query)
#define SCAN _IOWR('f', 16, struct scan_arg)
enum { COVERING_OR_NEXT = 16 };				/* procmap_query.flags */
enum { SHARED = 8 };					/* procmap_query.vma_flags */
enum { IS_FILE = 1 << 2, IS_PRESENT = 1 << 3, IS_SWAPPED = 1 << 4, IS_ZERO = 1 << 5 };	/* categories */

static_assert(sizeof(struct procmap_query) == 104, "as the kernel has it");
static_assert(sizeof(struct scan_arg) == 96, "as the kernel has it");

static int
open_proc(const char *path, int *ret)
{
	int saved = errno;
	long fd = PAGES_OS_CALL(syscall)(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	int err = pages_os_answer(fd, saved);

	if (err == 0)
		*ret = (int)fd;
	return err;
}

/* Open a file of /proc/self, do one ioctl on it, and close it. */
static int
ask(const char *path, unsigned long request, void *arg, long *ret)
{
	int saved = errno, fd;
	int err = open_proc(path, &fd);
	long n;

	if (err != 0)
		return err;
	n = PAGES_OS_CALL(syscall)(SYS_ioctl, fd, request, arg);
	err = pages_os_answer(n, saved);
	pages_os_file_close(fd);
	if (err == 0)
		*ret = n;
	return err;
}

int
pages_os_query(const void *p, struct pages_os_mapping *ret)
{
	char name[sizeof(ret->name)] = "";
	struct procmap_query q = {
		.size = sizeof(q),
		.flags = COVERING_OR_NEXT,
		.address = (uintptr_t)p,
		.name = (uintptr_t)name,
		.name_size = sizeof(name),
	};
	long n;
	int err = ask("/proc/self/maps", QUERY, &q, &n);

	if (err == -ENAMETOOLONG) {	/* the kernel truncates no names: ask without */
		q.name = q.name_size = 0;
		err = ask("/proc/self/maps", QUERY, &q, &n);
	}
	if (err != 0)
		return err;
	*ret = (struct pages_os_mapping){
		.start = (const char *)(uintptr_t)q.start,
		.len = (size_t)(q.end - q.start),
		.prot = (unsigned)(q.vma_flags & (PAGES_OS_READ | PAGES_OS_WRITE | PAGES_OS_EXEC)),
		.shared = q.vma_flags & SHARED,
	};
	memcpy(ret->name, name, sizeof(name));
	return 0;
}

/* Parse a hexadecimal number at *s, and advance *s past it. */
static uintptr_t
hex(const char **s)
{
	static const char digits[] = "0123456789abcdef";
	uintptr_t n = 0;

	for (const char *d; **s != '\0' && (d = strchr(digits, **s)) != NULL; (*s)++)
		n = n * 16 + (uintptr_t)(d - digits);
	return n;
}

/* Parse a line of maps: "55d0c0000000-55d0c0021000 rw-p 00000000 00:00 0      [heap]" */
static struct pages_os_mapping
parse(const char *line)
{
	struct pages_os_mapping m = { .name = "" };
	uintptr_t start = hex(&line), end;
	size_t n = 0;

	line += *line == '-';
	end = hex(&line);
	m.start = (const char *)start;
	m.len = end - start;
	if (strlen(line) < 5)
		return m;
	m.prot = (line[1] == 'r' ? PAGES_OS_READ : 0) | (line[2] == 'w' ? PAGES_OS_WRITE : 0) |
		 (line[3] == 'x' ? PAGES_OS_EXEC : 0);
	m.shared = line[4] == 's';
	line += 5;
	for (int field = 0; field < 3; field++) {	/* offset, device, inode */
		line += strspn(line, " ");
		line += strcspn(line, " ");
	}
	line += strspn(line, " ");
	for (; n < sizeof(m.name) - 1 && line[n] != '\0'; n++)
		m.name[n] = line[n];
	return m;
}

/*
 * The buffer holds several lines.  A line that does not fit loses some of its middle, which
 * is in the file name; its addresses and permissions come first and are kept.
 */
int
pages_os_each_mapping(bool (*visit)(void *arg, const struct pages_os_mapping *m), void *arg)
{
	enum { ENOUGH = 512 };
	char buf[4 * ENOUGH];
	size_t have = 0;
	int saved = errno, fd;
	int err = open_proc("/proc/self/maps", &fd);
	bool more = err == 0;
	long n = 1;

	while (more && n > 0) {
		char *line = buf, *end;

		n = PAGES_OS_CALL(syscall)(SYS_read, fd, buf + have, sizeof(buf) - 1 - have);
		have += n > 0 ? (size_t)n : 0;
		buf[have] = '\0';
		for (; more && (end = strchr(line, '\n')) != NULL; line = end + 1) {
			struct pages_os_mapping m;

			*end = '\0';
			m = parse(line);
			more = visit(arg, &m);
		}
		have = pages_min(have - (size_t)(line - buf), ENOUGH);
		memmove(buf, line, have);
	}
	if (err != 0)
		return err;
	pages_os_file_close(fd);
	errno = saved;
	return n < 0 ? -EIO : 0;
}

struct search {
	const char *p;
	struct pages_os_mapping found;
	bool ended;
};

static bool
ends_behind(void *arg, const struct pages_os_mapping *m)
{
	struct search *s = arg;

	s->ended = m->start + m->len > s->p;
	if (s->ended)
		s->found = *m;
	return !s->ended;
}

int
pages_os_query_text(const void *p, struct pages_os_mapping *ret)
{
	struct search s = { .p = p };
	int err = pages_os_each_mapping(ends_behind, &s);

	if (err != 0)
		return err;
	if (!s.ended)
		return -ENOENT;
	*ret = s.found;
	return 0;
}

/*
 * An inverted category must be absent: so this asks for pages that are present and are not
 * the zero page, and with own for those that are not pages of a file.
 */
int
pages_os_scan(const void *p, size_t len, bool own, size_t *offset, size_t *ret_len)
{
	uint64_t start = (uintptr_t)p;
	struct scan_region found = { 0, 0, 0 };
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = start + *offset,
		.end = start + len,
		.regions = (uintptr_t)&found,
		.regions_len = 1,
		.inverted = IS_ZERO | (own ? IS_FILE : 0),
		.mask = IS_PRESENT | IS_ZERO | (own ? IS_FILE : 0),
		.wanted = IS_PRESENT,
	};
	long n;
	int err = ask("/proc/self/pagemap", SCAN, &arg, &n);

	if (err != 0)
		return err;
	*offset = n > 0 ? (size_t)(found.start - start) : len;
	*ret_len = n > 0 ? (size_t)(found.end - found.start) : 0;
	return 0;
}

/*
 * Clears the runs of pages that are present or swapped out and are not the zero page.  The
 * kernel returns up to 64 of them a call, and in walk_end where it stopped.
 */
int
pages_os_clear(void *p, size_t len, size_t *ret)
{
	struct scan_region found[64];
	struct scan_arg arg = {
		.size = sizeof(arg),
		.start = (uintptr_t)p,
		.end = (uintptr_t)p + len,
		.regions = (uintptr_t)found,
		.regions_len = sizeof(found) / sizeof(found[0]),
		.inverted = IS_ZERO,
		.mask = IS_ZERO,
		.any_of = IS_PRESENT | IS_SWAPPED,
		.wanted = IS_PRESENT,
	};
	size_t cleared = 0;

	while (arg.start < arg.end) {
		long n;
		int err = ask("/proc/self/pagemap", SCAN, &arg, &n);

		if (err != 0)
			return err;
		for (long i = 0; i < n; i++) {
			/* cppcheck-suppress uninitvar ; the kernel fills it */
			size_t from = (size_t)(found[i].start - (uintptr_t)p);
			size_t bytes = (size_t)(found[i].end - found[i].start);

			memset((char *)p + from, 0, bytes);
			cleared += bytes;
		}
		arg.start = arg.walk_end;
	}
	*ret = cleared;
	return 0;
}

/* One call of mincore looks at up to 1024 pages; a run may extend over several calls. */
int
pages_os_scan_mincore(const void *p, size_t len, size_t *offset, size_t *ret_len)
{
	size_t page = pages_os_page_size(), start = len, at = *offset;
	unsigned char present[1024];
	int saved = errno;

	while (at < len) {
		size_t part = pages_min(len - at, sizeof(present) * page);
		size_t i = 0, n = part / page;

		if (mincore((char *)(uintptr_t)p + at, part, present) != 0)
			return pages_os_answer(-1, saved);
		while (start == len && i < n && (present[i] & 1) == 0)
			i++;
		if (start == len && i < n)
			start = at + i * page;
		while (i < n && (present[i] & 1) != 0)
			i++;
		at += i * page;
		if (i < n)
			break;
	}
	*offset = start;
	*ret_len = at - pages_min(start, at);
	return 0;
}

int
pages_os_peek(const void *p, void *buf, size_t len)
{
	struct iovec to = { buf, len }, from = { (void *)(uintptr_t)p, len };
	int saved = errno;
	ssize_t n = process_vm_readv(getpid(), &to, 1, &from, 1, 0);

	if (n >= 0 && (size_t)n != len) {
		errno = EFAULT;
		n = -1;
	}
	return pages_os_answer(n < 0 ? -1 : 0, saved);
}

/*
 * The kernel copies the signal set from p before it checks "how", which is invalid here.  So
 * the answer is EFAULT or EINVAL, and no signal mask changes.
 */
bool
pages_os_readable(const void *p)
{
	int saved = errno;
	bool readable;

	(void)PAGES_OS_CALL(syscall)(SYS_rt_sigprocmask, -1, p, NULL, _NSIG / 8);
	readable = errno != EFAULT;
	errno = saved;
	return readable;
}
