/* SPDX-License-Identifier: MIT */
/*
 * settings.c - checks settings, and makes the name of a report's file absolute
 */
#include "settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/os.h"
#include "conf.h"
#include "report.h"
#include "say.h"

__attribute__((noreturn)) static void
refuse(const char *setting, size_t len, const char *why)
{
	pages_say("%.*s: %s", (int)len, setting, why);
	exit(PAGES_TROUBLE);
}

static void
ignore(const char *setting, size_t len, const char *why)
{
	(void)setting;
	(void)len;
	(void)why;
}

void
pages_settings_check(const char *settings)
{
	struct pages_conf conf = PAGES_CONF_DEFAULTS;

	pages_conf_parse(&conf, settings, refuse);
}

/* The report's file, as it is written in the settings; "" if none is. */
static struct pages_conf
read_report(const char *settings)
{
	struct pages_conf conf = PAGES_CONF_DEFAULTS;

	pages_conf_parse(&conf, settings, ignore);
	if (strcmp(conf.report, "stderr") == 0)
		conf.report[0] = '\0';
	return conf;
}

void
pages_settings_check_report(const char *settings)
{
	struct pages_conf conf = read_report(settings);
	char path[PATH_MAX];
	int err;

	if (conf.report[0] == '\0' ||
	    !pages_report_path(conf.report, "", (uint64_t)getpid(), path, sizeof(path)))
		return;
	err = pages_os_may_append(path);
	if (err != 0)
		pages_fail(path, strerror(-err));
}

bool
pages_settings_absolute(const char *setting, char *ret, size_t size)
{
	struct pages_conf conf = read_report(setting);
	char directory[PATH_MAX];
	int n;

	if (conf.report[0] == '\0' || conf.report[0] == '/' ||
	    getcwd(directory, sizeof(directory)) == NULL || strpbrk(directory, ",%") != NULL)
		return false;
	n = snprintf(ret, size, "report:%s/%s", directory, conf.report);
	return n > 0 && (size_t)n < size && read_report(ret).report[0] == '/';
}
