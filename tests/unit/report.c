/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "preload/report.h"
#include "preload/text.h"
#include "support/support.h"

static struct pages_report
sample(void)
{
	struct pages_report r = {
		.pid = 77,
		.threshold = KIB(256),
		.processes = 1,
		.affected = 1,
		.stats = { .requests = 3, .requested_bytes = MIB(30), .peak_live_bytes = MIB(20) },
		.mode = "active",
		.exe = "/bin/with \"quotes\" and \\ and \n",
		.provider = "/lib/libc.so.6",
	};
	return r;
}

/* The number of a key in a line of JSON; fails if it is not there. */
static uint64_t
number(const char *line, const char *key)
{
	char quoted[64];
	const char *p;

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	p = strstr(line, quoted);
	cr_assert_not_null(p, "no %s in %s", key, line);
	return strtoull(p + strlen(quoted), NULL, 10);
}

Test(report, is_one_line_of_json)
{
	struct pages_report r = sample();
	char line[4096];
	size_t len = pages_report_json(&r, NULL, line, sizeof(line));

	cr_assert_eq(strchr(line, '\n'), line + len - 1);
	cr_assert_not_null(strstr(line, "\"effect\":true"));
}

Test(report, has_every_counter_of_the_stats)
{
	struct pages_report r = sample();
	char line[4096], value[16];

	for (size_t i = 0; i < sizeof(r.stats) / sizeof(uint64_t); i++)
		((uint64_t *)&r.stats)[i] = 7001000 + i;
	pages_report_json(&r, NULL, line, sizeof(line));
	for (size_t i = 0; i < sizeof(r.stats) / sizeof(uint64_t); i++) {
		snprintf(value, sizeof(value), ":%zu,", 7001000 + i);
		cr_assert_not_null(strstr(line, value), "word %zu", i);
	}
	r.stats.refused_moves = UINT64_MAX;
	pages_report_json(&r, NULL, line, sizeof(line));
	cr_assert_eq(number(line, "refused_moves"), UINT64_MAX);
}

Test(report, is_cut_off_where_there_is_no_room)
{
	struct pages_report r = sample();
	char full[4096], part[64];

	pages_report_text(&r, full, sizeof(full));
	memset(part, 0x55, sizeof(part));
	cr_assert_eq(pages_report_text(&r, part, 50), 49);
	cr_assert_eq(part[49], '\0');
	cr_assert_eq(part[50], 0x55);
	cr_assert_eq(memcmp(full, part, 49), 0);
}

Test(report, adds_up_counts_and_keeps_the_highest_peak)
{
	struct pages_report a = sample(), b = sample();

	b.stats.peak_live_bytes = MIB(50);
	b.pid = 78;
	pages_report_add(&a, &b);
	cr_assert_eq(a.pid, 77);
	cr_assert_eq(a.stats.requests, 6);
	cr_assert_eq(a.stats.peak_live_bytes, MIB(50));
	cr_assert_eq(a.processes, 2);
}

Test(report, says_in_words_that_there_was_no_effect)
{
	struct pages_report r = sample();
	char text[4096];

	r.stats.requests = 0;
	pages_report_text(&r, text, sizeof(text));
	cr_assert_not_null(strstr(text, "No effect: no request reached the threshold of 256 KiB."));
	strcpy(r.mode, "inactive: because");
	pages_report_text(&r, text, sizeof(text));
	cr_assert_not_null(strstr(text, "No effect: because."));
}

Test(report, names_the_reasons_for_passing_on)
{
	struct pages_report r = sample();
	char text[4096];

	r.stats.declined_refused = 4;
	pages_report_text(&r, text, sizeof(text));
	cr_assert_not_null(strstr(text, "refused by the kernel"));
	cr_assert_null(strstr(text, "no address space"));
}

Test(report, says_that_no_background_thread_could_be_had)
{
	struct pages_report r = sample();
	char text[4096];

	pages_report_text(&r, text, sizeof(text));
	cr_assert_null(strstr(text, "background"));
	r.background_refused = 2;
	pages_report_text(&r, text, sizeof(text));
	cr_assert_not_null(strstr(text, "background threads refused        2\n"));
	pages_report_json(&r, NULL, text, sizeof(text));
	cr_assert_eq(number(text, "background_refused"), 2);
}

Test(report, says_so_when_all_large_requests_were_passed_on)
{
	struct pages_report r = sample();
	char text[4096];

	r.stats.requests = 0;
	r.stats.declined_no_arena = 4;
	pages_report_text(&r, text, sizeof(text));
	cr_assert_not_null(strstr(text, "No effect: all large requests were passed on."));
	cr_assert_null(strstr(text, "no request reached"));
}

Test(report, says_how_many_processes_there_were)
{
	struct pages_report a = sample(), b = sample();
	char text[4096];

	b.affected = 0;
	pages_report_add(&a, &b);
	pages_report_text(&a, text, sizeof(text));
	cr_assert_not_null(strstr(text, "2 processes, 1 of them routed large requests\n"));
}

Test(report, has_no_control_characters_in_json)
{
	struct pages_report r = sample();
	char line[4096];

	strcpy(r.exe, "a\177b\302\233c");
	pages_report_json(&r, NULL, line, sizeof(line));
	cr_assert_not_null(strstr(line, "\"exe\":\"a\\u007fb\\u009bc\""), "%s", line);
}

Test(report, leaves_names_in_utf8_as_they_are)
{
	struct pages_report r = sample();
	char line[4096];

	strcpy(r.exe, "caf\303\251 \342\202\254 \360\237\230\200");
	pages_report_json(&r, NULL, line, sizeof(line));
	cr_assert_not_null(strstr(line, r.exe));
}

Test(report, is_valid_json_whatever_bytes_are_in_a_name)
{
	/* a stray byte, half a sequence, too long a form, a surrogate, beyond Unicode */
	static const char *const names[] = { "a\377b", "a\303", "\300\257", "\355\240\200",
					     "\364\220\200\200" };
	struct pages_report r = sample();
	char line[4096];

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		strcpy(r.exe, names[i]);
		pages_report_json(&r, NULL, line, sizeof(line));
		for (const char *c = line; *c != '\0'; c++)
			cr_assert_lt((unsigned char)*c, 0x80, "byte of %s", line);
		cr_assert_not_null(strstr(line, "\\udc"));
	}
}

Test(report, is_no_json_rather_than_half_a_line)
{
	struct pages_report r = sample();
	char line[4096];
	size_t full = pages_report_json(&r, NULL, line, sizeof(line));

	for (size_t len = 1; len <= full; len++) {
		line[0] = 'x';
		cr_assert_eq(pages_report_json(&r, NULL, line, len), 0);
		cr_assert_eq(line[0], '\0');
	}
	cr_assert_eq(pages_report_json(&r, NULL, line, full + 1), full);
	cr_assert_eq(pages_report_json(&r, NULL, line, 0), 0);
}

Test(report, has_a_list_of_processes_where_there_is_one)
{
	struct pages_report r = sample();
	char line[4096];

	pages_report_json(&r, "{\"a\":1},{}", line, sizeof(line));
	cr_assert_not_null(strstr(line, ",\"processes\":[{\"a\":1},{}],\""));
	pages_report_json(&r, NULL, line, sizeof(line));
	cr_assert_eq(number(line, "processes"), 1);
}

Test(report, begins_with_what_it_comes_to)
{
	struct pages_report r = sample();
	char text[4096];

	r.usage = (struct pages_usage){ true, 1234567, 800000, 50000, 321, MIB(77) };
	pages_report_text(&r, text, sizeof(text));
	cr_assert_not_null(strstr(text, "\n  Wall 1.234 s, user 0.800 s, sys 0.050 s, "
				  "321 page faults, peak 77 MiB.\n"));
	cr_assert_lt(strstr(text, "Wall"), strstr(text, "gain"));
	cr_assert_lt(strstr(text, "gain"), strstr(text, "allocator behind"));
	pages_report_json(&r, NULL, text, sizeof(text));
	cr_assert_eq(number(text, "wall_us"), 1234567);
	cr_assert_eq(number(text, "page_faults"), 321);
}

Test(report, says_what_was_saved_for_certain_and_what_perhaps)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct pages_report r = sample();
	char text[4096];

	r.stats.reused_bytes = MIB(100);
	r.stats.moved_free_bytes = MIB(20);
	r.stats.moved_bytes = MIB(50);
	r.stats.large_reused_bytes = MIB(80);
	r.stats.cleared_bytes = MIB(30);
	r.stats.fresh_bytes = MIB(2);
	pages_report_json(&r, NULL, text, sizeof(text));
	cr_assert_eq(number(text, "saved_faults"), MIB(80) / page);
	cr_assert_eq(number(text, "saved_zeroed_bytes"), MIB(50));
	cr_assert_eq(number(text, "perhaps_saved_faults"), MIB(42) / page);
	cr_assert_eq(number(text, "perhaps_saved_copied_bytes"), MIB(30));
	pages_report_text(&r, text, sizeof(text));
	cr_assert_not_null(strstr(text, "from 32 MiB on"));
	cr_assert_null(strstr(text, "Perhaps"));
	r.stats.large_reused_bytes = 0;
	pages_report_text(&r, text, sizeof(text));
	cr_assert_null(strstr(text, "from 32 MiB on"));
	cr_assert_not_null(strstr(text, "Perhaps a gain"));
}

Test(report, tells_a_busy_program_with_few_large_blocks_that_it_gains_nothing)
{
	struct pages_report r = sample();
	char text[4096];

	r.usage = (struct pages_usage){ .known = true, .user_us = 4000000 };
	pages_report_text(&r, text, sizeof(text));
	cr_assert_not_null(strstr(text, "No gain to speak of"));
	r.usage.user_us = 2000000;	/* 30 MiB in 2 s */
	pages_report_text(&r, text, sizeof(text));
	cr_assert_null(strstr(text, "No gain"));
}

Test(text, takes_numbers_one_after_the_other)
{
	const char *at = "7f-0a fe:1 x";
	uint64_t n = 0;

	cr_assert(pages_text_take(&at, 16, &n));
	cr_assert_eq(n, 0x7f);
	cr_assert_eq(*at++, '-');
	cr_assert(pages_text_take(&at, 16, &n));
	cr_assert_eq(n, 10);
	cr_assert(pages_text_take(&at, 16, &n));
	cr_assert_eq(n, 0xfe);
	cr_assert_eq(*at++, ':');
	cr_assert(pages_text_take(&at, 10, &n));
	cr_assert_eq(n, 1);
	cr_assert_not(pages_text_take(&at, 16, &n));
	cr_assert_str_eq(at, " x");
}

Test(text, takes_no_number_that_does_not_fit)
{
	const char *at = "18446744073709551615 18446744073709551616";
	uint64_t n = 0;

	cr_assert(pages_text_take(&at, 10, &n));
	cr_assert_eq(n, UINT64_MAX);
	cr_assert_not(pages_text_take(&at, 10, &n));
	cr_assert_eq(n, UINT64_MAX);
	at = "-1";
	cr_assert_not(pages_text_take(&at, 10, &n));
	at = "a";
	cr_assert_not(pages_text_take(&at, 10, &n));
}

Test(text, shows_no_name_that_does_something_to_a_terminal)
{
	char buf[64];

	cr_assert_str_eq(pages_text_name_of("a\033[2J\n\177b", buf, sizeof(buf)), "a?[2J??b");
	cr_assert_str_eq(pages_text_name_of("\302\233A\302\251", buf, sizeof(buf)), "?A\302\251");
	cr_assert_str_eq(pages_text_name_of("a\233b\302", buf, sizeof(buf)), "a?b?");
	cr_assert_str_eq(pages_text_name_of("abc", buf, 3), "ab");
}
