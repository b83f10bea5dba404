/* SPDX-License-Identifier: MIT */
/*
 * environment.h - the two variables that pages-run sets for the command; used by pages-run only
 */
#ifndef PAGES_ENVIRONMENT_H
#define PAGES_ENVIRONMENT_H

#include <stdbool.h>

/* NULL: not set.  The strings are its own.  If there is no memory for one the program ends. */
struct pages_environment {
	char *preload, *conf;
};

/* What these variables are now. */
struct pages_environment pages_environment_now(void);

/* Does LD_PRELOAD list the file at path, or a sanitizer's runtime? */
bool pages_environment_lists(const struct pages_environment *e, const char *path);
bool pages_environment_lists_sanitizer(const struct pages_environment *e);

/* Put the file at path first in LD_PRELOAD, or last, unless it is listed already. */
void pages_environment_prepend(struct pages_environment *e, const char *path);
void pages_environment_append(struct pages_environment *e, const char *path);

/*
 * Append settings to PAGES_CONF, which makes them override earlier ones.  The name of a report's
 * file becomes absolute, so that it is the same for children that start in other directories.
 */
void pages_environment_add(struct pages_environment *e, const char *settings);

/* Set the variables of this process.  Returns 0, or -errno. */
int pages_environment_enter(const struct pages_environment *e);

/*
 * Print those that are set, a line each: NAME=value, quoted where a shell would change it, which
 * is also what systemd reads by EnvironmentFile=; or, for_unit, Environment="NAME=value", since in
 * a unit's file a quote stands before the name, and percent signs are doubled.
 */
void pages_environment_print(const struct pages_environment *e, bool for_unit);

void pages_environment_free(struct pages_environment *e);

#endif /* PAGES_ENVIRONMENT_H */
