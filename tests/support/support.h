/* SPDX-License-Identifier: MIT */
/*
 * support.h - what several test programs need; includes nothing of ours
 */
#ifndef PAGES_TESTS_SUPPORT_H
#define PAGES_TESTS_SUPPORT_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/*
 * A Criterion test between setup() and teardown().  They are not the .init and .fini of
 * its suite: Criterion does not count what fails in the latter.
 */
#define TEST_WITH_FIXTURE(suite, name) \
	static void name(void);        \
	Test(suite, name)              \
	{                              \
		setup();               \
		name();                \
		teardown();            \
	}                              \
	static void name(void)

#define KIB(n) ((size_t)(n) << 10)
#define MIB(n) ((size_t)(n) << 20)

/* A number from /proc/self/NAME, in bytes. */
static inline size_t
proc_bytes(const char *name, const char *field)
{
	char path[64], line[256];
	size_t kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtoul(line + strlen(field) + 1, NULL, 10);
	if (f != NULL)
		fclose(f);
	return KIB(kib);
}

/* xorshift64*: the same sequence for the same seed, everywhere. */
static inline uint64_t
random_next(uint64_t *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717u;
}

/* A size that is as often small as large: uniform in its logarithm. */
static inline size_t
random_size(uint64_t *state, size_t min, size_t max)
{
	size_t top = min << (random_next(state) % (uint64_t)(64 - __builtin_clzll(max / min)));
	size_t n = top + random_next(state) % top;

	return n < max ? n : max;
}

/*
 * Mark a block as its owner's: a word in each page, that says where it is, and
 * the last bytes.  Cheap enough for gigabytes, and misplaced pages do not escape.
 */
static inline void
mark(char *p, size_t len, uint64_t owner)
{
	for (size_t i = 0; i + sizeof(uint64_t) <= len; i += 4096) {
		uint64_t word = owner * 0x9e3779b97f4a7c15u + i;

		memcpy(p + i, &word, sizeof(word));
	}
	p[len - 1] = (char)owner;
}

/* Are the first len bytes of what was marked with a length of marked still so? */
static inline bool
is_marked(const char *p, size_t len, size_t marked, uint64_t owner)
{
	for (size_t i = 0; i + sizeof(uint64_t) <= len; i += 4096) {
		uint64_t word, want = owner * 0x9e3779b97f4a7c15u + i;

		memcpy(&word, p + i, sizeof(word));
		if (word != want && !(i + 8 > marked - 1 && i <= marked - 1))
			return false;
	}
	return len < marked || p[marked - 1] == (char)owner;
}

static inline bool
is_zero(const char *p, size_t len)
{
	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* Is a kernel feature switched off for this run?  See src/caps.h. */
static inline bool
disabled(const char *feature)
{
	const char *off = getenv("PAGES_DISABLE");
	size_t len = strlen(feature);

	if (off == NULL)
		return false;
	for (const char *p = off; (p = strstr(p, feature)) != NULL; p += len)
		if ((p == off || p[-1] == ',') && (p[len] == '\0' || p[len] == ','))
			return true;
	return strcmp(off, "all") == 0;
}

/* vm.overcommit_memory=2, where there is no arena: all of it would be charged. */
static inline bool
strict_overcommit(void)
{
	FILE *f = fopen("/proc/sys/vm/overcommit_memory", "r");
	int mode = f != NULL ? fgetc(f) : '0';

	if (f != NULL)
		fclose(f);
	return mode == '2';
}
#define SKIP_WITHOUT_A_HEAP()                                                      \
	do {                                                                       \
		if (strict_overcommit())                                           \
			cr_skip_test("no heap with vm.overcommit_memory=2");       \
	} while (0)

/* Where all is reserved at once, releasing cuts off what lies behind the last unit. */
#define SKIP_IF_RESERVED(heap)                                                     \
	do {                                                                       \
		if ((heap).arena.reserved)                                         \
			cr_skip_test("released address space is gone for good here"); \
	} while (0)

/* The address sanitizer's mlock says yes and does nothing, wherever it points. */
static inline bool
locks_are_real(void)
{
	size_t len = (size_t)sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	munmap(p, len);
	return mlock(p, len) != 0;
}

/*
 * Mappings of this process that overlap [start, start + len).  Without stdio, whose
 * own memory might come to lie just there.
 */
static inline size_t
count_mappings(const void *start, size_t len)
{
	static char text[1 << 22];
	unsigned long a, b, from = (unsigned long)start, to = from + len;
	int fd = open("/proc/self/maps", O_RDONLY);
	size_t have = 0, n = 0;
	ssize_t got;

	while (fd >= 0 && (got = read(fd, text + have, sizeof(text) - 1 - have)) > 0)
		have += (size_t)got;
	text[have] = '\0';
	if (fd >= 0)
		close(fd);
	for (char *line = text; line != NULL && *line != '\0'; ) {
		a = strtoul(line, &line, 16);
		b = strtoul(line + (*line == '-'), &line, 16);
		n += a < to && b > from;
		line = strchr(line, '\n');
		line = line != NULL ? line + 1 : NULL;
	}
	return n;
}

#endif /* PAGES_TESTS_SUPPORT_H */
