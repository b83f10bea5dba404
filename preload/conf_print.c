/* SPDX-License-Identifier: MIT */
/*
 * conf_print.c - what the shim says of PAGES_CONF: what is wrong in it, the settings, the help
 *
 * Runs inside the first call of malloc, so it must not allocate: no stdio.
 */
#include "conf.h"

#include <string.h>

#include "os/base.h"
#include "os/os.h"
#include "text.h"

void
pages_conf_complain(const char *setting, size_t len, const char *why)
{
	char line[400];
	struct pages_text t = { line, 0, sizeof(line), false };

	pages_text_put(&t, "pages: PAGES_CONF: ignored: ");
	for (size_t i = 0; i < pages_min(len, 200); i++)
		pages_text_char(&t, setting[i]);
	pages_text_put(&t, " (");
	pages_text_put(&t, why);
	pages_text_put(&t, "; help:true lists the keys)\n");
	pages_os_say(line, t.len);
}

static void
print_help(void)
{
	static const char help[] =
		"pages: PAGES_CONF=key:value,...\n"
		"  threshold:SIZE  requests of at least SIZE go to paged regions (256K; from 64K)\n"
		"  retain:TIME     how long freed memory is kept, about (10s)\n"
		"  thp:on|off      huge pages (on)\n"
		"  moves:auto|on|off  free memory is moved to where it is needed (auto: unless\n"
		"                  munmap, mremap or madvise is hooked)\n"
		"  colours:on|off  blocks begin at several offsets in their first page, so that arrays\n"
		"                  do not collide in the cache (on)\n"
		"  dump:all|live   live: give back at once what is freed, so that no core dump has it\n"
		"  background:on|off  a thread gives back, also if the program does nothing (off)\n"
		"  disable:BOOL    pass everything through (false)\n"
		"  report:FILE     what happened, at exit; FILE.json for JSON, or stderr;\n"
		"                  %p is the pid\n"
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
