/* SPDX-License-Identifier: MIT */
/*
 * clone.c - several versions of a large table, for the price of what differs
 */
#include <pages/pages.h>

#include <stdio.h>
#include <string.h>

enum { CLONES = 4, LEN = 64 << 20 };

/* KiB of anonymous memory that this process has: what clones have dirtied counts. */
static size_t
anonymous_kib(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	size_t kib = 0;

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "RssAnon: %zu", &kib) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kib;
}

/* A table that nothing can change any more.  Opened as shared it need not be copied. */
static int
make_table(struct pages_frozen *table, bool *copies)
{
	struct pages_options o = { .len = LEN, .shared = true, .label = "table" };
	struct pages_rw w = {0};
	int err = pages_open_with(&w, &o);

	*copies = err == -EOPNOTSUPP;	/* no memory files: clones will be copies */
	if (*copies)
		err = pages_open(&w, LEN);
	if (err != 0)
		return err;
	for (size_t i = 0; i < LEN / sizeof(long); i++)
		PAGES_AT(long, &w, i) = (long)i;
	err = pages_freeze(&w, table);
	if (err != 0)
		pages_close(&w);
	return err;
}

int
main(void)
{
	struct pages_frozen table = {0};
	struct pages_rw clones[CLONES] = {{{0}}};
	size_t before, page, written = 0, dirtied;
	bool copies;
	int err = make_table(&table, &copies);

	if (err != 0) {
		fprintf(stderr, "no table: %s\n", strerror(-err));
		return 1;
	}
	page = pages_page_size(&table);
	before = anonymous_kib();
	for (size_t c = 0; c < CLONES; c++) {
		err = pages_clone(&table, &clones[c]);
		if (err != 0) {
			fprintf(stderr, "no clone: %s\n", strerror(-err));
			return 1;
		}
		/* The first clone differs in 10 pages, the second one in 20 ... */
		for (size_t i = 0; i < 10 * (c + 1); i++, written++)
			*((char *)pages_write(&clones[c]) + i * page) = (char)(c + 1);
	}
	dirtied = anonymous_kib() - before;
	printf("%d clones of %d MiB, %zu pages of %zu KiB written: %zu KiB more\n", CLONES,
	       LEN >> 20, written, page >> 10, dirtied);
	/* Other memory of the process may count a little; a single copy is far more. */
	if (!copies && dirtied > (written * page + LEN / 4) >> 10)
		return 1;

	pages_close(&table);		/* clones outlive their origin */
	for (size_t c = 0; c < CLONES; c++) {
		if (PAGES_AT(char, &clones[c], 0) != (char)(c + 1) ||
		    PAGES_AT(long, &clones[c], LEN / sizeof(long) - 1) !=
			    (long)(LEN / sizeof(long) - 1))
			return 1;
		pages_close(&clones[c]);
	}
	return 0;
}
