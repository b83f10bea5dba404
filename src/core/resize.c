/* SPDX-License-Identifier: MIT */
/*
 * resize.c - changes the length of a region without copying its contents
 *
 * If the kernel may choose the new address, one mremap does it.  It may not if the region
 * has guards or an alignment.  Then a frame is mapped first: inaccessible address space with
 * the right alignment, and a page on either side for guards.  The last step moves the pages
 * into the frame.  Before it nothing has happened to them, and after it nothing can fail.
 */
#include "region.h"

#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "frame.h"
#include "note.h"

/* Move the pages of a plain region into a new frame, and unmap the old guards. */
static int
reframe(struct pages_region *r, size_t len)
{
	size_t page = pages_os_page_size(), align = pages_max((size_t)1 << r->detail, page);
	char *old = r->base, *base;
	int err = pages_frame_open(len, align, &base);

	if (err != 0)
		return err;
	err = pages_os_resize_to(old, r->len, len, base);
	if (err != 0) {
		pages_frame_abandon(base, len);
		return err;
	}
	/*
	 * The move has unmapped the old address of the pages, where another thread's mmap may
	 * have landed already.  Only the old guards are still ours to unmap.
	 */
	if (r->guarded) {
		pages_os_release(old - page, page);
		pages_os_release(old + r->len, page);
	} else {
		pages_os_release(base - page, page);
		pages_os_release(base + len, page);
	}
	r->base = base;
	r->len = len;
	r->light = false;
	return 0;
}

/* Shrink in place: the first page after the new end becomes the guard. */
static int
shrink_guarded(struct pages_region *r, size_t len)
{
	size_t page = pages_os_page_size();
	char *guard = r->base + len;
	int err = r->light ? pages_os_guard(guard, page, true)
			   : pages_os_protect(guard, page, PAGES_OS_NONE);

	if (err != 0)
		return err;
	pages_os_release(guard + page, r->len - len);
	(void)pages_os_discard(guard, page);
	r->len = len;
	return 0;
}

static int
resize_plain(struct pages_region *r, size_t len)
{
	void *base;
	int err;

	if (r->guarded)
		return len < r->len ? shrink_guarded(r, len) : reframe(r, len);
	if (r->detail != 0) {
		err = pages_os_extend(r->base, r->len, len);
		if (err != 0)
			return reframe(r, len);
		r->len = len;
		return 0;
	}
	err = pages_os_resize(r->base, r->len, len, &base);
	if (err != 0)
		return err;
	r->base = base;
	r->len = len;
	return 0;
}

/* Put reserved address space in place of pages; aborts if that leaves a hole. */
static int
replace(char *from, size_t len)
{
	int err = pages_os_replace(from, len, PAGES_OS_NONE);

	return pages_replaced(err, from, len, "pages_resize");
}

/*
 * Return the end of a region to its reserve: inaccessible, and zero when it is used again.
 * Replacing the mapping would do both, but it would lose the hints that were given, so that
 * is done only where the kernel cannot discard the contents.
 */
static int
unback(struct pages_region *r, char *from, size_t len)
{
	int err;

	if (r->kind != PAGES_RESERVED || !pages_can(PAGES_CAP_DISCARD))
		return replace(from, len);
	err = pages_reprotect(from, len, PAGES_P_RW_, PAGES_OS_NONE);
	if (err != 0 || pages_os_discard(from, len) == 0)
		return err;
	err = replace(from, len);
	if (err != 0)
		(void)pages_os_protect(from, len, PAGES_P_RW_);
	return err;
}

static int
resize_reserved(struct pages_region *r, size_t len)
{
	char *end = r->base + r->len;
	int err;

	if (len > pages_region_room(*r))
		return -ERANGE;
	if (len > r->len)
		err = pages_reprotect(end, len - r->len, PAGES_OS_NONE, PAGES_P_RW_);
	else
		err = unback(r, r->base + len, r->len - len);
	if (err == 0)
		r->len = len;
	return err;
}

/*
 * The file must cover the mapping at all times, or an access would raise SIGBUS: so it grows
 * before the mapping does and shrinks after it.  Each step undoes the one before on failure.
 */
static int
resize_shared(struct pages_region *r, size_t len)
{
	void *base = r->base;
	size_t old = r->len;
	int fd;
	int err = pages_region_file(*r, &fd);

	if (err != 0)
		return err;
	err = len > old ? pages_os_file_resize(fd, len) : 0;
	if (err == 0)
		err = pages_os_resize(r->base, old, len, &base);
	if (err == 0 && len < old) {
		err = pages_os_file_resize(fd, len);
		/*
		 * Grow the mapping back in place.  This fails only if another thread's mmap has
		 * landed behind it within these few instructions.
		 */
		if (err != 0)
			(void)pages_os_extend(base, len, old);
	} else if (err != 0 && len > old) {
		(void)pages_os_file_resize(fd, old);
	}
	if (err != 0)
		return err;
	r->base = base;
	r->len = len;
	return 0;
}

static int
resize(struct pages_region *r, size_t len)
{
	switch (r->kind) {
	case PAGES_PLAIN:
		return resize_plain(r, len);
	case PAGES_RESERVED:
	case PAGES_COPY:
		return resize_reserved(r, len);
	case PAGES_SHARED:
		return resize_shared(r, len);
	case PAGES_FROZEN:
	case PAGES_SECRET:
	case PAGES_POOL:
		break;
	}
	return -EOPNOTSUPP;
}

int
pages_remap_(struct pages_raw_ p, size_t len, const char *call, struct pages_raw_ *ret)
{
	struct pages_region r = pages_region_of(p);
	size_t rounded;
	int err = pages_whole(len, pages_page_size_(p), &rounded);

	pages_note_use(p, call);
	if (err == 0 && rounded != r.len)
		err = r.locked ? -EBUSY : resize(&r, rounded);
	/* Some kernels say -EINVAL to a length beyond the address space. */
	if (err == -EINVAL && len != 0)
		err = -ENOMEM;
	if (err != 0)
		return err;
	*ret = rounded != p.len_ ? pages_raw_new(r) : p;
	pages_note_change(p, *ret, PAGES_NOTE_SAME, call);
	return 0;
}
