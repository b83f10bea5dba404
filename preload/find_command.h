/* SPDX-License-Identifier: MIT */
/*
 * find_command.h - searches PATH for a command; used by pages-run only
 */
#ifndef PAGES_FIND_COMMAND_H
#define PAGES_FIND_COMMAND_H

#include <stddef.h>

/*
 * Find a command as execvp(3) does.  Returns 0 and its path, which contains a slash;
 * -ENOENT if there is none; -EACCES if the file cannot be executed.
 */
int pages_find_command(const char *name, char *ret, size_t size);

#endif /* PAGES_FIND_COMMAND_H */
