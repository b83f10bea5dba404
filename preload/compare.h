/* SPDX-License-Identifier: MIT */
/*
 * compare.h - runs a command plainly and under the shim, in turn; used by pages-run only
 */
#ifndef PAGES_COMPARE_H
#define PAGES_COMPARE_H

#include "environment.h"

/*
 * Run the command so many times in each environment, and print a table to standard error.  If a
 * run does not end with status 0 prints no table, and ends this process as that run ended.  Returns
 * 0, or -errno if the command could not be run.
 */
int pages_compare(const char *path, char **argv, unsigned runs,
		  const struct pages_environment env[2]);

#endif /* PAGES_COMPARE_H */
