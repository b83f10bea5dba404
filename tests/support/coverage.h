/* SPDX-License-Identifier: MIT */
/*
 * coverage.h - processes that end in a hurry write down what ran in them
 *
 * Included in front of every source where configure was given --enable-coverage, because
 * the counters are otherwise only written by exit().  Sources have names of their own for
 * what <unistd.h> declares, so it is not included here.
 */
#ifndef PAGES_TESTS_COVERAGE_H
#define PAGES_TESTS_COVERAGE_H

#include <stdlib.h>

#ifdef __cplusplus
extern "C" {
#endif
void __gcov_dump(void);
__attribute__((noreturn, weak, visibility("hidden"))) void coverage_exit(int status);

void
coverage_exit(int status)
{
	__gcov_dump();
	_Exit(status);
}
#ifdef __cplusplus
}
#endif

#define _exit coverage_exit
#define abort() (__gcov_dump(), abort())	/* a macro is not expanded in itself */

#endif /* PAGES_TESTS_COVERAGE_H */
