/* SPDX-License-Identifier: MIT */
/*
 * pages.c - the page core: what stands behind the macros of pages.h
 *
 * The header has already checked that handles are live; lengths and offsets
 * that come from the caller are checked here.
 */
#define PAGES_ENABLE_EXEC
#include <pages/pages.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "caps.h"
#include "os.h"

/* The header's permission bits are handed through. */
static_assert((int)PAGES_P_NONE_ == (int)PAGES_OS_NONE, "none");
static_assert((int)PAGES_P_RO_ == (int)PAGES_OS_READ, "ro");
static_assert((int)PAGES_P_RW_ == (int)(PAGES_OS_READ | PAGES_OS_WRITE), "rw");
static_assert((int)PAGES_P_RX_ == (int)(PAGES_OS_READ | PAGES_OS_EXEC), "rx");

/* Asking for the facts reads a file: ask once.  Racing callers find the same. */
static size_t
page_size(void)
{
	static _Atomic size_t known;
	size_t page = atomic_load_explicit(&known, memory_order_relaxed);

	if (PAGES_UNLIKELY(page == 0)) {
		struct pages_os_facts facts;

		pages_os_facts(&facts);
		page = facts.page_size;
		atomic_store_explicit(&known, page, memory_order_relaxed);
	}
	return page;
}

static int
whole_pages(size_t len, size_t *ret)
{
	if (len == 0)
		return -EINVAL;
	/* More than pointers can be subtracted over; also keeps rounding from wrapping. */
	if (len > pages_round_down(PTRDIFF_MAX, page_size()))
		return -ENOMEM;
	*ret = pages_round_up(len, page_size());
	return 0;
}

/* Written so that offset + len cannot wrap. */
static bool
within(struct pages_raw_ p, size_t offset, size_t len)
{
	return offset <= p.len_ && len <= p.len_ - offset;
}

int
pages_map_(size_t len, struct pages_raw_ *ret)
{
	size_t rounded;
	void *base;
	int err = whole_pages(len, &rounded);

	if (err == 0)
		err = pages_os_map(rounded, PAGES_OS_READ | PAGES_OS_WRITE, &base);
	if (err == 0)
		*ret = (struct pages_raw_){ .base_ = base, .len_ = rounded };
	return err;
}

void
pages_unmap_(struct pages_raw_ p)
{
	pages_os_release(p.base_, p.len_);
}

/*
 * The header has no type for writable and executable pages.  This refuses those
 * who go round it, so that the library cannot be used to make them.
 */
int
pages_protect_(struct pages_raw_ p, unsigned prot)
{
	int err;

	if ((prot & PAGES_OS_WRITE) != 0 && (prot & PAGES_OS_EXEC) != 0)
		return -EPERM;
	err = pages_os_protect(p.base_, p.len_, prot);
	/*
	 * After the change, not before: cache maintenance by address needs read
	 * permission, which a struct pages_none does not have.
	 */
	if (err == 0 && (prot & PAGES_OS_EXEC) != 0)
		__builtin___clear_cache(p.base_, (char *)p.base_ + p.len_);
	return err;
}

int
pages_remap_(struct pages_raw_ p, size_t len, struct pages_raw_ *ret)
{
	size_t rounded;
	void *base = p.base_;
	int err = whole_pages(len, &rounded);

	if (err == 0 && rounded != p.len_) {
		err = pages_os_resize(p.base_, p.len_, rounded, &base);
		/* Some kernels' answer to a length beyond the address space. */
		if (err == -EINVAL)
			err = -ENOMEM;
	}
	if (err == 0)
		*ret = (struct pages_raw_){ .base_ = base, .len_ = rounded, .info_ = p.info_ };
	return err;
}

int
pages_discard_(struct pages_raw_ p, size_t offset, size_t len)
{
	size_t begin, end;

	if (!within(p, offset, len))
		return -ERANGE;
	begin = pages_round_up(offset, page_size());
	end = pages_round_down(offset + len, page_size());
	if (begin >= end)
		return 0;
	if (pages_caps().discard)
		return pages_os_discard((char *)p.base_ + begin, end - begin);
	/* Zero is promised, memory back is only hoped for. */
	memset((char *)p.base_ + begin, 0, end - begin);
	return 0;
}

/*
 * A write that changes nothing, even if another thread writes the same byte.
 * Compare-and-swap, because clang turns an atomic "add 0" into a load.
 */
static void
touch(unsigned char *p)
{
	unsigned char old = __atomic_load_n(p, __ATOMIC_RELAXED);

	/* If it fails somebody else has written: the page is there. */
	(void)__atomic_compare_exchange_n(p, &old, old, false, __ATOMIC_RELAXED,
					  __ATOMIC_RELAXED);
}

int
pages_populate_(struct pages_raw_ p, size_t offset, size_t len)
{
	size_t begin, end;

	if (!within(p, offset, len))
		return -ERANGE;
	if (len == 0)
		return 0;
	begin = pages_round_down(offset, page_size());
	end = pages_round_up(offset + len, page_size());
	if (pages_caps().populate)
		return pages_os_populate((char *)p.base_ + begin, end - begin);
	for (; begin < end; begin += page_size())
		touch((unsigned char *)p.base_ + begin);
	return 0;
}

/*
 * Last words.  The caller's idea of what it owns is wrong, so nothing is tidied
 * up: a core dump shows the state that led here.
 */
void
pages_die_empty_(const char *call)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "pages: %s: empty handle "
			 "(not opened, closed, or moved by a transition)\n", call);

	pages_os_complain(line, pages_min((size_t)n, sizeof(line) - 1));
	abort();
}

void
pages_die_range_(const char *call, size_t i, size_t count)
{
	char line[128];
	int n = snprintf(line, sizeof(line), "pages: %s: %zu is out of range, there are %zu\n",
			 call, i, count);

	pages_os_complain(line, pages_min((size_t)n, sizeof(line) - 1));
	abort();
}
