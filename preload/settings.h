/* SPDX-License-Identifier: MIT */
/*
 * settings.h - what pages-run does to settings before the shim reads them; used by it only
 */
#ifndef PAGES_SETTINGS_H
#define PAGES_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/* Both end the program, with a line that says why.  settings may be NULL. */

/* Is there a setting that the shim would leave out? */
void pages_settings_check(const char *settings);

/* Is there a file for the shim's own reports that could not be written? */
void pages_settings_check_report(const char *settings);

/*
 * If this one setting is a report to a relative path, put it with the absolute path into ret.
 * False if it is not, or if that path could not be written as a setting.
 */
bool pages_settings_absolute(const char *setting, char *ret, size_t size);

#endif /* PAGES_SETTINGS_H */
