/* SPDX-License-Identifier: MIT */
/*
 * resize.c - what malloc cannot say: a scratch buffer that is never copied, a
 * table that is there before it is used, and keys that no core file ever sees
 */
#include <pages/malloc.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

/* Room for len bytes in *buf; what was there may be lost, so it is not carried along. */
static int
make_room(char **buf, size_t len)
{
	char *p;

	if (*buf != NULL && pages_try_expand(*buf, len))
		return 0;
	p = pages_resize_discard(*buf, len);
	if (p == NULL)
		return -1;	/* *buf is as it was */
	*buf = p;
	return 0;
}

static int
scratch(void)
{
	struct pages_stats st;
	char *buf = NULL;

	for (size_t len = 1 * MIB; len <= 64 * MIB; len *= 2) {
		if (make_room(&buf, len) != 0) {
			pages_free(buf);
			return -1;
		}
		memset(buf, 1, len);
	}
	pages_malloc_stats(&st, sizeof(st));
	printf("scratch: %zu MiB, %llu bytes copied\n", pages_usable_size(buf) / MIB,
	       (unsigned long long)st.copied_bytes);
	pages_free(buf);
	return 0;
}

/* Lookups are spread thin: small pages, and all of them here before the first request. */
static int
table(void)
{
	size_t len = 64 * MIB;
	char *p = pages_malloc_with(len, 0, PAGES_MALLOC_NO_HUGE);
	int err;

	if (p == NULL)
		return -1;
	err = pages_malloc_prefault(p, 0, len);
	printf("table: %s\n", err == 0 ? "present" : strerror(-err));
	/* The second half is looked up rarely. */
	err = pages_malloc_advise(p, len / 2, len / 2, PAGES_HINT_COLD);
	printf("table: half of it %s\n", err == 0 ? "cold" : strerror(-err));
	pages_free(p);
	return 0;
}

static int
keys(void)
{
	char *p = pages_malloc_with(4096, 0, PAGES_MALLOC_DONT_DUMP | PAGES_MALLOC_WIPE_ON_FORK);

	if (p == NULL) {
		/* A promise that cannot be kept here is not made. */
		printf("keys: %s\n", strerror(errno));
		return errno == EOPNOTSUPP ? 0 : -1;
	}
	strcpy(p, "secret");
	printf("keys: in no core file, in no child\n");
	pages_free(p);
	return 0;
}

int
main(void)
{
	return scratch() == 0 && table() == 0 && keys() == 0 ? 0 : 1;
}
