/* SPDX-License-Identifier: MIT */
/*
 * report.c - adds reports up, and writes them as JSON
 *
 * A table lists all numbers of struct pages_report.  Writing and adding go over it, so a new
 * counter is one line in the table.
 */
#include "report.h"

#include <string.h>
#include <unistd.h>

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
	STAT(large_reused_bytes, SUM),
	STAT(vector_kept_bytes, SUM),
	STAT(vector_reused_bytes, SUM),
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

static uint64_t
without(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

struct pages_saved
pages_report_saved(const struct pages_report *r)
{
	const struct pages_stats *st = &r->stats;
	uint64_t resident = st->reused_bytes + st->moved_free_bytes;

	return (struct pages_saved){
		.mapped_bytes = st->large_reused_bytes,
		.kept_bytes = without(resident, st->large_reused_bytes),
		.zeroed_bytes = without(st->large_reused_bytes, st->cleared_bytes),
		.fresh_bytes = st->fresh_bytes,
		.moved_bytes = without(st->moved_bytes, st->moved_free_bytes),
		.page_size = (uint64_t)sysconf(_SC_PAGESIZE),
	};
}

bool
pages_report_path(const char *name, const char *directory, uint64_t pid, char *buf, size_t len)
{
	struct pages_text t = { buf, 0, len, false };

	if (name[0] != '/' && directory[0] != '\0') {
		pages_text_put(&t, directory);
		pages_text_char(&t, '/');
	}
	for (; *name != '\0'; name++) {
		if (*name != '%')
			pages_text_char(&t, *name);
		else if (*++name == 'p')
			pages_text_number(&t, pid);
		else if (*name == '%')
			pages_text_char(&t, '%');
		else
			return false;
	}
	pages_text_end(&t);
	return !t.cut;
}

/* JSON. ------------------------------------------------------------------- */

void
pages_report_json_string(struct pages_text *o, const char *s)
{
	static const char hex[] = "0123456789abcdef";
	size_t n;

	pages_text_char(o, '"');
	for (; *s != '\0'; s += n != 0 ? n : 1) {
		unsigned char c = (unsigned char)*s;

		n = pages_text_utf8_len(s);
		if (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0)
			c = (unsigned char)s[1];	/* U+0080 to U+009F: control characters */
		if (c < 0x20 || (c >= 0x7f && c < 0xa0) || n == 0) {
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
put_string(struct pages_text *o, const char *key, const char *s)
{
	pages_text_put(o, ",\"");
	pages_text_put(o, key);
	pages_text_put(o, "\":");
	pages_report_json_string(o, s);
}

static void
put_bool(struct pages_text *o, const char *key, bool b)
{
	pages_text_put(o, ",\"");
	pages_text_put(o, key);
	pages_text_put(o, b ? "\":true" : "\":false");
}

static void
put_key(struct pages_text *o, const char *key, uint64_t n)
{
	pages_text_put(o, ",\"");
	pages_text_put(o, key);
	pages_text_put(o, "\":");
	pages_text_number(o, n);
}

static void
put_derived(struct pages_text *o, const struct pages_report *r)
{
	struct pages_saved saved = pages_report_saved(r);

	put_key(o, "saved_faults", saved.mapped_bytes / saved.page_size);
	put_key(o, "saved_zeroed_bytes", saved.zeroed_bytes);
	put_key(o, "perhaps_saved_faults",
		(saved.kept_bytes + saved.fresh_bytes) / saved.page_size);
	put_key(o, "perhaps_saved_copied_bytes", saved.moved_bytes);
	if (!r->usage.known)
		return;
	put_key(o, "wall_us", r->usage.wall_us);
	put_key(o, "user_us", r->usage.user_us);
	put_key(o, "system_us", r->usage.system_us);
	put_key(o, "page_faults", r->usage.page_faults);
	put_key(o, "peak_bytes", r->usage.peak_bytes);
}

size_t
pages_report_json(const struct pages_report *r, const char *list, char *buf, size_t len)
{
	struct pages_text o = { buf, 0, len, false };

	pages_text_put(&o, "{\"version\":1");
	put_bool(&o, "active", pages_report_is_active(r));
	put_bool(&o, "effect", r->stats.requests != 0);
	for (size_t i = 0; i < FIELDS; i++) {
		if (list == NULL || fields[i].offset != offsetof(struct pages_report, processes)) {
			put_key(&o, fields[i].key, value(r, i));
			continue;
		}
		pages_text_put(&o, ",\"processes\":[");
		pages_text_put(&o, list);
		pages_text_char(&o, ']');
	}
	put_derived(&o, r);
	put_string(&o, "mode", r->mode);
	put_string(&o, "exe", r->exe);
	put_string(&o, "provider", r->provider);
	pages_text_put(&o, "}\n");
	if (o.cut)	/* a part of a line would make the next line unreadable, too */
		o.len = 0;
	return pages_text_end(&o);
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
