/* SPDX-License-Identifier: MIT */
/*
 * region.h - what a handle's info_ word means; for the page core's own files
 *
 * Kinds differ in what lies around and behind the pages:
 *
 *	PLAIN     [guard][ base, len                ][guard]
 *	RESERVED  [guard][ base, len ][ inaccessible ][guard]
 *	COPY              the same, but pages of a file, privately, or what replaced them
 *	SHARED           [ base, len                ]  all of a memory file
 *	FROZEN    [guard][ base, len                ][guard]  the same, sealed
 *	SECRET    [guard][ base, len                ][guard]
 *	POOL             [ base, len                ]
 *
 * Guards are there where the region is guarded.  They are inaccessible mappings of
 * their own, or, while light, marks within the mapping of the pages.
 */
#ifndef PAGES_REGION_H
#define PAGES_REGION_H

#include <pages/pages.h>

#include "os/base.h"
#include "os/os.h"

enum pages_kind {
	PAGES_PLAIN,		/* detail: log2 of the alignment, if above a page's */
	PAGES_RESERVED,		/* detail: pages that may become accessible, all in all */
	PAGES_COPY,		/* the same */
	PAGES_SHARED,		/* detail: file descriptor, and from bit 32 on its fingerprint */
	PAGES_FROZEN,		/* the same */
	PAGES_SECRET,		/* detail: the process that opened it */
	PAGES_POOL,		/* detail: log2 of the page size */
};

struct pages_region {
	char *base;
	size_t len;
	enum pages_kind kind;
	bool guarded;
	bool light;
	bool locked;
	size_t detail;
};

/* The word: kind in 4 bits, three flags, and detail from bit 8 on. */
enum {
	PAGES_INFO_KIND = 0xf,
	PAGES_INFO_GUARDED = 1 << 4,
	PAGES_INFO_LIGHT = 1 << 5,
	PAGES_INFO_LOCKED = 1 << 6,
	PAGES_INFO_SHIFT = 8,
};

static inline struct pages_region
pages_region_of(struct pages_raw_ p)
{
	return (struct pages_region){
		.base = (char *)p.base_,
		.len = p.len_,
		.kind = (enum pages_kind)(p.info_ & PAGES_INFO_KIND),
		.guarded = p.info_ & PAGES_INFO_GUARDED,
		.light = p.info_ & PAGES_INFO_LIGHT,
		.locked = p.info_ & PAGES_INFO_LOCKED,
		.detail = p.info_ >> PAGES_INFO_SHIFT,
	};
}

static inline struct pages_raw_
pages_raw_of(struct pages_region r)
{
	return (struct pages_raw_){
		.base_ = r.base,
		.len_ = r.len,
		.info_ = (uintptr_t)r.kind | (r.guarded ? PAGES_INFO_GUARDED : 0) |
			 (r.light ? PAGES_INFO_LIGHT : 0) | (r.locked ? PAGES_INFO_LOCKED : 0) |
			 (uintptr_t)r.detail << PAGES_INFO_SHIFT,
	};
}

/* How many bytes lie between the guards, accessible or not. */
static inline size_t
pages_region_room(struct pages_region r)
{
	bool reserved = r.kind == PAGES_RESERVED || r.kind == PAGES_COPY;

	return reserved ? r.detail * pages_os_page_size() : r.len;
}

/* All that is the region's: with the guards, and with what is inaccessible. */
static inline char *
pages_region_start(struct pages_region r)
{
	return r.base - (r.guarded ? pages_os_page_size() : 0);
}

static inline size_t
pages_region_span(struct pages_region r)
{
	return pages_region_room(r) + (r.guarded ? 2 * pages_os_page_size() : 0);
}

/* Change the permissions of all of a range; on failure they are as they were. */
int pages_reprotect(char *p, size_t len, unsigned old, unsigned now);

/* len, which is not 0, rounded up to whole pages of the given size, or -errno. */
int pages_whole(size_t len, size_t page, size_t *ret);

/*
 * The answer of a function of os.h that puts something else in place of pages of a handle.
 * Ends the process if that has left a hole: the handle's owner would take whatever comes
 * to lie there for its pages.  (Where somebody was so quick to fill it, nobody can tell.)
 */
int pages_replaced(int err, void *p, size_t len, const char *call);

/* Is it what the kernel takes for the name of a mapping? */
bool pages_is_label(const char *s);

/*
 * What detail is for a file: as much of its identity as there is room for over the
 * descriptor, of which 32-bit processes have 2^20 at most.
 */
enum { PAGES_FD_BITS = sizeof(size_t) > 4 ? 32 : 20 };

static inline size_t
pages_file_detail(int fd)
{
	size_t print = (size_t)(pages_hash_64(pages_os_file_id(fd)) >> 40);

	return ((size_t)fd | print << PAGES_FD_BITS) & SIZE_MAX >> PAGES_INFO_SHIFT;
}

/*
 * The file behind shared or frozen pages; -EBADF if the program has closed the
 * descriptor, which may be another file's by now.
 */
static inline int
pages_region_file(struct pages_region r, int *ret)
{
	int fd = (int)(r.detail & (((uint64_t)1 << PAGES_FD_BITS) - 1));

	if (pages_file_detail(fd) != r.detail)
		return -EBADF;
	*ret = fd;
	return 0;
}

/* Is [offset, offset + len) in p?  Cannot wrap. */
static inline bool
pages_within(struct pages_raw_ p, size_t offset, size_t len)
{
	return offset <= p.len_ && len <= p.len_ - offset;
}

#endif /* PAGES_REGION_H */
