/* SPDX-License-Identifier: MIT */
/*
 * open.c - pages_open_with(): alignment, reserve, guards, huge pages, shared pages
 */
#include "region.h"

#include <string.h>

#include "os/base.h"
#include "os/caps.h"
#include "near.h"
#include "note.h"

/* The kernel uses a transparent huge page only for an aligned 2 MiB of a mapping. */
#define HUGE_ALIGN PAGES_MIB(2)
enum { LOG2_2M = 21, LOG2_1G = 30 };

static bool
is_huge(enum pages_huge huge)
{
	return huge == PAGES_HUGE_DEFAULT || (huge >= PAGES_HUGE_NEVER && huge <= PAGES_HUGE_1G);
}

static bool
wants_pool(const struct pages_options *o)
{
	return o->huge == PAGES_HUGE_2M || o->huge == PAGES_HUGE_1G;
}

/* Check the options and fill in defaults: lengths in whole pages, align at least a page. */
static int
settle(const struct pages_options *o, struct pages_options *ret)
{
	size_t page = pages_os_page_size();
	struct pages_options s = *o;
	int err = pages_whole(o->len, page, &s.len);

	if (err == 0 && o->reserve != 0)
		err = pages_whole(o->reserve, page, &s.reserve);
	if (err != 0)
		return err;
	if ((o->align != 0 && !pages_is_pow2(o->align)) || !is_huge(o->huge))
		return -EINVAL;
	if (o->reserve != 0 && s.reserve < s.len)
		return -EINVAL;
	if (wants_pool(o) + o->shared + (o->reserve != 0 || o->within != 0) > 1)
		return -EINVAL;
	if (o->target != 0 && o->within == 0)
		return -EINVAL;
	if ((o->guards && (wants_pool(o) || o->shared)) || (o->align != 0 && o->shared))
		return -EINVAL;
	if (o->label != NULL && !pages_is_label(o->label))
		return -EINVAL;
	/* Pages with a reserve stay where they are. */
	if (o->within != 0)
		s.reserve = pages_max(s.reserve, s.len);
	s.align = pages_max(o->align, page);
	if (o->huge == PAGES_HUGE_TRANSPARENT || wants_pool(o))
		s.align = pages_max(s.align, HUGE_ALIGN);
	*ret = s;
	return 0;
}

/*
 * Map len bytes of inaccessible address space, and a page on either side if guards are asked
 * for.  Not pages_os_reserve(): what becomes accessible later is to be charged as memory.
 */
static int
reserve(size_t len, const struct pages_options *o, char **ret)
{
	struct pages_near want = {
		.align = o->align,
		.lead = o->guards ? pages_os_page_size() : 0,
		.target = o->target,
		.within = o->within,
	};
	size_t lead = want.lead;
	void *start;
	int err;

	if (__builtin_add_overflow(len, 2 * lead, &want.len))
		return -ENOMEM;
	if (o->within != 0)
		err = pages_map_near(&want, PAGES_OS_NONE, &start);
	else
		err = pages_os_map(want.len, o->align, lead, PAGES_OS_NONE, &start);
	if (err == 0)
		*ret = (char *)start + lead;
	return err;
}

static int
map_reserved(const struct pages_options *o, struct pages_region *ret)
{
	struct pages_region r = {
		.len = o->len,
		.kind = PAGES_RESERVED,
		.guarded = o->guards,
		.detail = o->reserve / pages_os_page_size(),
	};
	int err = reserve(o->reserve, o, &r.base);

	if (err != 0)
		return err;
	err = pages_os_protect(r.base, r.len, PAGES_P_RW_);
	if (err != 0) {
		pages_os_release(pages_region_start(r), pages_region_span(r));
		return err;
	}
	*ret = r;
	return 0;
}

/*
 * Make the pages before and after r guards.  Light guards are marks in the page tables and
 * leave the region one VMA; else the guards are made inaccessible, which costs two more VMAs.
 */
static int
put_guards(struct pages_region *r)
{
	size_t page = pages_os_page_size();
	char *before = r->base - page, *behind = r->base + r->len;
	int err;

	r->light = pages_can(PAGES_CAP_GUARD) && pages_os_guard(before, page, true) == 0 &&
		   pages_os_guard(behind, page, true) == 0;
	if (r->light)
		return 0;
	err = pages_os_protect(before, page, PAGES_OS_NONE);
	return err != 0 ? err : pages_os_protect(behind, page, PAGES_OS_NONE);
}

static int
map_plain(const struct pages_options *o, struct pages_region *ret)
{
	size_t page = pages_os_page_size(), lead = o->guards ? page : 0, span;
	struct pages_region r = {
		.len = o->len,
		.kind = PAGES_PLAIN,
		.guarded = o->guards,
		.detail = o->align > page ? pages_log2(o->align) : 0,
	};
	void *start;
	int err;

	if (__builtin_add_overflow(o->len, 2 * lead, &span))
		return -ENOMEM;
	err = pages_os_map(span, o->align, lead, PAGES_P_RW_, &start);
	if (err != 0)
		return err;
	r.base = (char *)start + lead;
	err = o->guards ? put_guards(&r) : 0;
	if (err != 0) {
		pages_os_release(start, span);
		return err;
	}
	*ret = r;
	return 0;
}

/* A shared mapping of a memory file.  The handle keeps the descriptor, for pages_freeze(). */
static int
map_shared(const struct pages_options *o, struct pages_region *ret)
{
	struct pages_region r = { .len = o->len, .kind = PAGES_SHARED };
	void *base;
	int fd, err = pages_lacks(PAGES_CAP_FILES);

	if (err != 0)
		return err;
	err = pages_os_file_open(PAGES_OS_FILE_DATA, o->label ? o->label : "pages", o->len, &fd);
	if (err != 0)
		return err;
	err = pages_os_file_map(fd, r.len, PAGES_P_RW_, PAGES_OS_SHARED, &base);
	if (err != 0) {
		pages_os_file_close(fd);
		return err;
	}
	r.base = base;
	r.detail = pages_file_detail(fd);
	*ret = r;
	return 0;
}

/*
 * Map pages of the hugetlb pool.  If it has too few, fall back to transparent huge pages, as
 * if the caller had asked for those.
 */
static int
map_pool(const struct pages_options *o, struct pages_region *ret)
{
	unsigned log2 = o->huge == PAGES_HUGE_1G ? LOG2_1G : LOG2_2M;
	struct pages_region r = { .kind = PAGES_POOL, .detail = log2 };
	size_t page = (size_t)1 << log2;
	void *base;

	if (o->align > page || pages_whole(o->len, page, &r.len) != 0 ||
	    pages_os_map_pool(r.len, log2, &base) != 0)
		return map_plain(o, ret);
	r.base = base;
	*ret = r;
	return 0;
}

/* Apply huge pages and label.  Both are wishes: the region is usable without them. */
static void
dress(struct pages_region r, const struct pages_options *o)
{
	char *start = pages_region_start(r);
	size_t span = pages_region_span(r);

	if (r.kind != PAGES_POOL && o->huge != PAGES_HUGE_DEFAULT && pages_can(PAGES_CAP_HUGE))
		(void)pages_os_advise(start, span, o->huge == PAGES_HUGE_NEVER ? PAGES_OS_NO_HUGE
									       : PAGES_OS_HUGE);
	if (o->label != NULL)
		(void)pages_os_label(start, span, o->label);
}

int
pages_map_with_(const struct pages_options *options, const char *call, struct pages_raw_ *ret)
{
	struct pages_options o;
	struct pages_region r;
	int err = settle(options, &o);

	if (err != 0)
		return err;
	if (o.shared)
		err = map_shared(&o, &r);
	else if (o.reserve != 0)
		err = map_reserved(&o, &r);
	else if (wants_pool(&o))
		err = map_pool(&o, &r);
	else
		err = map_plain(&o, &r);
	if (err != 0)
		return err;
	dress(r, &o);
	*ret = pages_raw_new(r);
	pages_note_open(*ret, PAGES_P_RW_, o.label, call);
	return 0;
}
