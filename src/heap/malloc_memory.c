/* SPDX-License-Identifier: MIT */
/*
 * malloc_memory.c - <pages/malloc.h>: blocks with flags; prefaulting and advice for blocks
 */
#include <errno.h>

#include "os/base.h"
#include "os/hint.h"
#include "malloc_impl.h"
#include "os/os.h"
#include "os/populate.h"

enum {
	WISHES = PAGES_MALLOC_DEDICATED | PAGES_MALLOC_HUGE | PAGES_MALLOC_NO_HUGE |
		 PAGES_MALLOC_HUGETLB,
	MUSTS = PAGES_MALLOC_DONT_FORK | PAGES_MALLOC_WIPE_ON_FORK | PAGES_MALLOC_DONT_DUMP,
};

static uint32_t
advice_of(unsigned flags)
{
	static const struct {
		unsigned flag;
		uint32_t advice;
	} table[] = {
		{ PAGES_MALLOC_HUGE, PAGES_DEDICATED_ADVICE(PAGES_OS_HUGE) },
		{ PAGES_MALLOC_NO_HUGE, PAGES_DEDICATED_ADVICE(PAGES_OS_NO_HUGE) },
		{ PAGES_MALLOC_HUGETLB, PAGES_DEDICATED_POOL },
		{ PAGES_MALLOC_DONT_FORK, PAGES_DEDICATED_ADVICE(PAGES_OS_DONT_FORK) },
		{ PAGES_MALLOC_WIPE_ON_FORK, PAGES_DEDICATED_ADVICE(PAGES_OS_WIPE_ON_FORK) },
		{ PAGES_MALLOC_DONT_DUMP, PAGES_DEDICATED_ADVICE(PAGES_OS_DONT_DUMP) },
	};
	uint32_t advice = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if ((flags & table[i].flag) != 0)
			advice |= table[i].advice;
	return advice;
}

static bool
is_sensible(size_t alignment, unsigned flags)
{
	unsigned huge = flags & (PAGES_MALLOC_HUGE | PAGES_MALLOC_HUGETLB);

	return (flags & ~(unsigned)(WISHES | MUSTS)) == 0 &&
	       (alignment == 0 || pages_is_pow2(alignment)) &&
	       (huge == 0 || (flags & PAGES_MALLOC_NO_HUGE) == 0);
}

void *
pages_malloc_with(size_t size, size_t alignment, unsigned flags)
{
	struct pages_dedicated how = { advice_of(flags), advice_of(flags & MUSTS) };
	int err;
	void *p;

	if (!is_sensible(alignment, flags)) {
		errno = EINVAL;
		return NULL;
	}
	if (!pages_route_size(1, size, &size))
		return NULL;
	alignment = pages_max(alignment, 1);
	if (flags != 0) {
		err = pages_heap_alloc_dedicated(&pages_malloc_heap, size, alignment, how, &p);
		if (err == 0)
			return p;
		if ((flags & MUSTS) != 0) {
			errno = -err;
			return NULL;
		}
	}
	return alignment == 1 ? pages_malloc(size) : pages_aligned_alloc(alignment, size);
}

static bool
is_within(size_t usable, size_t offset, size_t len)
{
	return offset <= usable && len <= usable - offset;
}

int
pages_malloc_prefault(void *ptr, size_t offset, size_t len)
{
	size_t usable = pages_malloc_usable(ptr, "pages_malloc_prefault");
	size_t page = pages_os_page_size(), lead = (uintptr_t)ptr & (page - 1);
	size_t begin, end;

	if (!is_within(usable, offset, len))
		return -ERANGE;
	if (len == 0)
		return 0;
	/* Round outwards: every page with a byte of the block is mapped and can be written. */
	begin = pages_round_down(lead + offset, page);
	end = pages_round_up(lead + offset + len, page);
	return pages_populate_with_threads((char *)ptr - lead + begin, end - begin);
}

/* Advice that lasts concerns a whole mapping, so only a whole dedicated block can have it. */
static int
advise_mapping(void *ptr, bool whole, enum pages_os_advice advice)
{
	struct pages_heap *h = &pages_malloc_heap;

	if (!whole)
		return -EINVAL;
	if (!pages_heap_owns(h, ptr) || !pages_heap_is_dedicated(h, ptr))
		return -EOPNOTSUPP;
	return pages_heap_advise_dedicated(h, ptr, advice);
}

int
pages_malloc_advise(void *ptr, size_t offset, size_t len, enum pages_hint hint)
{
	const struct pages_hint_meaning *m = pages_hint_meaning(hint);
	size_t usable = pages_malloc_usable(ptr, "pages_malloc_advise");
	size_t page = pages_os_page_size(), lead = (uintptr_t)ptr & (page - 1);
	size_t begin, end;

	if (m == NULL)
		return -EINVAL;
	if (!is_within(usable, offset, len))
		return -ERANGE;
	if (m->mapping)
		return advise_mapping(ptr, offset == 0 && len == usable, m->advice);
	begin = pages_round_up(lead + offset, page);
	end = pages_round_down(lead + offset + len, page);
	if (begin >= end)
		return 0;
	/* The kernel may take these pages until somebody writes to them: nobody is to get them so. */
	if (hint == PAGES_HINT_FREE)
		pages_malloc_mapping_changed((char *)ptr - lead + begin, end - begin);
	return pages_hint_give((char *)ptr - lead + begin, end - begin, m->advice);
}

void
pages_malloc_before_sandbox(void)
{
	pages_heap_confine(&pages_malloc_heap);
}

void
pages_malloc_mapping_changed(const void *start, size_t len)
{
	pages_heap_taint(&pages_malloc_heap, start, len);
}
