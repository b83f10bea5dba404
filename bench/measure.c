/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define THP "/sys/kernel/mm/transparent_hugepage/"

static uint64_t
read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static uint64_t
now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* The text of a small file in /proc or /sys; empty if there is none. */
static void
read_text(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len < size - 1 && (n = read(fd, buf + len, size - 1 - len)) > 0)
		len += (size_t)n;
	buf[len] = '\0';
	if (fd >= 0)
		close(fd);
}

/* The number behind key in text, 0 if it is not there. */
static uint64_t
number_of(const char *text, const char *key)
{
	const char *p = strstr(text, key);

	return p != NULL ? strtoull(p + strlen(key), NULL, 10) : 0;
}

static size_t
count_mappings(void)
{
	static char buf[1 << 16];
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	size_t lines = 0;
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < n; i++)
			lines += buf[i] == '\n';
	if (fd >= 0)
		close(fd);
	return lines;
}

/* The clock. --------------------------------------------------------------- */

void
resume_clock(struct run *r)
{
	r->cpu_since = read_clock(CLOCK_PROCESS_CPUTIME_ID);
	r->since = now_ns();
}

void
pause_clock(struct run *r)
{
	size_t n;

	r->ns += now_ns() - r->since;
	r->cpu_ns += read_clock(CLOCK_PROCESS_CPUTIME_ID) - r->cpu_since;
	n = count_mappings();
	if (n > r->mappings)
		r->mappings = n;
}

bool
is_late(const struct run *r)
{
	return now_ns() - r->begin > r->longest_ns;
}

bool
next_round(struct run *r)
{
	size_t warm = r->pattern->warm, done = r->round++;

	if (done == 0) {
		resume_clock(r);
		r->begin = r->since;
	} else if (done > warm && (done == warm + r->rounds || is_late(r))) {
		pause_clock(r);
		r->round = done;
		return false;
	}
	if (done == warm) {	/* what came before does not count */
		r->ops = r->bytes = r->ns = r->cpu_ns = 0;
		r->stopped = false;
		resume_clock(r);
		r->begin = r->since;
	}
	return true;
}

/* Counters. ---------------------------------------------------------------- */

/* With multi-size huge pages (Linux 6.8), by size. */
static bool
read_by_size(struct counters *c)
{
	char path[128], buf[64];
	bool found = false;

	for (unsigned kib = 8; kib <= 1 << 20; kib *= 2) {
		uint64_t n;

		snprintf(path, sizeof(path), THP "hugepages-%ukB/stats/anon_fault_alloc", kib);
		read_text(path, buf, sizeof(buf));
		if (buf[0] == '\0')
			continue;
		found = true;
		n = strtoull(buf, NULL, 10);
		c->huge_faults += n;
		c->huge_bytes += n * kib * 1024;
	}
	return found;
}

void
read_counters(struct counters *ret)
{
	static char buf[1 << 15];
	struct counters c = { 0 };
	struct rusage use;

	if (!read_by_size(&c)) {
		read_text(THP "hpage_pmd_size", buf, sizeof(buf));
		c.huge_bytes = strtoull(buf, NULL, 10);
		read_text("/proc/vmstat", buf, sizeof(buf));
		c.huge_faults = number_of(buf, "\nthp_fault_alloc ");
		c.huge_bytes *= c.huge_faults;
	}
	getrusage(RUSAGE_SELF, &use);
	c.faults = (uint64_t)use.ru_minflt;
	*ret = c;
}

uint64_t
zeroed_bytes(const struct counters *before, const struct counters *after)
{
	uint64_t faults = after->faults - before->faults;
	uint64_t huge = after->huge_faults - before->huge_faults;
	uint64_t bytes = after->huge_bytes - before->huge_bytes;

	if (huge > faults)	/* these, at least, were others' */
		return bytes / huge * faults;
	return bytes + (faults - huge) * (uint64_t)sysconf(_SC_PAGESIZE);
}

void
read_resident(struct resident *ret)
{
	static char buf[1 << 13];

	read_text("/proc/self/smaps_rollup", buf, sizeof(buf));
	ret->now = number_of(buf, "\nRss:") * 1024;
	ret->lazy = number_of(buf, "\nLazyFree:") * 1024;
	ret->huge = number_of(buf, "\nAnonHugePages:") * 1024;
	read_text("/proc/self/status", buf, sizeof(buf));
	ret->peak = number_of(buf, "\nVmHWM:") * 1024;
}
