/* SPDX-License-Identifier: MIT */
/*
 * memory.c - a buffer that grows without being copied, and what is in memory
 */
#include <pages/pages.h>

#include <stdio.h>
#include <string.h>

#define MIB(n) ((size_t)(n) << 20)

/* How much of the buffer is in memory now? */
static size_t
resident(const struct pages_rw *p)
{
	size_t total = 0;

	for (struct pages_range r = {0}; pages_resident(p, &r) == 0 && r.len != 0;)
		total += r.len;
	return total;
}

static void
show(const char *what, const struct pages_rw *p)
{
	printf("%-28s %3zu MiB long, %3zu MiB in memory\n", what, pages_len(p) >> 20,
	       resident(p) >> 20);
}

int
main(void)
{
	struct pages_rw buf = {0};
	int err;

	err = pages_open(&buf, MIB(1));
	if (err != 0) {
		fprintf(stderr, "no pages: %s\n", strerror(-err));
		return 1;
	}
	memset(pages_write(&buf), 'a', MIB(1));
	show("opened and written", &buf);

	/* The address may change, the pages stay: take pages_write() anew. */
	if (pages_resize(&buf, MIB(64)) != 0)
		return 1;
	if (PAGES_AT(char, &buf, MIB(1) - 1) != 'a' || PAGES_AT(char, &buf, MIB(1)) != 0)
		return 1;
	show("grown", &buf);

	/* Now, rather than page by page at the first touch, or not at all. */
	if (pages_prefault(&buf, 0, MIB(16)) != 0)
		return 1;
	show("prefaulted to 16 MiB", &buf);
	if (resident(&buf) < MIB(16))
		return 1;

	/* The contents are gone, the address space stays. */
	if (pages_decommit(&buf, MIB(0), MIB(12)) != 0 || PAGES_AT(char, &buf, 0) != 0)
		return 1;
	show("decommitted up to 12 MiB", &buf);

	/* A hint may be refused without harm; only the reason is of interest. */
	err = pages_advise(&buf, PAGES_HINT_COLD);
	printf("%-28s %s\n", "not needed soon",
	       err == 0 ? "applied" : err == -EOPNOTSUPP ? "unsupported" : strerror(-err));

	/* A refused call leaves everything as it was. */
	err = pages_resize(&buf, SIZE_MAX / 4);
	printf("%-28s %s\n", "grown beyond all memory", strerror(-err));
	if (err != -ENOMEM || pages_len(&buf) != MIB(64))
		return 1;
	pages_close(&buf);
	return 0;
}
