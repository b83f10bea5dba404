/* SPDX-License-Identifier: MIT */
/*
 * report.c - writes the report as JSON or text, and adds reports up
 *
 * A table lists all numbers of struct pages_report.  Writing and adding go over it, so a new
 * counter is one line in the table.
 */
#include "report.h"

#include <string.h>

#include "text.h"

/* What the sum of several processes has: their sum, their maximum, or what it had before. */
enum sum { SUM, PEAK, OWN };
#define FIELD(name, sum) { #name, offsetof(struct pages_report, name), sum }
#define STAT(name, sum) { #name, offsetof(struct pages_report, stats.name), sum }

/* All numbers of a report, by their JSON key. */
static const struct {
	const char *key;
	size_t offset;
	enum sum sum;
} fields[] = {
	FIELD(pid, OWN),
	FIELD(threshold, PEAK),
	FIELD(processes, SUM),
	FIELD(affected, SUM),
	FIELD(background_threads, SUM),
	FIELD(background_refused, SUM),
	FIELD(confined, SUM),
	FIELD(ended, SUM),
	STAT(requests, SUM),
	STAT(requested_bytes, SUM),
	STAT(live_objects, SUM),
	STAT(live_bytes, SUM),
	STAT(peak_live_bytes, PEAK),
	STAT(reused_bytes, SUM),
	STAT(moved_bytes, SUM),
	STAT(fresh_bytes, SUM),
	STAT(cleared_bytes, SUM),
	STAT(copied_bytes, SUM),
	STAT(grown_in_place, SUM),
	STAT(grown_by_move, SUM),
	STAT(resident_bytes, SUM),
	STAT(peak_resident_bytes, PEAK),
	STAT(kept_bytes, SUM),
	STAT(returned_bytes, SUM),
	STAT(arena_bytes, PEAK),
	STAT(vma_splits, SUM),
	STAT(declined_no_arena, SUM),
	STAT(declined_no_space, SUM),
	STAT(declined_refused, SUM),
	STAT(declined_busy, SUM),
	STAT(refused_moves, SUM),
	STAT(frees, SUM),
	STAT(freed_bytes, SUM),
	STAT(moved_free_bytes, SUM),
	STAT(inherited_objects, SUM),
	STAT(inherited_bytes, SUM),
};
#define FIELDS (sizeof(fields) / sizeof(*fields))

static uint64_t
value(const struct pages_report *r, size_t i)
{
	uint64_t v;

	memcpy(&v, (const char *)r + fields[i].offset, sizeof(v));
	return v;
}

static void
set_value(struct pages_report *r, size_t i, uint64_t v)
{
	memcpy((char *)r + fields[i].offset, &v, sizeof(v));
}

/* Writing. ---------------------------------------------------------------- */

static size_t
finish(struct pages_text *o)
{
	if (o->size != 0)
		o->buf[o->len] = '\0';
	return o->len;
}

static bool
is_active(const struct pages_report *r)
{
	return strcmp(r->mode, "active") == 0;
}

/* JSON. ------------------------------------------------------------------- */

/* The length of the UTF-8 sequence at s, 0 if it is invalid. */
static size_t
utf8_len(const char *s)
{
	unsigned char c = (unsigned char)s[0], d = (unsigned char)s[1];
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	/* Not the shortest form, a surrogate, or beyond U+10FFFF. */
	if ((c == 0xe0 && d < 0xa0) || (c == 0xed && d >= 0xa0) || (c == 0xf0 && d < 0x90) ||
	    (c == 0xf4 && d >= 0x90))
		return 0;
	for (size_t i = 1; i < n; i++)
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

/* File names are bytes.  A byte that is not UTF-8 becomes \udcXX, as Python writes it. */
static void
put_string(struct pages_text *o, const char *key, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n;

	pages_text_put(o, ",\"");
	pages_text_put(o, key);
	pages_text_put(o, "\":\"");
	for (; *s != '\0'; s += n != 0 ? n : 1) {
		unsigned char c = (unsigned char)*s;

		n = utf8_len(s);
		if (c < 0x20 || n == 0) {
			pages_text_put(o, n != 0 ? "\\u00" : "\\udc");
			pages_text_char(o, hex[c >> 4]);
			pages_text_char(o, hex[c & 15]);
			continue;
		}
		if (c == '"' || c == '\\')
			pages_text_char(o, '\\');
		for (size_t i = 0; i < n; i++)
			pages_text_char(o, s[i]);
	}
	pages_text_char(o, '"');
}

static void
put_bool(struct pages_text *o, const char *key, bool b)
{
	pages_text_put(o, ",\"");
	pages_text_put(o, key);
	pages_text_put(o, b ? "\":true" : "\":false");
}

size_t
pages_report_json(const struct pages_report *r, const char *list, char *buf, size_t len)
{
	struct pages_text o = { buf, 0, len, false };

	pages_text_put(&o, "{\"version\":1");
	put_bool(&o, "active", is_active(r));
	put_bool(&o, "effect", r->stats.requests != 0);
	for (size_t i = 0; i < FIELDS; i++) {
		pages_text_put(&o, ",\"");
		pages_text_put(&o, fields[i].key);
		pages_text_put(&o, "\":");
		if (list != NULL && fields[i].offset == offsetof(struct pages_report, processes)) {
			pages_text_char(&o, '[');
			pages_text_put(&o, list);
			pages_text_char(&o, ']');
			continue;
		}
		pages_text_number(&o, value(r, i));
	}
	put_string(&o, "mode", r->mode);
	put_string(&o, "exe", r->exe);
	put_string(&o, "provider", r->provider);
	pages_text_put(&o, "}\n");
	if (o.cut)	/* a part of a line would make the next line unreadable, too */
		o.len = 0;
	return finish(&o);
}

void
pages_report_add(struct pages_report *sum, const struct pages_report *one)
{
	for (size_t i = 0; i < FIELDS; i++) {
		uint64_t a = value(sum, i), b = value(one, i);

		if (fields[i].sum != OWN)
			set_value(sum, i, fields[i].sum == SUM ? a + b : a > b ? a : b);
	}
}

/* Text. ------------------------------------------------------------------- */

/* In the largest unit that gives at least 1, with one decimal, rounded down. */
static void
put_size(struct pages_text *o, uint64_t bytes)
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB", " TiB" };
	uint64_t tenths = bytes * 10;
	size_t u = 0;

	if (bytes > UINT64_MAX / 10)
		tenths = UINT64_MAX;
	for (; tenths >= 10240 && u < 4; u++)
		tenths /= 1024;
	pages_text_number(o, tenths / 10);
	if (u != 0 && tenths % 10 != 0) {
		pages_text_char(o, '.');
		pages_text_number(o, tenths % 10);
	}
	pages_text_put(o, units[u]);
}

static void
put_label(struct pages_text *o, const char *label)
{
	pages_text_put(o, "  ");
	pages_text_put(o, label);
	for (size_t n = strlen(label); n < 34; n++)
		pages_text_char(o, ' ');
}

static void
size_line(struct pages_text *o, const char *label, uint64_t bytes)
{
	put_label(o, label);
	put_size(o, bytes);
	pages_text_char(o, '\n');
}

static void
count_line(struct pages_text *o, const char *label, uint64_t n)
{
	put_label(o, label);
	pages_text_number(o, n);
	pages_text_char(o, '\n');
}

/* A file's name may have bytes that would do something to a terminal. */
static void
put_name(struct pages_text *o, const char *name)
{
	for (; *name != '\0'; name++)
		if ((unsigned char)*name < ' ' || *name == '\177')
			pages_text_char(o, '?');
		else
			pages_text_char(o, *name);
}

static void
put_head(struct pages_text *o, const struct pages_report *r)
{
	pages_text_put(o, "pages: ");
	put_name(o, r->exe);
	pages_text_put(o, " (pid ");
	pages_text_number(o, r->pid);
	pages_text_put(o, "): ");
	pages_text_put(o, r->mode);
	pages_text_char(o, '\n');
	if (r->processes > 1) {
		pages_text_put(o, "  ");
		pages_text_number(o, r->processes);
		pages_text_put(o, " processes, ");
		pages_text_number(o, r->affected);
		pages_text_put(o, " of them routed large requests\n");
	}
	if (r->provider[0] != '\0') {
		put_label(o, "allocator behind");
		put_name(o, r->provider);
		pages_text_char(o, '\n');
	}
	if (is_active(r))
		size_line(o, "threshold", r->threshold);
}

static uint64_t
declined(const struct pages_stats *st)
{
	return st->declined_no_arena + st->declined_no_space + st->declined_refused +
	       st->declined_busy;
}

/* Say why no request was served from the heap. */
static void
put_no_effect(struct pages_text *o, const struct pages_report *r)
{
	pages_text_put(o, "  No effect: ");
	if (r->confined != 0) {
		pages_text_put(o, "none until it entered a sandbox, where nothing is counted");
	} else if (is_active(r) && declined(&r->stats) != 0) {
		pages_text_put(o, "all large requests were passed on");
	} else if (is_active(r)) {
		pages_text_put(o, "no request reached the threshold of ");
		put_size(o, r->threshold);
	} else {
		pages_text_put(o, r->mode + (strncmp(r->mode, "inactive: ", 10) == 0 ? 10 : 0));
	}
	pages_text_put(o, ".\n");
}

static void
put_effect(struct pages_text *o, const struct pages_stats *st)
{
	put_label(o, "large requests served");
	pages_text_number(o, st->requests);
	pages_text_put(o, ", together ");
	put_size(o, st->requested_bytes);
	pages_text_char(o, '\n');
	size_line(o, "peak of live blocks", st->peak_live_bytes);
	size_line(o, "served from resident memory", st->reused_bytes);
	size_line(o, "moved by page tables", st->moved_bytes);
	size_line(o, "left to the kernel to zero", st->fresh_bytes);
	size_line(o, "cleared by calloc", st->cleared_bytes);
	size_line(o, "copied by realloc", st->copied_bytes);
	count_line(o, "growths in place", st->grown_in_place);
	count_line(o, "growths by moving", st->grown_by_move);
	size_line(o, "peak resident in the arena (<=)", st->peak_resident_bytes);
	size_line(o, "given back to the kernel", st->returned_bytes);
}

static void
put_declined(struct pages_text *o, const struct pages_stats *st)
{
	const struct {
		const char *why;
		uint64_t n;
	} reasons[] = {
		{ "passed on: no address space", st->declined_no_arena },
		{ "passed on: arena or machine too small", st->declined_no_space },
		{ "passed on: refused by the kernel", st->declined_refused },
		{ "passed on: fork or signal between", st->declined_busy },
		{ "moves refused by the kernel", st->refused_moves },
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].n != 0)
			count_line(o, reasons[i].why, reasons[i].n);
}

size_t
pages_report_text(const struct pages_report *r, char *buf, size_t len)
{
	struct pages_text o = { buf, 0, len, false };

	put_head(&o, r);
	if (r->stats.requests != 0)
		put_effect(&o, &r->stats);
	put_declined(&o, &r->stats);
	if (r->background_threads != 0)
		count_line(&o, "background threads started", r->background_threads);
	if (r->background_refused != 0)
		count_line(&o, "background threads refused", r->background_refused);
	if (r->confined != 0)
		count_line(&o, "counted until it entered a sandbox", r->confined);
	if (r->stats.requests == 0)
		put_no_effect(&o, r);
	return finish(&o);
}
