/* SPDX-License-Identifier: MIT */
/*
 * malloc.c - a table that grows, and what that cost
 */
#include <pages/malloc.h>

#include <stdio.h>

int
main(void)
{
	double *table = NULL;
	size_t count = 0, room = 0;
	struct pages_stats st;

	for (; count < 4 * 1000 * 1000; count++) {
		if (count == room) {
			size_t more = room + 50 * 1000;
			double *p = pages_realloc(table, more * sizeof(*p));

			if (p == NULL) {
				pages_free(table);
				return 1;
			}
			table = p;
			room = more;
		}
		table[count] = (double)count;
	}

	pages_malloc_stats(&st, sizeof(st));
	printf("grown to %zu MiB: %llu times in place, %llu KiB copied\n",
	       pages_usable_size(table) >> 20, (unsigned long long)st.grown_in_place,
	       (unsigned long long)st.copied_bytes >> 10);
	pages_free(table);
	return 0;
}
