/* SPDX-License-Identifier: MIT */
/*
 * file.c - a file edited in memory, read on demand, and never written to
 */
#include <pages/pages.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const char line[] = "the quick brown fox jumps over the lazy dog\n";
enum { LINES = 100 * 1000, LEN = LINES * (sizeof(line) - 1) };

/* A file to begin with. */
static FILE *
write_lines(void)
{
	FILE *f = tmpfile();

	for (int i = 0; f != NULL && i < LINES; i++)
		fputs(line, f);
	if (f != NULL && fflush(f) == 0 && !ferror(f))
		return f;
	return NULL;
}

int
main(void)
{
	struct pages_options o = {
		.len = LEN,			/* bytes of the file */
		.reserve = 2 * (size_t)LEN,	/* room to write more behind them */
		.label = "text",
	};
	struct pages_rw text = {0};
	char first[sizeof(line)];
	FILE *f = write_lines();
	int err;

	if (f == NULL) {
		perror("temporary file");
		return 77;
	}
	err = pages_open_file(&text, &o, fileno(f), 0);
	if (err != 0) {
		fprintf(stderr, "not opened: %s\n", strerror(-err));
		return 1;
	}
	printf("%zu KiB opened\n", pages_len(&text) >> 10);

	/* The last page goes on behind the end of the file, as zeroes. */
	if (PAGES_AT(char, &text, LEN - 1) != '\n' ||
	    (LEN < pages_len(&text) && PAGES_AT(char, &text, LEN) != 0))
		return 1;

	/* Copied are the pages that are changed: one here, and the new ones. */
	for (size_t i = 0; i < sizeof(line) - 1; i++)
		PAGES_AT(char, &text, i) = (char)toupper(PAGES_AT(char, &text, i));
	if (pages_resize(&text, LEN + sizeof(line)) != 0)
		return 1;
	memcpy((char *)pages_write(&text) + LEN, line, sizeof(line));
	printf("ours begins:     %.*s", (int)sizeof(line) - 1, (char *)pages_write(&text));

	rewind(f);
	if (fgets(first, sizeof(first), f) == NULL)
		return 1;
	printf("the file begins: %s", first);
	if (strcmp(first, line) != 0 || memcmp(pages_read(&text), "THE QUICK", 9) != 0)
		return 1;
	fclose(f);			/* the pages do not need it */
	if (memcmp((const char *)pages_read(&text) + LEN - 4, "dog\nthe quick", 13) != 0)
		return 1;
	pages_close(&text);
	return 0;
}
