/* SPDX-License-Identifier: MIT */
/*
 * region.h - decodes a handle into a region; for the files of the page core only
 *
 * A handle is an address, a length, a serial number and a word of information (info_).  The word
 * says of which kind the region is, and so what lies around its pages and what backs them:
 *
 *	PLAIN     [guard][ base, len                ][guard]
 *	RESERVED  [guard][ base, len ][ inaccessible ][guard]
 *	COPY             [ base, len ][ inaccessible ]  private pages of a file (copy-on-write),
 *						and zeroed memory where they were decommitted
 *	SHARED           [ base, len                ]  all of a memory file
 *	FROZEN    [guard][ base, len                ][guard]  the same, sealed
 *	SECRET    [guard][ base, len                ][guard]
 *	POOL             [ base, len                ]  from the hugetlb pool
 *
 * The guards exist only if the region is guarded.  They are inaccessible mappings of their
 * own, or, if they are light, marks in the page tables within the mapping of the pages.
 */
#ifndef PAGES_REGION_H
#define PAGES_REGION_H

#include <pages/pages.h>

#include "os/base.h"
#include "os/os.h"
#include "forks.h"
#include "serial.h"

enum pages_kind {
	PAGES_PLAIN,		/* detail: log2 of the alignment; 0 if that is a page */
	PAGES_RESERVED,		/* detail: the reserve, in pages, with those in use */
	PAGES_COPY,		/* detail: as for RESERVED */
	PAGES_SHARED,		/* detail: file descriptor and fingerprint of the file, see below */
	PAGES_FROZEN,		/* detail: as for SHARED */
	PAGES_SECRET,		/* detail: which process opened it, see below */
	PAGES_POOL,		/* detail: log2 of the page size */
};

struct pages_region {
	char *base;
	size_t len;		/* bytes that are in use; whole pages */
	enum pages_kind kind;
	bool guarded;
	bool light;		/* the guards are marks, not mappings */
	bool locked;		/* by pages_lock() */
	size_t detail;
	uintptr_t serial;	/* of the handle, see serial.h */
};

/* The layout of info_: kind in 4 bits, three flags, and detail from bit 8 on. */
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
		.serial = p.serial_,
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
		.serial_ = r.serial,
	};
}

/* The handle of a region that was opened just now, or has got another address range. */
static inline struct pages_raw_
pages_raw_new(struct pages_region r)
{
	r.serial = pages_serial_new();
	return pages_raw_of(r);
}

/* The bytes between the guards: the pages and the rest of the reserve. */
static inline size_t
pages_region_room(struct pages_region r)
{
	bool reserved = r.kind == PAGES_RESERVED || r.kind == PAGES_COPY;

	return reserved ? r.detail * pages_os_page_size() : r.len;
}

/* The address range that the region owns, with guards and reserve: its start and length. */
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

/* Change the permissions of a range from old to now; on failure they are restored to old. */
int pages_reprotect(char *p, size_t len, unsigned old, unsigned now);

/*
 * Round len up to whole pages of the given size.  -EINVAL for 0, -ENOMEM for a length that
 * no region can have.
 */
int pages_whole(size_t len, size_t page, size_t *ret);

/*
 * Handle the result of a function of os.h that maps something in place of the pages of a
 * handle.  -ENOTRECOVERABLE becomes -ENOMEM if something is still mapped at p.  If there is a
 * hole instead, aborts: the handle's owner would take any mapping that lands there for its
 * pages.  (If another thread has already filled the hole, this cannot be noticed.)
 */
int pages_replaced(int err, void *p, size_t len, const char *call);

/*
 * Copy whole pages into a file of zeroes.  Zero pages are skipped, so they use no memory there.
 * On failure a part may have been written.
 */
int pages_copy_to_file(int fd, const char *p, size_t len);

/* Does the kernel accept s as the name of a mapping? */
bool pages_is_label(const char *s);

/*
 * The detail of shared and frozen pages: the descriptor, and above it a fingerprint of the
 * file (24 bits; 4 bits in a 32-bit process), to notice that the descriptor was closed and
 * reused.  A 32-bit process has at most 2^20 descriptors.
 */
enum { PAGES_FD_BITS = sizeof(size_t) > 4 ? 32 : 20 };

static inline size_t
pages_file_detail(int fd)
{
	size_t print = (size_t)(pages_hash_64(pages_os_file_id(fd)) >> 40);

	return ((size_t)fd | print << PAGES_FD_BITS) & SIZE_MAX >> PAGES_INFO_SHIFT;
}

/*
 * The descriptor of the file behind shared or frozen pages.  -EBADF if the program has
 * closed it, whether or not the number is in use for another file by now.
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

/* The detail of secrets that this process opens; the fork of a process opens other ones. */
static inline size_t
pages_secret_detail(void)
{
	return pages_forks_birth() & SIZE_MAX >> PAGES_INFO_SHIFT;
}

/* Is [offset, offset + len) within p?  Safe against overflow. */
static inline bool
pages_within(struct pages_raw_ p, size_t offset, size_t len)
{
	return offset <= p.len_ && len <= p.len_ - offset;
}

#endif /* PAGES_REGION_H */
