/* SPDX-License-Identifier: MIT */
/*
 * conf.c - parses PAGES_CONF, and prints the settings and the help
 *
 * Runs inside the first call of malloc, so it must not allocate: no stdio, no copies.
 */
#include "conf.h"

#include <stdint.h>
#include <string.h>

#include "os/base.h"
#include "os/os.h"
#include "text.h"

#define THRESHOLD_MIN PAGES_KIB(64)

/* A part of the text, not terminated. */
struct word {
	const char *s;
	size_t len;
};

static bool
is(struct word w, const char *s)
{
	return w.len == strlen(s) && memcmp(w.s, s, w.len) == 0;
}

static bool
parse_bool(struct word w, bool *ret)
{
	bool yes = is(w, "true") || is(w, "on") || is(w, "yes") || is(w, "1");

	if (!yes && !is(w, "false") && !is(w, "off") && !is(w, "no") && !is(w, "0"))
		return false;
	*ret = yes;
	return true;
}

/* A number with an optional unit, in powers of 1024: 300, 64K, 2M, 1GiB. */
static bool
parse_size(struct word w, size_t *ret)
{
	static const char units[] = "KMGT";
	size_t n = 0, i = 0;
	const char *unit;

	for (; i < w.len && w.s[i] >= '0' && w.s[i] <= '9'; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (size_t)(w.s[i] - '0'), &n))
			return false;
	if (i == 0)
		return false;
	if (i < w.len && (unit = memchr(units, w.s[i] & ~0x20, sizeof(units) - 1)) != NULL) {
		unsigned shift = 10 * (unsigned)(unit - units + 1);

		if (n > SIZE_MAX >> shift)
			return false;
		n <<= shift;
		i++;
		if (w.len - i == 2 && w.s[i] == 'i')
			i++;
	}
	if (i < w.len && (w.s[i] & ~0x20) == 'B')
		i++;
	*ret = n;
	return i == w.len;
}

static bool
parse_threshold(struct word w, size_t *ret)
{
	size_t n;

	if (!parse_size(w, &n) || n < THRESHOLD_MIN)
		return false;
	*ret = n;
	return true;
}

/* Milliseconds.  Takes units as sizes do: 10K is 10240. */
static bool
parse_ms(struct word w, uint32_t *ret)
{
	size_t n;

	if (!parse_size(w, &n) || n > INT32_MAX)
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool
parse_path(struct word w, char *ret, size_t size)
{
	if (w.len == 0 || w.len >= size)
		return false;
	memcpy(ret, w.s, w.len);
	ret[w.len] = '\0';
	return true;
}

/* Three decimal numbers with a dot in between. */
static bool
parse_record(struct word w, struct pages_conf_record *ret)
{
	uint64_t n[3] = { 0, 0, 0 };
	size_t at = 0, digits = 0;

	for (size_t i = 0; i < w.len; i++) {
		if (w.s[i] == '.' && digits != 0 && at < 2) {
			at++;
			digits = 0;
			continue;
		}
		if (w.s[i] < '0' || w.s[i] > '9' || __builtin_mul_overflow(n[at], 10, &n[at]) ||
		    __builtin_add_overflow(n[at], (uint64_t)(w.s[i] - '0'), &n[at]))
			return false;
		digits++;
	}
	if (at != 2 || digits == 0 || n[0] == 0 || n[0] > INT32_MAX || n[1] > INT32_MAX)
		return false;
	*ret = (struct pages_conf_record){ (int)n[0], (int)n[1], n[2] };
	return true;
}

static bool
parse_moves(struct word w, enum pages_moves *ret)
{
	bool on;

	if (is(w, "auto")) {
		*ret = PAGES_MOVES_AUTO;
		return true;
	}
	if (!parse_bool(w, &on))
		return false;
	*ret = on ? PAGES_MOVES_ON : PAGES_MOVES_OFF;
	return true;
}

/* What a core dump shows: all that is resident, or what is live. */
static bool
parse_dump(struct word w, bool *ret_live)
{
	*ret_live = is(w, "live");
	return is(w, "live") || is(w, "all");
}

/* Apply one setting; false for an unknown key or a bad value, and then nothing is changed. */
static bool
set(struct pages_conf *conf, struct word key, struct word value)
{
	if (is(key, "threshold"))
		return parse_threshold(value, &conf->threshold);
	if (is(key, "retain"))
		return parse_ms(value, &conf->heap.retain_ms);
	if (is(key, "thp"))
		return parse_bool(value, &conf->heap.huge);
	if (is(key, "moves"))
		return parse_moves(value, &conf->heap.moves);
	if (is(key, "colours"))
		return parse_bool(value, &conf->heap.colours);
	if (is(key, "dump"))
		return parse_dump(value, &conf->heap.forgets);
	if (is(key, "background"))
		return parse_bool(value, &conf->background);
	if (is(key, "disable"))
		return parse_bool(value, &conf->disable);
	if (is(key, "report"))
		return parse_path(value, conf->report, sizeof(conf->report));
	if (is(key, "record"))
		return parse_record(value, &conf->record);
	if (is(key, "show"))
		return parse_bool(value, &conf->show);
	if (is(key, "help"))
		return parse_bool(value, &conf->help);
	return false;
}

static void
complain(struct word setting)
{
	char line[300];
	struct pages_text t = { line, 0, sizeof(line), false };

	pages_text_put(&t, "pages: PAGES_CONF: ignored: ");
	for (size_t i = 0; i < pages_min(setting.len, 200); i++)
		pages_text_char(&t, setting.s[i]);
	pages_text_put(&t, " (help:true lists the keys)\n");
	pages_os_say(line, t.len);
}

void
pages_conf_parse(struct pages_conf *conf, const char *text)
{
	while (text != NULL && *text != '\0') {
		struct word setting = { text, strcspn(text, ",") };
		size_t key_len = strcspn(text, ":=,");
		struct word key = { text, key_len };
		struct word value = { text + key_len + 1, setting.len - key_len - 1 };

		if (setting.len != 0 && (key_len == setting.len || !set(conf, key, value)))
			complain(setting);
		text += setting.len + (text[setting.len] == ',');
	}
}

static void
print_help(void)
{
	static const char help[] =
		"pages: PAGES_CONF=key:value,...\n"
		"  threshold:SIZE  requests of at least SIZE go to paged regions (256K; from 64K)\n"
		"  retain:MS       how long freed memory is kept, about (10000)\n"
		"  thp:on|off      huge pages (on)\n"
		"  moves:auto|on|off  free memory is moved to where it is needed (auto: unless\n"
		"                  munmap, mremap or madvise is hooked)\n"
		"  colours:on|off  blocks begin at several offsets in their first page, so that arrays\n"
		"                  do not collide in the cache (on)\n"
		"  dump:all|live   live: give back at once what is freed, so that no core dump has it\n"
		"  background:on|off  a thread gives back, also if the program does nothing (off)\n"
		"  disable:BOOL    pass everything through (false)\n"
		"  report:FILE     what happened, at exit; FILE.json for JSON, or stderr\n"
		"  record:ID       where to count for pages-run --report, which sets it\n"
		"  show:BOOL       print the settings at start\n"
		"  help:BOOL       print this list at start\n";

	pages_os_say(help, sizeof(help) - 1);
}

void
pages_conf_print(const struct pages_conf *conf)
{
	char line[512];
	struct pages_text t = { line, 0, sizeof(line), false };

	if (conf->help)
		print_help();
	if (!conf->show)
		return;
	pages_text_put(&t, "pages: threshold:");
	pages_text_number(&t, conf->threshold);
	pages_text_put(&t, ",retain:");
	pages_text_number(&t, conf->heap.retain_ms);
	pages_text_put(&t, conf->heap.huge ? ",thp:on" : ",thp:off");
	pages_text_put(&t, conf->heap.moves == PAGES_MOVES_AUTO ? ",moves:auto" :
			   conf->heap.moves == PAGES_MOVES_ON   ? ",moves:on" : ",moves:off");
	pages_text_put(&t, conf->heap.colours ? ",colours:on" : ",colours:off");
	pages_text_put(&t, conf->heap.forgets ? ",dump:live" : ",dump:all");
	pages_text_put(&t, conf->background ? ",background:on" : ",background:off");
	pages_text_put(&t, conf->disable ? ",disable:true" : ",disable:false");
	pages_text_put(&t, ",report:");
	pages_text_put(&t, conf->report[0] != '\0' ? conf->report : "none");
	pages_text_put(&t, "\n");
	pages_os_say(line, t.len);
}
