/* SPDX-License-Identifier: MIT */
/*
 * stat_table.c - what was seen in processes as tables for people, and as lines of JSON
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "stat_output.h"
#include "text.h"

/* Sizes and names as text, several of them in one call of printf. */
struct words {
	char buf[4][300];
	size_t used;
};

static const char *
size_in(struct words *w, uint64_t bytes)
{
	char *buf = w->buf[w->used++ % 4];

	return pages_text_size_of(bytes, buf, sizeof(w->buf[0]));
}

static const char *
name_in(struct words *w, const char *name)
{
	char *buf = w->buf[w->used++ % 4];

	return pages_text_name_of(name, buf, sizeof(w->buf[0]));
}

/* Of the memory that blocks were given, the part that was resident: in percent, or -1. */
static int
warm(const struct pages_stats *st)
{
	double ready = (double)st->reused_bytes + (double)st->moved_free_bytes;
	double all = ready + (double)st->fresh_bytes;

	return all > 0 ? (int)(100 * ready / all) : -1;
}

__attribute__((format(printf, 3, 4))) static void
line(FILE *out, const char *label, const char *format, ...)
{
	va_list ap;

	fprintf(out, "  %-34s", label);
	va_start(ap, format);
	vfprintf(out, format, ap);
	va_end(ap);
	fputc('\n', out);
}

static void
print_present(const struct pages_sight *s, const struct pages_stats *st, FILE *out)
{
	struct words w = { .used = 0 };

	line(out, "live", "%s in %" PRIu64 " block%s, peak %s", size_in(&w, st->live_bytes),
	     st->live_objects, st->live_objects == 1 ? "" : "s", size_in(&w, st->peak_live_bytes));
	line(out, "kept for reuse", "%s", size_in(&w, st->kept_bytes));
	line(out, "resident in the arena (<=)", "%s, peak %s", size_in(&w, st->resident_bytes),
	     size_in(&w, st->peak_resident_bytes));
	line(out, "resident in the whole process", "%s", size_in(&w, s->status.rss));
}

/* How many more requests there were since the time before, for each second. */
static void
print_rate(const struct pages_sight *s, const struct pages_sight *before, size_t heap, FILE *out)
{
	uint64_t ms = before != NULL ? s->clock_ms - before->clock_ms : 0;
	uint64_t was, is;

	if (ms == 0 || heap >= before->heaps)
		return;
	was = before->heap[heap].report.stats.requests;
	is = s->heap[heap].report.stats.requests;
	if (is >= was)
		fprintf(out, "  %-34s%.1f\n", "large requests per second",
			(double)(is - was) * 1000 / (double)ms);
}

static void
print_past(const struct pages_stats *st, FILE *out)
{
	struct words w = { .used = 0 };

	line(out, "large requests served", "%" PRIu64 ", together %s", st->requests,
	     size_in(&w, st->requested_bytes));
	if (warm(st) >= 0)
		line(out, "from resident memory", "%s, %d %%",
		     size_in(&w, st->reused_bytes + st->moved_free_bytes), warm(st));
	line(out, "left to the kernel to zero", "%s", size_in(&w, st->fresh_bytes));
	line(out, "grown in place, by moving", "%" PRIu64 ", %" PRIu64, st->grown_in_place,
	     st->grown_by_move);
	line(out, "copied by realloc", "%s", size_in(&w, st->copied_bytes));
	line(out, "given back to the kernel", "%s", size_in(&w, st->returned_bytes));
	line(out, "passed on, large as they were", "%" PRIu64, pages_report_declined(st));
}

static void
print_heap(const struct pages_sight *s, const struct pages_sight *before, size_t i, FILE *out)
{
	const struct pages_sight_heap *h = &s->heap[i];
	const struct pages_report *r = &h->report;
	struct words w = { .used = 0 };

	fprintf(out, "%s (pid %d), %s: ", name_in(&w, s->status.name), (int)s->pid,
		name_in(&w, h->library));
	fprintf(out, "%s\n", name_in(&w, r->mode));
	if (!pages_report_is_active(r) && r->stats.requests == 0)
		return;
	print_present(s, &r->stats, out);
	print_past(&r->stats, out);
	print_rate(s, before, i, out);
	if (r->stats.vector_kept_bytes != 0)
		line(out, "kept for vectors", "%s", size_in(&w, r->stats.vector_kept_bytes));
	line(out, "threshold", "%s", size_in(&w, r->threshold));
	if (r->provider[0] != '\0')
		line(out, "allocator behind", "%s", name_in(&w, r->provider));
	if (r->confined != 0)
		fputs("  It has entered a sandbox.\n", out);
}

void
pages_stat_table(const struct pages_sight *s, const struct pages_sight *before, FILE *out)
{
	for (size_t i = 0; i < s->heaps; i++) {
		print_heap(s, before, i, out);
		if (s->heap[i].picture.per_cell != 0)
			pages_picture_print(&s->heap[i].picture, out);
	}
}

void
pages_stat_heading(FILE *out)
{
	fprintf(out, "%8s  %-15s %10s %10s %10s %10s %11s %5s %9s  %s\n", "PID", "NAME", "LIVE",
		"KEPT", "RESIDENT", "PROCESS", "REQUESTS", "WARM", "PASSED ON", "LIBRARY");
}

void
pages_stat_rows(const struct pages_sight *s, FILE *out)
{
	for (size_t i = 0; i < s->heaps; i++) {
		const struct pages_stats *st = &s->heap[i].report.stats;
		struct words w = { .used = 0 };
		char share[16] = "-";

		if (warm(st) >= 0)
			snprintf(share, sizeof(share), "%d %%", warm(st));
		fprintf(out, "%8d  %-15.15s %10s %10s", (int)s->pid, name_in(&w, s->status.name),
			size_in(&w, st->live_bytes), size_in(&w, st->kept_bytes));
		fprintf(out, " %10s %10s %11" PRIu64, size_in(&w, st->resident_bytes),
			size_in(&w, s->status.rss), st->requests);
		fprintf(out, " %5s %9" PRIu64 "  %s%s\n", share, pages_report_declined(st),
			name_in(&w, s->heap[i].library),
			pages_report_is_active(&s->heap[i].report) ? "" : ", inactive");
	}
}

void
pages_stat_json(const struct pages_sight *s, FILE *out)
{
	for (size_t i = 0; i < s->heaps; i++) {
		char buf[8192], head[1024];
		struct pages_text t = { head, 0, sizeof(head), false };

		pages_text_put(&t, "{\"time_ms\":");
		pages_text_number(&t, s->time_ms);
		pages_text_put(&t, ",\"name\":");
		pages_report_json_string(&t, s->status.name);
		pages_text_put(&t, ",\"library\":");
		pages_report_json_string(&t, s->heap[i].library);
		pages_text_put(&t, ",\"process_resident_bytes\":");
		pages_text_number(&t, s->status.rss);
		pages_text_char(&t, ',');
		pages_text_end(&t);
		/* What follows begins with a brace. */
		if (pages_report_json(&s->heap[i].report, NULL, buf, sizeof(buf)) > 1)
			fprintf(out, "%s%s", head, buf + 1);
	}
}
