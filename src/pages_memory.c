/* SPDX-License-Identifier: MIT */
/*
 * pages_memory.c - the memory behind a region: given back, made present, hinted at
 */
#include "region.h"

#include <string.h>

#include "base.h"
#include "caps.h"
#include "note.h"

size_t
pages_page_size_(struct pages_raw_ p)
{
	struct pages_region r = pages_region_of(p);

	if (r.base == NULL)
		return 0;
	return r.kind == PAGES_POOL ? (size_t)1 << r.detail : pages_os_page_size();
}

/* Have the range read as zero and hold no memory; -EOPNOTSUPP if that cannot be had. */
static int
discard(struct pages_region r, char *start, size_t len)
{
	int err;

	if (r.locked)		/* the memory has to stay */
		return -EOPNOTSUPP;
	switch (r.kind) {
	case PAGES_COPY:	/* what lies beneath is the file, not zeroes */
		err = pages_os_renew(start, len);
		return err != 0 && pages_os_heal(start, len) == 0 ? 0 : err;
	case PAGES_SHARED:
		return pages_os_file_discard(start, len);
	case PAGES_SECRET:
		return -EOPNOTSUPP;
	default:
		return pages_can(PAGES_CAP_DISCARD) ? pages_os_discard(start, len) : -EOPNOTSUPP;
	}
}

int
pages_discard_(struct pages_raw_ p, size_t offset, size_t len)
{
	struct pages_region r = pages_region_of(p);
	size_t page = pages_page_size_(p), begin, end;
	int err;

	if (!pages_within(p, offset, len))
		return -ERANGE;
	begin = pages_round_up(offset, page);
	end = pages_round_down(offset + len, page);
	if (begin >= end)
		return 0;
	err = discard(r, r.base + begin, end - begin);
	/* Zero is promised, memory back is only hoped for. */
	if (err == -EOPNOTSUPP || (err == -EINVAL && r.kind == PAGES_POOL)) {
		memset(r.base + begin, 0, end - begin);
		err = 0;
	}
	return err;
}

/*
 * A write that changes nothing, even if another thread writes the same byte.
 * Compare-and-swap, because clang turns an atomic "add 0" into a load.
 */
static void
touch(char *p)
{
	char old = __atomic_load_n(p, __ATOMIC_RELAXED);

	/* If it fails somebody else has written: the page is there. */
	(void)__atomic_compare_exchange_n(p, &old, old, false, __ATOMIC_RELAXED,
					  __ATOMIC_RELAXED);
}

int
pages_populate_(struct pages_raw_ p, size_t offset, size_t len)
{
	struct pages_region r = pages_region_of(p);
	size_t page = pages_os_page_size(), begin, end;

	if (!pages_within(p, offset, len))
		return -ERANGE;
	if (len == 0)
		return 0;
	begin = pages_round_down(offset, page);
	end = pages_round_up(offset + len, page);
	/* Secret pages are none that the kernel could fault in by itself. */
	if (pages_can(PAGES_CAP_POPULATE) && r.kind != PAGES_SECRET)
		return pages_os_populate(r.base + begin, end - begin);
	for (; begin < end; begin += page)
		touch(r.base + begin);
	return 0;
}

/*
 * An attribute of mappings is given to all of the region, guards and reserve too:
 * else it would fall into pieces, which mremap refuses to move.
 */
static const struct {
	enum pages_os_advice advice;
	bool mapping;
	bool changes_contents;
} hints[] = {
	[PAGES_HINT_NORMAL] = { PAGES_OS_NORMAL, true, false },
	[PAGES_HINT_SEQUENTIAL] = { PAGES_OS_SEQUENTIAL, true, false },
	[PAGES_HINT_RANDOM] = { PAGES_OS_RANDOM, true, false },
	[PAGES_HINT_WILL_NEED] = { PAGES_OS_WILL_NEED, false, false },
	[PAGES_HINT_COLD] = { PAGES_OS_COLD, false, false },
	[PAGES_HINT_PAGE_OUT] = { PAGES_OS_PAGE_OUT, false, false },
	[PAGES_HINT_FREE] = { PAGES_OS_FREE, false, true },
	[PAGES_HINT_HUGE] = { PAGES_OS_HUGE, true, false },
	[PAGES_HINT_NO_HUGE] = { PAGES_OS_NO_HUGE, true, false },
	[PAGES_HINT_COLLAPSE] = { PAGES_OS_COLLAPSE, false, false },
	[PAGES_HINT_DONT_FORK] = { PAGES_OS_DONT_FORK, true, false },
	[PAGES_HINT_DO_FORK] = { PAGES_OS_DO_FORK, true, false },
	[PAGES_HINT_WIPE_ON_FORK] = { PAGES_OS_WIPE_ON_FORK, true, true },
	[PAGES_HINT_KEEP_ON_FORK] = { PAGES_OS_KEEP_ON_FORK, true, false },
	[PAGES_HINT_DONT_DUMP] = { PAGES_OS_DONT_DUMP, true, false },
	[PAGES_HINT_DO_DUMP] = { PAGES_OS_DO_DUMP, true, false },
	[PAGES_HINT_MERGEABLE] = { PAGES_OS_MERGEABLE, true, false },
	[PAGES_HINT_UNMERGEABLE] = { PAGES_OS_UNMERGEABLE, true, false },
};

int
pages_advise_(struct pages_raw_ p, enum pages_hint hint, unsigned prot)
{
	struct pages_region r = pages_region_of(p);
	bool huge = hint == PAGES_HINT_HUGE || hint == PAGES_HINT_NO_HUGE;
	int err;

	if ((size_t)hint >= sizeof(hints) / sizeof(hints[0]))
		return -EINVAL;
	if (hints[hint].changes_contents && (prot & PAGES_OS_WRITE) == 0)
		return -EACCES;
	if (huge && !pages_can(PAGES_CAP_HUGE))
		return -EOPNOTSUPP;
	if (hints[hint].mapping)
		err = pages_os_advise(pages_region_start(r), pages_region_span(r),
				      hints[hint].advice);
	else
		err = pages_os_advise(r.base, r.len, hints[hint].advice);
	return err == -EINVAL || err == -ENOSYS ? -EOPNOTSUPP : err;
}

int
pages_lock_(struct pages_raw_ p, size_t on, const char *call, struct pages_raw_ *ret)
{
	struct pages_region r = pages_region_of(p);
	int err;

	(void)call;
	/* The kernel locks secrets by itself and forgets it when told to unlock them. */
	if (r.kind == PAGES_SECRET)
		return -EOPNOTSUPP;
	err = pages_os_lock(r.base, r.len, on);
	if (err != 0) {
		(void)pages_os_lock(r.base, r.len, r.locked);
		return err;
	}
	r.locked = on;
	*ret = pages_raw_of(r);
	return 0;
}

int
pages_place_(struct pages_raw_ p, enum pages_numa numa, uint64_t nodes)
{
	static const enum pages_os_place how[] = {
		[PAGES_NUMA_DEFAULT] = PAGES_OS_ANYWHERE,
		[PAGES_NUMA_PREFER] = PAGES_OS_PREFER,
		[PAGES_NUMA_BIND] = PAGES_OS_BIND,
		[PAGES_NUMA_INTERLEAVE] = PAGES_OS_INTERLEAVE,
	};
	struct pages_region r = pages_region_of(p);
	int err;

	if ((size_t)numa >= sizeof(how) / sizeof(how[0]))
		return -EINVAL;
	if ((numa == PAGES_NUMA_DEFAULT) != (nodes == 0))
		return -EINVAL;
	err = pages_os_place(pages_region_start(r), pages_region_span(r), how[numa], nodes);
	return err == -ENOSYS ? -EOPNOTSUPP : err;
}

/* Checked here, because the kernel's answer is the same as if it had no names at all. */
bool
pages_is_label(const char *s)
{
	size_t n = 0;

	for (; s[n] != '\0' && n < PAGES_LABEL_SIZE; n++)
		if (s[n] < ' ' || s[n] > '~' || strchr("\\`$[]", s[n]) != NULL)
			return false;
	return n < PAGES_LABEL_SIZE;
}

int
pages_label_(struct pages_raw_ p, const char *label)
{
	struct pages_region r = pages_region_of(p);
	int err;

	if (label != NULL && !pages_is_label(label))
		return -EINVAL;
	err = pages_os_label(pages_region_start(r), pages_region_span(r), label);
	if (err == -EINVAL || err == -EBADF)
		err = -EOPNOTSUPP;
	/* Explanations have it even where the kernel has no names. */
	if (err == 0 || err == -EOPNOTSUPP)
		pages_note_label(p, label);
	return err;
}
