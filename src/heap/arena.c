/* SPDX-License-Identifier: MIT */
/*
 * arena.c - reserves, commits and renews the heap's address space; maps its side tables
 */
#include "arena.h"

#include <errno.h>

#include "os/base.h"
#include "os/caps.h"
#include "os/os.h"

/* Committing costs two or three system calls, so it is done in steps that grow with the heap. */
#define COMMIT_STEP PAGES_MIB(64)

int
pages_arena_open(struct pages_arena *a, size_t len, size_t page_size, bool huge)
{
	void *p;
	char *base;
	int err;

	assert(len % PAGES_UNIT == 0 && PAGES_UNIT % page_size == 0);
	err = pages_os_reserve(len + PAGES_UNIT, PAGES_UNIT, &p);
	if (err != 0)
		return err;

	base = (char *)p + PAGES_UNIT;
	pages_os_release(p, PAGES_UNIT - page_size);
	(void)pages_os_protect(base - page_size, page_size, PAGES_OS_READ);
	(void)pages_os_advise(base - page_size, len + page_size, PAGES_OS_DONT_DUMP);
	*a = (struct pages_arena){
		.base = base,
		.len = len,
		.page_size = page_size,
		.page_shift = pages_log2(page_size),
		.huge = huge,
	};
	/* Advise the whole reservation now: a sandbox that is entered later may forbid it. */
	if (pages_can(PAGES_CAP_HUGE))
		(void)pages_os_advise(base, len, huge ? PAGES_OS_HUGE : PAGES_OS_NO_HUGE);
	return 0;
}

void
pages_arena_close(struct pages_arena *a)
{
	pages_os_release(a->base - a->page_size, a->len + a->page_size);
	*a = (struct pages_arena){ 0 };
}

static int
commit_to(struct pages_arena *a, size_t end)
{
	char *p = a->base + a->committed;
	size_t len = end - a->committed;
	int err = pages_os_protect(p, len, PAGES_OS_READ | PAGES_OS_WRITE);

	if (err != 0)
		return err;
	(void)pages_os_advise(p, len, PAGES_OS_DO_DUMP);
	a->committed = end;
	return 0;
}

int
pages_arena_commit(struct pages_arena *a, size_t end)
{
	size_t step = pages_max(COMMIT_STEP, pages_round_down(a->committed / 4, PAGES_UNIT));
	size_t exact = pages_round_up(end, PAGES_UNIT);

	assert(end <= a->len);
	if (end <= a->committed)
		return 0;
	/* Under RLIMIT_DATA the kernel may refuse the generous step and grant the exact one. */
	if (commit_to(a, pages_min(pages_max(exact, a->committed + step), a->len)) == 0)
		return 0;
	return commit_to(a, exact);
}

int
pages_arena_discard(struct pages_arena *a, size_t start, size_t len)
{
	if (pages_can(PAGES_CAP_DISCARD) && pages_os_discard(a->base + start, len) == 0)
		return 0;
	/* This kernel's discard does not zero, or the program has locked the range. */
	return pages_arena_renew(a, start, len);
}

void
pages_arena_adopt(const struct pages_arena *a, size_t start, size_t len)
{
	if (pages_can(PAGES_CAP_HUGE))
		(void)pages_os_advise(a->base + start, len,
				      a->huge ? PAGES_OS_HUGE : PAGES_OS_NO_HUGE);
}

int
pages_arena_heal(const struct pages_arena *a, size_t start, size_t len)
{
	int err = pages_os_fill(a->base + start, len, PAGES_OS_READ | PAGES_OS_WRITE);

	if (err == 0) {
		pages_arena_adopt(a, start, len);
	} else if (err != -EEXIST) {
		/* Else a later mmap of the program could land among our blocks. */
		(void)pages_os_fill(a->base + start, len, PAGES_OS_NONE);
		err = -EFAULT;
	}
	return err;
}

int
pages_arena_renew(struct pages_arena *a, size_t start, size_t len)
{
	int healed, err = pages_os_renew(a->base + start, len);

	if (err == 0) {
		pages_arena_adopt(a, start, len);
		return 0;
	}
	healed = pages_arena_heal(a, start, len);
	return healed == -EEXIST ? err : healed;
}

int
pages_arena_table(size_t len, void **ret)
{
	int err = pages_os_map_lazy(len, ret);

	if (err != 0)
		return err;
	/* Side tables are written sparsely: huge pages would waste most of their memory. */
	if (pages_can(PAGES_CAP_HUGE))
		(void)pages_os_advise(*ret, len, PAGES_OS_NO_HUGE);
	(void)pages_os_advise(*ret, len, PAGES_OS_DONT_DUMP);
	return 0;
}
