/* SPDX-License-Identifier: MIT */
/*
 * samples.c - writes samples over time to a file
 */
#include "samples.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "output.h"
#include "text.h"

static void
print_machine(FILE *f)
{
	uint64_t memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	struct utsname u;
	char size[32];

	if (uname(&u) != 0)
		return;
	fprintf(f, "# machine: %s, %s %s %s, %ld processors, %s\n", u.nodename, u.sysname, u.release,
		u.machine, sysconf(_SC_NPROCESSORS_ONLN),
		pages_text_size_of(memory, size, sizeof(size)));
}

static int
flush(FILE *f)
{
	return fflush(f) == 0 && !ferror(f) ? 0 : -errno;
}

int
pages_samples_open(struct pages_samples *s, const char *path, const char *of)
{
	time_t t = time(NULL);
	char name[256], date[64];
	struct tm tm;

	s->file = pages_output_open(path);
	if (s->file == NULL)
		return -errno;
	s->start_ms = pages_clock_ms();
	fputs("# pages-stat record, version 1\n", s->file);
	fprintf(s->file, "# of: %s\n", pages_text_name_of(of, name, sizeof(name)));
	print_machine(s->file);
	if (gmtime_r(&t, &tm) != NULL &&
	    strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &tm) != 0)
		fprintf(s->file, "# start: %s\n", date);
	fputs("# seconds live kept resident process requests processes\n", s->file);
	return flush(s->file);
}

int
pages_samples_add(struct pages_samples *s, const struct pages_sample *one)
{
	uint64_t ms = pages_clock_ms() - s->start_ms;

	/* Not as a floating number: in some locales that would have a comma. */
	fprintf(s->file, "%" PRIu64 ".%03" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, ms / 1000,
		ms % 1000, one->live, one->kept, one->resident);
	fprintf(s->file, " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", one->process, one->requests,
		one->processes);
	return flush(s->file);
}

int
pages_samples_close(struct pages_samples *s)
{
	return fclose(s->file) == 0 ? 0 : -errno;
}

void
pages_samples_wait(uint64_t *due_ms, uint64_t interval_ms)
{
	uint64_t ms = pages_clock_until_next(due_ms, interval_ms);
	struct timespec t = { (time_t)(ms / 1000), (long)(ms % 1000) * 1000000 };

	nanosleep(&t, NULL);
}
