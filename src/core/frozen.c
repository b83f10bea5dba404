/* SPDX-License-Identifier: MIT */
/*
 * frozen.c - copy-on-write: frozen pages, their clones, and pages of files
 *
 * Frozen pages are a private read-only mapping of a memory file that is sealed against
 * writes (F_SEAL_WRITE).  A clone is a private writable mapping of the same file: the kernel
 * copies a page at the first store to it.  Where memory files are forbidden, freezing only
 * makes the pages read-only, and a clone is a full copy.
 */
#include "region.h"

#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "frame.h"
#include "note.h"

/* Create a sealed memory file with the contents of r; the caller owns the descriptor. */
static int
sealed_copy(struct pages_region r, int *ret)
{
	int fd;
	int err = pages_os_file_open(PAGES_OS_FILE_DATA, "pages frozen", r.len, &fd);

	if (err != 0)
		return err;
	err = pages_copy_to_file(fd, r.base, r.len);
	if (err == 0)
		err = pages_os_file_seal(fd);
	if (err != 0) {
		pages_os_file_close(fd);
		return err;
	}
	*ret = fd;
	return 0;
}

/* Map the file in place of the region's pages.  Ends the process if that leaves a hole. */
static int
map_over(const struct pages_region *r, int fd, unsigned prot, enum pages_os_sharing sharing)
{
	int err = pages_os_file_map_at(r->base, fd, 0, r->len, prot, sharing);

	return pages_replaced(err, r->base, r->len, "pages_freeze");
}

/*
 * Freeze the memory file that shared pages have already, without a copy.  The kernel seals a
 * file only while no writable shared mapping of it exists, so the pages are mapped private
 * and read-only first.  If the seal is refused, because another process has the file mapped,
 * the shared mapping is put back.
 */
static int
freeze_shared(struct pages_region *r, unsigned prot)
{
	int fd;
	int err = pages_region_file(*r, &fd);

	if (err == 0)
		err = map_over(r, fd, PAGES_P_RO_, PAGES_OS_PRIVATE);
	if (err != 0)
		return err;
	err = pages_os_file_seal(fd);
	if (err == 0)
		r->kind = PAGES_FROZEN;
	else
		(void)map_over(r, fd, prot, PAGES_OS_SHARED);
	return err;
}

/* Copy the pages into a sealed file, and map that in their place. */
static int
freeze_copied(struct pages_region *r)
{
	struct pages_region frozen = *r;
	size_t guard = r->guarded ? pages_os_page_size() : 0, beyond;
	int fd;
	int err = sealed_copy(*r, &fd);

	if (err != 0)
		return err;
	err = map_over(r, fd, PAGES_P_RO_, PAGES_OS_PRIVATE);
	if (err != 0) {
		pages_os_file_close(fd);
		return err;
	}
	/*
	 * Frozen pages cannot grow, so unmap the reserve.  A guarded region keeps the first page
	 * of it as its guard; the old guard is at the end of what is unmapped.
	 */
	beyond = pages_region_room(*r) - r->len;
	pages_os_release(r->base + r->len + guard, beyond);
	frozen.kind = PAGES_FROZEN;
	frozen.detail = pages_file_detail(fd);
	*r = frozen;
	return 0;
}

static int
freeze(struct pages_region *r, unsigned prot)
{
	int err = -EFBIG;

	if (r->locked || r->kind == PAGES_SECRET || r->kind == PAGES_POOL)
		return -EOPNOTSUPP;
	if (r->kind == PAGES_SHARED)
		return freeze_shared(r, prot);
	if (pages_can(PAGES_CAP_FILES))
		err = freeze_copied(r);
	/* A limit on the length of files forbids a file of this length. */
	if (err != -EFBIG)
		return err;
	return pages_reprotect(r->base, r->len, prot, PAGES_P_RO_);
}

int
pages_freeze_(struct pages_raw_ p, size_t prot, const char *call, struct pages_raw_ *ret)
{
	struct pages_region r = pages_region_of(p);
	int err;

	pages_note_use(p, call);
	err = freeze(&r, (unsigned)prot);
	if (err != 0)
		return err;
	*ret = pages_raw_new(r);
	pages_note_change(p, *ret, PAGES_P_RO_, call);
	return 0;
}

/*
 * Map a part of a file, private and writable, at the start of a reservation of reserve
 * bytes, into which it can grow.
 */
static int
map_copy(int fd, uint64_t offset, size_t len, size_t reserve, struct pages_region *ret)
{
	size_t page = pages_os_page_size(), span;
	struct pages_region r = { .len = len, .kind = PAGES_COPY, .detail = reserve / page };
	void *start;
	int err;

	/* A frame, but without a commit charge for the reserve. */
	if (__builtin_add_overflow(reserve, 2 * page, &span))
		return -ENOMEM;
	err = pages_os_reserve(span, page, &start);
	if (err != 0)
		return err;
	pages_frame_mark(start, span, true);
	r.base = (char *)start + page;
	err = pages_os_file_map_at(r.base, fd, offset, len, PAGES_P_RW_, PAGES_OS_PRIVATE);
	if (err == -ENOTRECOVERABLE) {
		/* The page behind the copy is the reserve's first, or the frame's. */
		pages_frame_abandon(r.base, len);
		pages_os_release(r.base + len + page, reserve - len);
		return -ENOMEM;
	}
	if (err != 0) {
		pages_os_release(start, span);
		return err;
	}
	pages_os_release(r.base - page, page);
	pages_os_release(r.base + reserve, page);
	if (reserve != len)
		pages_frame_mark(r.base + len, reserve - len, false);
	*ret = r;
	return 0;
}

/*
 * Compute the length and the reserve of a clone or of pages of a file, in whole pages.
 * -EINVAL for options that these cannot have: they take len, reserve and label only.
 */
static int
settle(const struct pages_options *o, size_t *len, size_t *reserve)
{
	size_t page = pages_os_page_size();
	int err = pages_whole(o->len, page, len);

	if (err != 0)
		return err;
	if (o->label != NULL && !pages_is_label(o->label))
		return -EINVAL;
	if (o->align != 0 || o->huge != PAGES_HUGE_DEFAULT || o->guards || o->shared)
		return -EINVAL;
	if (o->target != 0 || o->within != 0)
		return -EINVAL;
	*reserve = *len;
	if (o->reserve != 0)
		err = pages_whole(o->reserve, page, reserve);
	return err == 0 && *reserve < *len ? -EINVAL : err;
}

/*
 * Clone pages that are frozen without a file by copying them.  Zero pages are not copied, so
 * they use no memory in the clone.
 */
static int
map_duplicate(struct pages_region frozen, size_t len, size_t reserve, struct pages_region *ret)
{
	size_t page = pages_os_page_size();
	struct pages_region r = { .len = len, .kind = PAGES_RESERVED, .detail = reserve / page };
	void *base;
	int err = pages_os_reserve(reserve, page, &base);

	if (err != 0)
		return err;
	r.base = base;
	err = pages_os_protect(base, len, PAGES_P_RW_);
	if (err != 0) {
		pages_os_release(base, reserve);
		return err;
	}
	for (size_t at = 0; at < len; at += page)
		if (!pages_is_zero(frozen.base + at, page))
			memcpy(r.base + at, frozen.base + at, page);
	*ret = r;
	return 0;
}

/* What clones and pages of files have in common at the end: label, result, note. */
static int
finish(int err, struct pages_region r, const struct pages_options *o, const char *call,
       struct pages_raw_ *ret)
{
	if (err != 0)
		return err;
	if (o->label != NULL)
		(void)pages_os_label(r.base, pages_region_room(r), o->label);
	*ret = pages_raw_new(r);
	pages_note_open(*ret, PAGES_P_RW_, o->label, call);
	return 0;
}

int
pages_map_clone_(struct pages_raw_ p, const struct pages_options *options, const char *call,
		 struct pages_raw_ *ret)
{
	struct pages_region frozen = pages_region_of(p), r = { .base = NULL };
	struct pages_options o = { .len = 0 };
	size_t len, reserve;
	int fd, err;

	if (options != NULL)
		o = *options;
	if (o.len == 0)
		o.len = frozen.len;
	err = settle(&o, &len, &reserve);
	if (err == 0 && len > frozen.len)
		err = -EINVAL;
	if (err != 0)
		return err;
	if (frozen.kind != PAGES_FROZEN)
		err = map_duplicate(frozen, len, reserve, &r);
	else if ((err = pages_region_file(frozen, &fd)) == 0)
		err = map_copy(fd, 0, len, reserve, &r);
	return finish(err, r, &o, call, ret);
}

int
pages_map_file_(const struct pages_options *options, int fd, uint64_t offset, const char *call,
		struct pages_raw_ *ret)
{
	struct pages_region r = { .base = NULL };
	size_t len, reserve;
	uint64_t there, end;
	int err = settle(options, &len, &reserve);

	if (err == 0 && offset % pages_os_page_size() != 0)
		err = -EINVAL;
	if (err != 0)
		return err;
	/* A device has no length to check against; mmap decides whether the part exists. */
	err = pages_os_file_len(fd, &there);
	if (err == 0 && (__builtin_add_overflow(offset, options->len, &end) || end > there))
		return -ERANGE;
	if (err != 0 && err != -ENODEV)
		return err;
	err = map_copy(fd, offset, len, reserve, &r);
	/* The last page may contain more of the file; the rest of the page shall be zero. */
	if (err == 0 && options->len < len)
		memset(r.base + options->len, 0, len - options->len);
	return finish(err, r, options, call, ret);
}
