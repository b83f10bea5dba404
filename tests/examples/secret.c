/* SPDX-License-Identifier: MIT */
/*
 * secret.c - a key that is in memory once, and accessible only while it is used
 */
#include <pages/pages.h>

#include <stdio.h>
#include <string.h>

enum { KEY = 32 };

static void
say(unsigned got)
{
	static const struct {
		unsigned bit;
		const char *yes, *no;
	} words[] = {
		{ PAGES_SECRET_HIDDEN, "out of the kernel's sight", "ptrace can read it" },
		{ PAGES_SECRET_LOCKED, "never swapped out", "may be swapped out" },
		{ PAGES_SECRET_NOT_DUMPED, "not in core dumps", "in core dumps" },
		{ PAGES_SECRET_NOT_FORKED, "not in children", "copied to children" },
		{ PAGES_SECRET_GUARDED, "between guards", "no guards" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		printf("%s%s", i == 0 ? "the key is: " : "; ",
		       got & words[i].bit ? words[i].yes : words[i].no);
	printf("\n");
}

/* Stands for a cipher: works with the key, which it can only read. */
static unsigned
use(const struct pages_ro *key)
{
	unsigned sum = 0;

	for (size_t i = 0; i < KEY; i++)
		sum += PAGES_AT(unsigned char, key, i);
	return sum;
}

int
main(void)
{
	struct pages_rw w = {0};
	struct pages_none away = {0};
	struct pages_ro key = {0};
	unsigned got, sum;
	int err;

	err = pages_secret_open(&w, KEY, &got);
	if (err != 0) {
		fprintf(stderr, "no pages for a key: %s\n", strerror(-err));
		return 1;
	}
	say(got);
	/* A program may insist on a protection, and refuse to start without. */
	if ((got & PAGES_SECRET_GUARDED) == 0)
		return 1;
	for (size_t i = 0; i < KEY; i++)
		PAGES_AT(unsigned char, &w, i) = (unsigned char)i;

	/* Between uses not even this program can read it. */
	if (pages_to_none(&w, &away) != 0)
		return 1;
	if (pages_to_ro(&away, &key) != 0)
		return 1;
	sum = use(&key);
	printf("used while read-only: %s\n", sum == KEY * (KEY - 1) / 2 ? "intact" : "spoiled");

	pages_close(&key);		/* clears it */
	return sum == KEY * (KEY - 1) / 2 ? 0 : 1;
}
