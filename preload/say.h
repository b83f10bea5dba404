/* SPDX-License-Identifier: MIT */
/*
 * say.h - messages of the programs on standard error; used by pages-run and pages-stat
 */
#ifndef PAGES_SAY_H
#define PAGES_SAY_H

enum { PAGES_TROUBLE = 125 };	/* exit status for errors of the program itself, as of env(1) */

/* The program's name, which begins each message and stays where it is.  To be called first. */
void pages_say_as(const char *program);

__attribute__((format(printf, 1, 2))) void pages_say(const char *format, ...);

/* Say it and end the program with PAGES_TROUBLE. */
__attribute__((noreturn)) void pages_fail(const char *what, const char *why);

#endif /* PAGES_SAY_H */
