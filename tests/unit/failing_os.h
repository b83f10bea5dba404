/* SPDX-License-Identifier: MIT */
/*
 * failing_os.h - an operating system that says no when it is told to; for tests only
 *
 * Every function of src/os.h that can fail is wrapped by the linker (--wrap, see
 * Makefile.am): calls from above it come here first.  A function that os.h has and
 * failing_os.c has not does not link.
 */
#ifndef PAGES_TESTS_FAILING_OS_H
#define PAGES_TESTS_FAILING_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum failing_mode {
	FAILING_ONCE,		/* the n-th call from now on fails and has no effect */
	FAILING_FOR_GOOD,	/* so do all that follow, undoing among them */
	/*
	 * Only calls count that os.h allows to leave something behind when they fail.
	 * The n-th does the worst of that, and fails.
	 */
	FAILING_WITH_DAMAGE,
	/* Only pages_os_resize_to() counts.  The n-th call and all that follow fail without effect. */
	FAILING_RESIZE_TO,
	FAILING_MODES
};

void failing_arm(enum failing_mode mode, unsigned n, int error);

/* From now on one call in k fails, at random, every second with damage if it can. */
void failing_arm_random(uint64_t seed, unsigned k, int error);

/*
 * From now on, when a failure leaves a hole, another thread's mapping comes to lie in it
 * at once, full of 'x': the last of them.
 */
void failing_take_holes(void);
size_t failing_taken(const char **ret);

/* No more failures.  The function that failed last, NULL if none was reached. */
const char *failing_disarm(void);

/* How many calls have failed since it was armed. */
unsigned failing_count(void);

#endif /* PAGES_TESTS_FAILING_OS_H */
