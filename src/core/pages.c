/* SPDX-License-Identifier: MIT */
/*
 * pages.c - the page core: open, close, change permissions, seal; fatal messages
 *
 * A region is a range of pages; a handle (struct pages_rw and so on) owns one.  The inline
 * functions of <pages/typed.h> have already checked that a handle is not empty.  Lengths
 * that come from the caller are checked here.
 */
#define PAGES_ENABLE_WX
#include "region.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "note.h"

/* The permission bits of typed.h are passed to os.h as they are. */
static_assert((int)PAGES_P_NONE_ == (int)PAGES_OS_NONE, "none");
static_assert((int)PAGES_P_RO_ == (int)PAGES_OS_READ, "ro");
static_assert((int)PAGES_P_RW_ == (int)(PAGES_OS_READ | PAGES_OS_WRITE), "rw");
static_assert((int)PAGES_P_RX_ == (int)(PAGES_OS_READ | PAGES_OS_EXEC), "rx");

PAGES_HOT int
pages_whole(size_t len, size_t page, size_t *ret)
{
	if (len == 0)
		return -EINVAL;
	/* Pointers into a longer range cannot be subtracted, and rounding up could overflow. */
	if (len > pages_round_down(PTRDIFF_MAX, page))
		return -ENOMEM;
	*ret = pages_round_up(len, page);
	return 0;
}

/* mprotect may fail half-way, if the range is several VMAs: the second call undoes that. */
int
pages_reprotect(char *p, size_t len, unsigned old, unsigned now)
{
	int err = pages_os_protect(p, len, now);

	if (err != 0)
		(void)pages_os_protect(p, len, old);
	return err;
}

PAGES_HOT int
pages_map_(size_t len, const char *call, struct pages_raw_ *ret)
{
	size_t page = pages_os_page_size(), rounded;
	void *base;
	int err = pages_whole(len, page, &rounded);

	if (err == 0)
		err = pages_os_map(rounded, page, 0, PAGES_P_RW_, &base);
	if (err != 0)
		return err;
	*ret = pages_raw_new((struct pages_region){ .base = base, .len = rounded });
	pages_note_open(*ret, PAGES_P_RW_, NULL, call);
	return 0;
}

/*
 * Clear a secret, whatever its permissions are now.  False, and nothing is touched, if
 * another process opened it.
 */
static bool
wipe(struct pages_region r)
{
	if (r.detail != pages_secret_detail())
		return false;
	if (pages_os_protect(r.base, r.len, PAGES_P_RW_) == 0)
		explicit_bzero(r.base, r.len);
	return true;
}

PAGES_HOT void
pages_unmap_(struct pages_raw_ p, const char *call)
{
	struct pages_region r = pages_region_of(p);
	int fd;

	pages_note_close(p, call);
	/*
	 * A forked child does not have the secrets of its parent.  Something else may be mapped
	 * at their address by now, so do not unmap it.
	 */
	if (r.kind == PAGES_SECRET && !wipe(r))
		return;
	pages_os_release(pages_region_start(r), pages_region_span(r));
	if ((r.kind == PAGES_SHARED || r.kind == PAGES_FROZEN) && pages_region_file(r, &fd) == 0)
		pages_os_file_close(fd);
}

/*
 * from_to is the old permissions, shifted left by PAGES_P_BITS_, and the new ones.
 *
 * Most programs have no type for pages that are writable and executable.  A program that
 * goes round the header gets -EPERM here, so the library cannot be abused to make such pages.
 */
int
pages_protect_(struct pages_raw_ p, size_t from_to, const char *call, struct pages_raw_ *ret)
{
	struct pages_region r = pages_region_of(p);
	unsigned old = (unsigned)from_to >> PAGES_P_BITS_;
	unsigned prot = (unsigned)from_to & ((1 << PAGES_P_BITS_) - 1);
	int err;

	if ((prot & PAGES_OS_WRITE) != 0 && (prot & PAGES_OS_EXEC) != 0 && !ALLOW_WX)
		return -EPERM;
	pages_note_use(p, call);
	/* Light guards fault whatever their permissions; changing them avoids a VMA split. */
	if (r.light)
		err = pages_reprotect(pages_region_start(r), pages_region_span(r), old, prot);
	else
		err = pages_reprotect(r.base, r.len, old, prot);
	if (err != 0)
		return err;
	/*
	 * Bring the instruction cache up to date, after the change, because that needs read
	 * permission for the addresses, which the pages may not have had before.
	 */
	if ((prot & PAGES_OS_EXEC) != 0)
		__builtin___clear_cache(r.base, r.base + r.len);
	*ret = p;
	pages_note_change(p, p, prot, call);
	return 0;
}

int
pages_seal_(struct pages_raw_ p, size_t zero, const char *call, struct pages_raw_ *ret)
{
	struct pages_region r = pages_region_of(p);
	int err;

	(void)zero;
	if (!pages_can(PAGES_CAP_SEAL))
		return -EOPNOTSUPP;
	pages_note_use(p, call);
	err = pages_os_seal(pages_region_start(r), pages_region_span(r));
	if (err != 0)
		return err;
	*ret = p;
	pages_note_change(p, p, PAGES_P_RO_, call);
	return 0;
}

/*
 * Fatal errors: one line on standard error, then abort().  The program's idea of what it
 * owns is wrong, so nothing is cleaned up, and a core dump shows the state that led here.
 */
void
pages_die_empty_(const char *call)
{
	pages_die_of(call, "empty handle", "not opened, closed, or moved by a transition");
}

void
pages_die_range_(const char *call, size_t i, size_t count)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "pages: %s: %zu is out of range, there are %zu\n",
			 call, i, count);

	pages_os_complain(line, pages_min((size_t)n, sizeof(line) - 1));
	abort();
}

/* Filling tells whether there is a hole: it succeeds only if nothing is mapped there. */
int
pages_replaced(int err, void *p, size_t len, const char *call)
{
	char line[512];
	int n;

	if (err != -ENOTRECOVERABLE)
		return err;
	if (pages_os_fill(p, len, PAGES_OS_READ | PAGES_OS_WRITE) == -EEXIST)
		return -ENOMEM;
	n = snprintf(line, sizeof(line), "pages: %s: the kernel is out of memory and has lost the "
		     "pages\n", call);
	pages_os_complain(line, pages_min((size_t)n, sizeof(line) - 1));
	abort();
}
