/* SPDX-License-Identifier: MIT */
/*
 * report_file.h - where the shim writes the report of its process
 */
#ifndef PAGES_REPORT_FILE_H
#define PAGES_REPORT_FILE_H

#include <stddef.h>

/*
 * At the start: remember the working directory, if name does not begin with a slash, and what
 * standard error is, if it is "stderr".  If the file cannot be written that is said in a line.
 */
void pages_report_file_choose(const char *name);

/* At the end: append to that file, or to standard error if that is what it was. */
void pages_report_file_write(const char *name, const char *text, size_t len);

#endif /* PAGES_REPORT_FILE_H */
