/* SPDX-License-Identifier: MIT */
/*
 * flags.h - what the kernel was told about mappings, as /proc/self/smaps shows it
 */
#ifndef PAGES_TESTS_FLAGS_H
#define PAGES_TESTS_FLAGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* How many bytes of [start, start + len) lie in mappings with one of the flags? */
static inline size_t
flagged(const char *start, size_t len, const char *const *flags)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	uintptr_t from = (uintptr_t)start, to = from + len;
	unsigned long a, b, here = 0;
	char line[512];
	size_t sum = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%lx-%lx ", &a, &b) == 2) {
			a = a > from ? a : from;
			b = b < to ? b : to;
			here = a < b ? b - a : 0;
		} else if (here != 0 && strncmp(line, "VmFlags:", 8) == 0) {
			bool found = false;

			for (const char *const *k = flags; *k != NULL; k++)
				found = found || strstr(line, *k) != NULL;
			sum += found ? here : 0;
		}
	if (f != NULL)
		fclose(f);
	return sum;
}

#endif /* PAGES_TESTS_FLAGS_H */
