/* SPDX-License-Identifier: MIT */
/*
 * environment.c - LD_PRELOAD and PAGES_CONF: reads, changes, sets and prints them
 */
#include "environment.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf_inspect.h"
#include "find_shim.h"
#include "say.h"
#include "settings.h"

static char *
copy(const char *s)
{
	char *ret = s != NULL ? strdup(s) : NULL;

	if (s != NULL && ret == NULL)
		pages_fail("memory", strerror(ENOMEM));
	return ret;
}

static bool
is_empty(const char *s)
{
	return s == NULL || s[0] == '\0';
}

/* Both with the separator in between, or the one that is not empty. */
static char *
join(const char *a, const char *separator, const char *b)
{
	char *s;

	if (is_empty(a) || is_empty(b))
		return copy(is_empty(a) ? b : a);
	if (asprintf(&s, "%s%s%s", a, separator, b) < 0)
		pages_fail("memory", strerror(ENOMEM));
	return s;
}

struct pages_environment
pages_environment_now(void)
{
	return (struct pages_environment){ copy(getenv("LD_PRELOAD")), copy(getenv("PAGES_CONF")) };
}

void
pages_environment_free(struct pages_environment *e)
{
	free(e->preload);
	free(e->conf);
	*e = (struct pages_environment){ NULL, NULL };
}

/* Is this item of LD_PRELOAD the file at path, or, if path is NULL, a sanitizer's runtime? */
static bool
is_it(const char *item, const char *path)
{
	const char *name = strrchr(item, '/') != NULL ? strrchr(item, '/') + 1 : item;

	if (path == NULL)
		return pages_elf_is_sanitizer(name) || strncmp(name, "libubsan.", 9) == 0;
	return pages_is_entry_of(item, path);
}

bool
pages_environment_lists(const struct pages_environment *e, const char *path)
{
	char *list = copy(e->preload != NULL ? e->preload : ""), *save;
	bool found = false;

	for (char *i = strtok_r(list, " :", &save); i != NULL; i = strtok_r(NULL, " :", &save))
		found |= is_it(i, path);
	free(list);
	return found;
}

bool
pages_environment_lists_sanitizer(const struct pages_environment *e)
{
	return pages_environment_lists(e, NULL);
}

static void
replace(char **s, char *by)
{
	free(*s);
	*s = by;
}

/* At the start or the end of the list, unless it is there. */
static void
add_entry(struct pages_environment *e, const char *path, bool first)
{
	char entry[PATH_MAX];

	if (pages_environment_lists(e, path))
		return;
	pages_preload_entry(path, entry);
	replace(&e->preload,
		first ? join(entry, ":", e->preload) : join(e->preload, ":", entry));
}

void
pages_environment_prepend(struct pages_environment *e, const char *path)
{
	add_entry(e, path, true);
}

void
pages_environment_append(struct pages_environment *e, const char *path)
{
	add_entry(e, path, false);
}

void
pages_environment_add(struct pages_environment *e, const char *settings)
{
	char absolute[2 * PATH_MAX], *list = copy(settings), *save;

	for (char *s = strtok_r(list, ",", &save); s != NULL; s = strtok_r(NULL, ",", &save))
		replace(&e->conf, join(e->conf, ",", pages_settings_absolute(s, absolute, sizeof(absolute))
						     ? absolute : s));
	free(list);
}

static int
set(const char *name, const char *value)
{
	return (value != NULL ? setenv(name, value, 1) : unsetenv(name)) == 0 ? 0 : -errno;
}

int
pages_environment_enter(const struct pages_environment *e)
{
	int err = set("LD_PRELOAD", e->preload);

	return err != 0 ? err : set("PAGES_CONF", e->conf);
}

/* Printing. --------------------------------------------------------------- */

static void
print_for_shell(const char *name, const char *value)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "_./:,=+@%-";

	printf("%s=", name);
	if (value[strspn(value, plain)] == '\0') {
		puts(value);
		return;
	}
	putchar('\'');
	for (; *value != '\0'; value++)
		if (*value == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*value);
	puts("'");
}

static void
print_for_unit(const char *name, const char *value)
{
	printf("Environment=\"%s=", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			putchar('\\');
		if (*value == '%')
			putchar('%');
		putchar(*value);
	}
	puts("\"");
}

void
pages_environment_print(const struct pages_environment *e, bool for_unit)
{
	void (*print)(const char *, const char *) = for_unit ? print_for_unit : print_for_shell;

	if (e->preload != NULL)
		print("LD_PRELOAD", e->preload);
	if (e->conf != NULL)
		print("PAGES_CONF", e->conf);
}
