/* SPDX-License-Identifier: MIT */
/*
 * conf.c - parses PAGES_CONF
 *
 * Runs inside the first call of malloc, so it must not allocate; and in pages-run.
 */
#include "conf.h"

#include <stdint.h>
#include <string.h>

#include "os/base.h"

#define THRESHOLD_MIN PAGES_KIB(64)

/* Why a setting is left out. */
static const char no_key[] = "no such key";
static const char no_value[] = "not KEY:VALUE";
static const char no_switch[] = "neither on nor off";
static const char no_size[] = "not a size: 300000, 512K, 2M, 1GiB";
static const char no_threshold[] = "the least is 64K";
static const char no_time[] = "not a time: 500, 500ms, 10s, 2min";
static const char no_moves[] = "not auto, on or off";
static const char no_dump[] = "not all or live";
static const char no_path[] = "an empty name, or one of more than 255 bytes";
static const char no_percent[] = "of percent signs there are %p, the pid, and %%";
static const char no_record[] = "not what pages-run sets";

/* A part of the text, not terminated. */
struct word {
	const char *s;
	size_t len;
};

static char
lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		c = (char)(c - 'A' + 'a');
	return c;
}

static bool
is(struct word w, const char *s)
{
	size_t i = 0;

	while (i < w.len && s[i] != '\0' && lower(w.s[i]) == s[i])
		i++;
	return i == w.len && s[i] == '\0';
}

static bool
is_one_of(struct word w, const char *const *list)
{
	while (*list != NULL && !is(w, *list))
		list++;
	return *list != NULL;
}

/* Without the blanks around it. */
static struct word
trim(struct word w)
{
	for (; w.len != 0 && (*w.s == ' ' || *w.s == '\t'); w.len--)
		w.s++;
	while (w.len != 0 && (w.s[w.len - 1] == ' ' || w.s[w.len - 1] == '\t'))
		w.len--;
	return w;
}

/* Take digits off the front of w; false if there are none, or too many. */
static bool
take_number(struct word *w, size_t *ret)
{
	size_t n = 0, i = 0;

	for (; i < w->len && w->s[i] >= '0' && w->s[i] <= '9'; i++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (size_t)(w->s[i] - '0'), &n))
			return false;
	*w = trim((struct word){ w->s + i, w->len - i });
	*ret = n;
	return i != 0;
}

/* The parsers return NULL, or why the value is none; then *ret is as it was. */

static const char *
parse_bool(struct word w, bool *ret)
{
	static const char *const yes[] = { "true", "on", "yes", "1", NULL };
	static const char *const no[] = { "false", "off", "no", "0", NULL };

	if (!is_one_of(w, yes) && !is_one_of(w, no))
		return no_switch;
	*ret = is_one_of(w, yes);
	return NULL;
}

/* A number with an optional unit, in powers of 1024. */
static const char *
parse_size(struct word w, size_t *ret)
{
	static const struct {
		const char *names[4];
		unsigned shift;
	} units[] = { { { "", "b" }, 0 }, { { "k", "kb", "kib" }, 10 }, { { "m", "mb", "mib" }, 20 },
		      { { "g", "gb", "gib" }, 30 }, { { "t", "tb", "tib" }, 40 } };
	size_t n;

	if (!take_number(&w, &n))
		return no_size;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (is_one_of(w, units[i].names) && n <= SIZE_MAX >> units[i].shift) {
			*ret = n << units[i].shift;
			return NULL;
		}
	return no_size;
}

static const char *
parse_threshold(struct word w, size_t *ret)
{
	size_t n;
	const char *wrong = parse_size(w, &n);

	if (wrong == NULL && n < THRESHOLD_MIN)
		wrong = no_threshold;
	if (wrong == NULL)
		*ret = n;
	return wrong;
}

static const char *
parse_ms(struct word w, uint32_t *ret)
{
	static const struct {
		const char *names[3];
		size_t ms;
	} units[] = { { { "", "ms" }, 1 }, { { "s", "sec" }, 1000 }, { { "m", "min" }, 60000 },
		      { { "h" }, 3600000 } };
	size_t n;

	if (!take_number(&w, &n))
		return no_time;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (is_one_of(w, units[i].names) && n <= INT32_MAX / units[i].ms) {
			*ret = (uint32_t)(n * units[i].ms);
			return NULL;
		}
	return no_time;
}

static const char *
parse_path(struct word w, char *ret, size_t size)
{
	if (w.len == 0 || w.len >= size)
		return no_path;
	for (size_t i = 0; i < w.len; i++)
		if (w.s[i] == '%' && (++i == w.len || (w.s[i] != 'p' && w.s[i] != '%')))
			return no_percent;
	memcpy(ret, w.s, w.len);
	ret[w.len] = '\0';
	return NULL;
}

/* Three decimal numbers with a dot in between. */
static const char *
parse_record(struct word w, struct pages_conf_record *ret)
{
	size_t n[3];

	for (size_t i = 0; i < 3; i++) {
		if (i != 0 && (w.len == 0 || *w.s != '.'))
			return no_record;
		if (i != 0)
			w = (struct word){ w.s + 1, w.len - 1 };
		if (!take_number(&w, &n[i]))
			return no_record;
	}
	if (w.len != 0 || n[0] == 0 || n[0] > INT32_MAX || n[1] > INT32_MAX)
		return no_record;
	*ret = (struct pages_conf_record){ (int)n[0], (int)n[1], n[2] };
	return NULL;
}

static const char *
parse_moves(struct word w, enum pages_moves *ret)
{
	bool on;

	if (is(w, "auto")) {
		*ret = PAGES_MOVES_AUTO;
		return NULL;
	}
	if (parse_bool(w, &on) != NULL)
		return no_moves;
	*ret = on ? PAGES_MOVES_ON : PAGES_MOVES_OFF;
	return NULL;
}

/* What a core dump shows: all that is resident, or what is live. */
static const char *
parse_dump(struct word w, bool *ret_live)
{
	if (!is(w, "live") && !is(w, "all"))
		return no_dump;
	*ret_live = is(w, "live");
	return NULL;
}

/* Apply one setting. */
static const char *
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
	return no_key;
}

void
pages_conf_parse(struct pages_conf *conf, const char *text, pages_conf_wrong *wrong)
{
	while (text != NULL && *text != '\0') {
		size_t len = strcspn(text, ","), key_len = strcspn(text, ":=,");
		struct word setting = trim((struct word){ text, len });
		const char *why = no_value;

		if (key_len < len)
			why = set(conf, trim((struct word){ text, key_len }),
				  trim((struct word){ text + key_len + 1, len - key_len - 1 }));
		if (setting.len != 0 && why != NULL)
			wrong(setting.s, setting.len, why);
		text += len + (text[len] == ',');
	}
}
