/* SPDX-License-Identifier: MIT */
/*
 * output.h - opens the files that the programs write; used by pages-run and pages-stat
 */
#ifndef PAGES_OUTPUT_H
#define PAGES_OUTPUT_H

#include <stdio.h>

/*
 * Open a file to be written from its start.  If it is the file that standard output or standard
 * error is, under any name, nothing is cut off: what is written comes after what is there.
 * NULL with errno set if it cannot be opened.
 */
FILE *pages_output_open(const char *path);

#endif /* PAGES_OUTPUT_H */
