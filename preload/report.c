/* SPDX-License-Identifier: MIT */
/*
 * report.c - writes the report as JSON or text, reads the JSON back, and adds reports up
 *
 * A table lists all numbers of struct pages_report.  Writing, reading and adding go over it,
 * so a new counter is one line in the table.
 */
#include "report.h"

#include <string.h>

#include "text.h"

#define PEAK true	/* the sum of several processes is their maximum */
#define FIELD(name, peak) { #name, offsetof(struct pages_report, name), peak }
#define STAT(name, peak) { #name, offsetof(struct pages_report, stats.name), peak }

/* All numbers of a report, by their JSON key. */
static const struct {
	const char *key;
	size_t offset;
	bool peak;
} fields[] = {
	FIELD(pid, PEAK),
	FIELD(threshold, PEAK),
	FIELD(processes, false),
	FIELD(affected, false),
	FIELD(background_threads, false),
	FIELD(background_refused, false),
	FIELD(confined, false),
	STAT(requests, false),
	STAT(requested_bytes, false),
	STAT(live_objects, false),
	STAT(live_bytes, false),
	STAT(peak_live_bytes, PEAK),
	STAT(reused_bytes, false),
	STAT(moved_bytes, false),
	STAT(fresh_bytes, false),
	STAT(cleared_bytes, false),
	STAT(copied_bytes, false),
	STAT(grown_in_place, false),
	STAT(grown_by_move, false),
	STAT(resident_bytes, false),
	STAT(peak_resident_bytes, PEAK),
	STAT(kept_bytes, false),
	STAT(returned_bytes, false),
	STAT(arena_bytes, PEAK),
	STAT(vma_splits, false),
	STAT(declined_no_arena, false),
	STAT(declined_no_space, false),
	STAT(declined_refused, false),
	STAT(declined_busy, false),
	STAT(refused_moves, false),
	STAT(frees, false),
	STAT(freed_bytes, false),
	STAT(moved_free_bytes, false),
	STAT(inherited_objects, false),
	STAT(inherited_bytes, false),
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
pages_report_json(const struct pages_report *r, char *buf, size_t len)
{
	struct pages_text o = { buf, 0, len, false };

	pages_text_put(&o, "{\"version\":1");
	put_bool(&o, "active", is_active(r));
	put_bool(&o, "effect", r->stats.requests != 0);
	for (size_t i = 0; i < FIELDS; i++) {
		pages_text_put(&o, ",\"");
		pages_text_put(&o, fields[i].key);
		pages_text_put(&o, "\":");
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

/* The text after "key": in line, or NULL.  Keys do not occur in strings: quotes are escaped. */
static const char *
find_key(const char *line, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = line; (p = strchr(p, '"')) != NULL; p++)
		if (strncmp(p + 1, key, n) == 0 && strncmp(p + 1 + n, "\":", 2) == 0)
			return p + n + 3;
	return NULL;
}

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes the escapes that put_string() writes; cuts the string off at size - 1 bytes. */
static bool
parse_string(const char *line, const char *key, char *ret, size_t size)
{
	const char *p = find_key(line, key);
	size_t n = 0;

	if (p == NULL || *p++ != '"')
		return false;
	for (; *p != '"' && *p != '\0'; p++) {
		char c = *p;

		if (c == '\\') {
			c = *++p;
			if (c == 'u') {
				for (int i = 1; i <= 4; i++)
					if (hex_digit(p[i]) < 0)
						return false;
				c = (char)(hex_digit(p[3]) << 4 | hex_digit(p[4]));
				p += 4;
			}
		}
		if (n + 1 < size)
			ret[n++] = c;
	}
	ret[n] = '\0';
	return *p == '"';
}

bool
pages_report_parse(const char *line, struct pages_report *ret)
{
	struct pages_report r = { 0 };

	if (strncmp(line, "{\"version\":1,", 13) != 0)
		return false;
	for (size_t i = 0; i < FIELDS; i++) {
		const char *p = find_key(line, fields[i].key);
		uint64_t v = 0;

		if (p == NULL || *p < '0' || *p > '9')
			return false;
		for (; *p >= '0' && *p <= '9'; p++)
			if (__builtin_mul_overflow(v, 10, &v) ||
			    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
				return false;
		set_value(&r, i, v);
	}
	if (!parse_string(line, "mode", r.mode, sizeof(r.mode)) ||
	    !parse_string(line, "exe", r.exe, sizeof(r.exe)) ||
	    !parse_string(line, "provider", r.provider, sizeof(r.provider)))
		return false;
	*ret = r;
	return true;
}

void
pages_report_add(struct pages_report *sum, const struct pages_report *one)
{
	for (size_t i = 0; i < FIELDS; i++) {
		uint64_t a = value(sum, i), b = value(one, i);

		set_value(sum, i, !fields[i].peak ? a + b : a > b ? a : b);
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

static void
put_head(struct pages_text *o, const struct pages_report *r)
{
	pages_text_put(o, "pages: ");
	pages_text_put(o, r->exe);
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
		pages_text_put(o, r->provider);
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
