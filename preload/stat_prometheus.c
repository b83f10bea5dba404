/* SPDX-License-Identifier: MIT */
/*
 * stat_prometheus.c - what was seen in processes in Prometheus's text format
 *
 * A table lists all metrics; a new counter is one line in it.
 */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "stat_output.h"
#include "text.h"

#define STAT(member, name, type, help) \
	{ "pages_" name, type, help, offsetof(struct pages_report, stats.member) }
#define COUNTER(member, help) STAT(member, #member "_total", "counter", help)
#define GAUGE(member, help) STAT(member, #member, "gauge", help)

static const struct {
	const char *name, *type, *help;
	size_t offset;
} metrics[] = {
	GAUGE(live_bytes, "Bytes of live large blocks."),
	GAUGE(live_objects, "Number of live large blocks."),
	GAUGE(peak_live_bytes, "The most bytes of live large blocks so far."),
	GAUGE(kept_bytes, "Free memory that is kept for reuse."),
	GAUGE(resident_bytes, "Upper bound of the arena's resident memory."),
	GAUGE(peak_resident_bytes, "The highest resident_bytes so far."),
	GAUGE(arena_bytes, "Address space that is mapped for blocks."),
	GAUGE(vma_splits, "Boundaries between mappings that moves have caused."),
	GAUGE(vector_kept_bytes, "Pages of freed vectors that are kept for reuse."),
	COUNTER(requests, "Large allocations that were served."),
	COUNTER(requested_bytes, "Bytes of these, and that blocks grew by."),
	COUNTER(frees, "Large allocations that were freed."),
	COUNTER(freed_bytes, "Memory that became free."),
	COUNTER(reused_bytes, "Served by resident memory at its place."),
	COUNTER(moved_bytes, "Moved by page tables."),
	COUNTER(moved_free_bytes, "Kept memory that was moved under requests."),
	COUNTER(fresh_bytes, "Served by memory that the kernel zeroes."),
	COUNTER(large_reused_bytes, "Resident memory for allocations of 32 MiB and more."),
	COUNTER(cleared_bytes, "Cleared by calloc."),
	COUNTER(copied_bytes, "Copied by realloc."),
	COUNTER(returned_bytes, "Given back to the kernel."),
	COUNTER(grown_in_place, "Blocks that grew where they were."),
	COUNTER(grown_by_move, "Blocks that moved to grow."),
	COUNTER(declined_no_arena, "Large requests passed on: no address space."),
	COUNTER(declined_no_space, "Large requests passed on: arena or machine too small."),
	COUNTER(declined_refused, "Large requests passed on: refused by the kernel."),
	COUNTER(declined_busy, "Large requests passed on: fork or signal between."),
	COUNTER(refused_moves, "Moves that the kernel refused."),
	COUNTER(inherited_objects, "Blocks that were live when a fork made the process."),
	COUNTER(inherited_bytes, "Memory that was resident at that time."),
	COUNTER(vector_reused_bytes, "Pages of freed vectors that the next ones got."),
};

static_assert(sizeof(metrics) / sizeof(*metrics) == sizeof(struct pages_stats) / sizeof(uint64_t),
	      "a metric for each counter");

static void
print_help(const char *name, const char *type, const char *help, FILE *out)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* A value of a label: UTF-8, in which a backslash, a quote and a line feed are escaped. */
static void
print_value(const char *s, FILE *out)
{
	char name[320];

	for (pages_text_name_of(s, name, sizeof(name)), s = name; *s != '\0'; ) {
		size_t n = pages_text_utf8_len(s);

		if (n == 0) {
			fputc('?', out);
			s++;
			continue;
		}
		if (*s == '\\' || *s == '"')
			fputc('\\', out);
		fwrite(s, 1, n, out);
		s += n;
	}
}

static void
print_sample(const char *metric, const struct pages_sight *s, size_t heap, uint64_t value, FILE *out)
{
	fprintf(out, "%s{pid=\"%d\",name=\"", metric, (int)s->pid);
	print_value(s->status.name, out);
	fputs("\",library=\"", out);
	print_value(s->heap[heap].library, out);
	fprintf(out, "\",heap=\"%zu\"} %" PRIu64 "\n", heap, value);
}

static void
print_active(const struct pages_sight *s, size_t n, FILE *out)
{
	print_help("pages_active", "gauge", "1 if large requests go to this heap.", out);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < s[i].heaps; k++)
			print_sample("pages_active", &s[i], k,
				     pages_report_is_active(&s[i].heap[k].report), out);
}

static void
print_metric(size_t m, const struct pages_sight *s, size_t n, FILE *out)
{
	uint64_t value;

	print_help(metrics[m].name, metrics[m].type, metrics[m].help, out);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < s[i].heaps; k++) {
			memcpy(&value, (const char *)&s[i].heap[k].report + metrics[m].offset,
			       sizeof(value));
			print_sample(metrics[m].name, &s[i], k, value, out);
		}
}

void
pages_stat_prometheus(const struct pages_sight *s, size_t n, size_t unread, FILE *out)
{
	print_help("pages_unreadable_processes", "gauge", "Processes that could not be read.", out);
	fprintf(out, "pages_unreadable_processes %zu\n", unread);
	print_active(s, n, out);
	for (size_t m = 0; m < sizeof(metrics) / sizeof(*metrics); m++)
		print_metric(m, s, n, out);
}
