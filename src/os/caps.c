/* SPDX-License-Identifier: MIT */
/*
 * caps.c - a probe for each optional kernel feature, and the cache of their results
 */
#include "caps.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "os.h"

#define READ_WRITE (PAGES_OS_READ | PAGES_OS_WRITE)

/* Does the comma-separated list contain name, or "all"? */
static bool
listed(const char *list, const char *name)
{
	size_t len = strlen(name);

	while (list != NULL && *list != '\0') {
		size_t n = strcspn(list, ",");

		if ((n == len && memcmp(list, name, n) == 0) || (n == 3 && memcmp(list, "all", 3) == 0))
			return true;
		list += n + (list[n] == ',');
	}
	return false;
}

/*
 * The probes.  Each gets two fresh read-write pages, which are unmapped afterwards, so it
 * may leave them in any state.  A probe tests the effect where that is cheap to see, because
 * emulators and sandboxes report success for calls that they ignore.  It returns 0, the error of
 * the call that failed, or ABSENT.
 */
#define ABSENT (-EOPNOTSUPP)

static int
shown(bool effect)
{
	return effect ? 0 : ABSENT;
}

/*
 * The moved page must arrive, and its old address must be mapped and zero.  qemu-user leaves
 * a hole at the old address, in which another thread's mmap could land.
 */
static int
probe_move(char *p, size_t page)
{
	int err;

	p[0] = 1;
	err = pages_os_move(p, p + page, page);
	if (err != 0) {
		(void)pages_os_fill(p + page, page, READ_WRITE);
		return err;
	}
	if (pages_os_fill(p, page, READ_WRITE) != -EEXIST || p[0] != 0 || p[page] != 1)
		return ABSENT;
	/* qemu-user takes what pages have left for unmapped: it does not discard what is written there. */
	p[0] = 1;
	return shown(pages_os_discard(p, page) != 0 || *(volatile char *)p == 0);
}

static int
probe_discard(char *p, size_t page)
{
	int err;

	p[0] = 1;
	err = pages_os_discard(p, page);
	return err != 0 ? err : shown(*(volatile char *)p == 0);
}

static int
probe_huge(char *p, size_t page)
{
	return pages_os_advise(p, page, PAGES_OS_HUGE);
}

static int
probe_small(char *p, size_t page)
{
	return pages_os_advise(p, page, PAGES_OS_NO_HUGE);
}

static int
probe_dump(char *p, size_t page)
{
	return pages_os_advise(p, page, PAGES_OS_DONT_DUMP);
}

static int
probe_lazy(char *p, size_t page)
{
	p[0] = 1;
	return pages_os_advise(p, page, PAGES_OS_FREE);
}

/*
 * Tests only whether the kernel accepts the advice, because its effect shows only after a
 * fork.  So nothing may depend on it for correctness.
 */
static int
probe_wipe(char *p, size_t page)
{
	int err = pages_os_advise(p, page, PAGES_OS_WIPE_ON_FORK);

	return err != 0 ? err : pages_os_advise(p, page, PAGES_OS_KEEP_ON_FORK);
}

/*
 * An emulator may report success for any advice that it does not know.  Inaccessible pages
 * cannot be populated for writing, so success there means that the call does nothing.
 */
static int
probe_populate(char *p, size_t page)
{
	int err = pages_os_populate(p, page);

	if (err == 0)
		err = pages_os_protect(p, page, PAGES_OS_NONE);
	return err != 0 ? err : shown(pages_os_populate(p, page) != 0);
}

static int
probe_guard(char *p, size_t page)
{
	int err = pages_os_guard(p, page, true);
	bool guarded = err == 0 && !pages_os_readable(p) && pages_os_readable(p + page);

	if (err == 0)
		err = pages_os_guard(p, page, false);
	return err != 0 ? err : shown(guarded && pages_os_readable(p));
}

/* A sealed mapping could not be unmapped any more, so this seals an empty range. */
static int
probe_seal(char *p, size_t page)
{
	(void)page;
	return pages_os_seal(p, 0);
}

static int
probe_files(char *p, size_t page)
{
	int fd, err = pages_os_file_open(PAGES_OS_FILE_DATA, "probe", page, &fd);

	if (err != 0)
		return err;
	err = pages_os_file_write(fd, 0, p, page);
	if (err == 0)
		err = pages_os_file_seal(fd);
	if (err == 0)
		err = shown(pages_os_file_write(fd, 0, p, page) != 0);
	pages_os_file_close(fd);
	return err;
}

/* Can a memory file of this kind be mapped with these permissions? */
static int
maps(enum pages_os_file kind, size_t page, unsigned prot)
{
	void *view;
	int fd, err = pages_os_file_open(kind, "probe", page, &fd);

	if (err != 0)
		return err;
	err = pages_os_file_map(fd, page, prot, PAGES_OS_SHARED, &view);
	if (err == 0)
		pages_os_release(view, page);
	pages_os_file_close(fd);
	return err;
}

static int
probe_code(char *p, size_t page)
{
	(void)p;
	return maps(PAGES_OS_FILE_CODE, page, PAGES_OS_READ | PAGES_OS_EXEC);
}

static int
probe_secret(char *p, size_t page)
{
	(void)p;
	return maps(PAGES_OS_FILE_SECRET, page, PAGES_OS_READ | PAGES_OS_WRITE);
}

static int
probe_query(char *p, size_t page)
{
	struct pages_os_mapping m;
	int err = pages_os_query(p, &m);

	(void)page;
	return err != 0 ? err : shown(m.start <= p && p < m.start + m.len);
}

static int
probe_scan(char *p, size_t page)
{
	size_t offset = 0, len = 0;
	int err;

	p[page] = 1;
	err = pages_os_scan(p, 2 * page, false, &offset, &len);
	return err != 0 ? err : shown(offset == page && len == page);
}

static int
probe_look(char *p, size_t page)
{
	size_t offset = 0, len = 0;
	char c = 0;
	int err;

	p[page] = 1;
	err = pages_os_scan_mincore(p, 2 * page, &offset, &len);
	if (err == 0)
		err = shown(offset == page && len == page);
	if (err == 0)
		err = pages_os_peek(p + page, &c, 1);
	return err != 0 ? err : shown(c == 1);
}

/* Where this has to hold is not known here. */
static int
probe_hint(char *p, size_t page)
{
	(void)p;
	(void)page;
	return 0;
}

/* What the heap, given such a feature, asks the kernel for, that malloc does not. */
enum beyond { NOTHING, ADVICE, CALLS };

static const struct {
	const char *name;
	int (*probe)(char *two_pages, size_t page);
	enum beyond beyond;
} table[PAGES_CAP_COUNT] = {
	[PAGES_CAP_MOVE] = { "move", probe_move, NOTHING },
	[PAGES_CAP_DISCARD] = { "discard", probe_discard, NOTHING },
	[PAGES_CAP_HUGE] = { "huge", probe_huge, NOTHING },
	[PAGES_CAP_SMALL] = { "small", probe_small, ADVICE },
	[PAGES_CAP_DUMP] = { "dump", probe_dump, ADVICE },
	[PAGES_CAP_LAZY] = { "lazy", probe_lazy, NOTHING },
	[PAGES_CAP_WIPE] = { "wipe", probe_wipe, ADVICE },
	[PAGES_CAP_POPULATE] = { "populate", probe_populate, ADVICE },
	[PAGES_CAP_GUARD] = { "guard", probe_guard, NOTHING },
	[PAGES_CAP_SEAL] = { "seal", probe_seal, NOTHING },
	[PAGES_CAP_FILES] = { "files", probe_files, NOTHING },
	[PAGES_CAP_CODE] = { "code", probe_code, NOTHING },
	[PAGES_CAP_SECRET] = { "secret", probe_secret, NOTHING },
	[PAGES_CAP_QUERY] = { "query", probe_query, NOTHING },
	[PAGES_CAP_SCAN] = { "scan", probe_scan, CALLS },
	[PAGES_CAP_LOOK] = { "look", probe_look, CALLS },
	[PAGES_CAP_HINT] = { "hint", probe_hint, NOTHING },
};

static int
probe(enum pages_cap cap)
{
	int err;
	void *p;

	if (listed(secure_getenv("PAGES_DISABLE"), table[cap].name))
		return ABSENT;
	err = pages_os_map_lazy(2 * pages_os_page_size(), &p);
	if (err != 0)
		return err;
	err = table[cap].probe(p, pages_os_page_size());
	pages_os_release(p, 2 * pages_os_page_size());
	return err;
}

/* Is that the state of the process or the machine, and not what the kernel can do? */
static bool
passes(int err)
{
	return err == -ENOMEM || err == -EAGAIN || err == -EMFILE || err == -ENFILE || err == -EFBIG;
}

enum { UNKNOWN, NO, YES };
static _Atomic unsigned char known[PAGES_CAP_COUNT];

/* A probe that a thread is in the middle of changes nothing. */
void
pages_confine(enum pages_confinement to)
{
	enum beyond from = to == PAGES_CONFINED_CALLS ? CALLS : ADVICE;

	for (unsigned cap = 0; cap < PAGES_CAP_COUNT; cap++)
		if (table[cap].beyond >= from)
			atomic_store_explicit(&known[cap], NO, memory_order_relaxed);
}

int
pages_lacks(enum pages_cap cap)
{
	unsigned char answer = atomic_load_explicit(&known[cap], memory_order_relaxed);

	if (PAGES_UNLIKELY(answer == UNKNOWN)) {
		int err = probe(cap);
		unsigned char found = err == 0 ? YES : NO;

		if (passes(err))
			return err;
		if (atomic_compare_exchange_strong(&known[cap], &answer, found))
			answer = found;
	}
	return answer == YES ? 0 : ABSENT;
}

bool
pages_can(enum pages_cap cap)
{
	return pages_lacks(cap) == 0;
}
